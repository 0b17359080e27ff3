extension Migration {
    /// A second client secret for each customer, given before it becomes the app's.
    static let stagedSecret = Migration(
        number: 9, name: "staged client secret",
        sql: """
            alter table customers
                add column salesforce_client_secret_staged bytea
                    check (octet_length(salesforce_client_secret_staged) <= 8192),
                add column salesforce_client_secret_staged_at timestamptz,
                add constraint customers_staged_secret_check check (
                    (salesforce_client_secret_staged is null) = (salesforce_client_secret_staged_at is null));
            """)
}
