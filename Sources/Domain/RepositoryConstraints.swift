extension RepositoryError {
    /// The names of the constraints that ``RepositoryError/conflict(constraint:)`` carries, where callers tell them
    /// apart.
    public enum Constraint {
        /// Another customer has the subdomain.
        public static let subdomain = "customers_subdomain_key"
        /// Another user of the customer has the email.
        public static let userEmail = "users_email_key"
        /// Another user of the customer is that Salesforce user.
        public static let salesforceUser = "users_salesforce_user_id_key"
        /// A customer has one configuration.
        public static let configCustomer = "customer_configs_customer_id_key"
        /// The grant's user does not exist in that customer.
        public static let grantUser = "oauth_tokens_user_fkey"
        /// The session's user does not exist in that customer.
        public static let sessionUser = "sessions_user_fkey"
        /// Another session has the token's hash.
        public static let sessionTokenHash = "sessions_token_hash_key"
        /// The access key's user does not exist in that customer.
        public static let accessKeyUser = "access_keys_user_fkey"
        /// Another access key has the hash.
        public static let accessKeyHash = "access_keys_key_hash_key"
        /// The user's or configuration's customer does not exist.
        public static let userCustomer = "users_customer_id_fkey"
    }
}
