extension Migration {
    /// The seed document's tables: customers, users and configurations.
    static let tenants = Migration(
        number: 1, name: "customers, users and their configuration",
        sql: """
            create type subscription_tier as enum ('starter', 'professional', 'enterprise');
            create type subscription_status as enum ('trial', 'active', 'cancelled', 'past_due');
            create type user_role as enum ('ae', 'am', 'csm', 'admin');

            -- A row that is changed without its updated_at gets one, so that nobody's edit goes unnoticed.
            create function formation_set_updated_at() returns trigger language plpgsql as $$
            begin
                new.updated_at := greatest(clock_timestamp(), old.updated_at + interval '1 microsecond');
                return new;
            end
            $$;

            create table customers (
                id uuid not null default gen_random_uuid() primary key,
                company_name text not null check (char_length(company_name) between 1 and 255),
                subdomain text not null
                    constraint customers_subdomain_key unique
                    check (subdomain ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' and subdomain !~ '^xn--'),
                salesforce_instance_url text not null check (char_length(salesforce_instance_url) between 1 and 2048),
                salesforce_client_id bytea check (octet_length(salesforce_client_id) <= 8192),
                salesforce_client_secret bytea check (octet_length(salesforce_client_secret) <= 8192),
                salesforce_org_id text check (salesforce_org_id ~ '^[A-Za-z0-9]{15}$'),
                rotates_refresh_tokens boolean not null default false,
                data_key bytea not null check (octet_length(data_key) between 37 and 1024),
                subscription_tier subscription_tier not null default 'starter',
                subscription_status subscription_status not null default 'trial',
                trial_ends_at timestamptz,
                past_due_since timestamptz,
                suspended_at timestamptz,
                stripe_customer_id text constraint customers_stripe_customer_id_key unique,
                created_at timestamptz not null default now(),
                updated_at timestamptz not null default now()
            );
            create trigger set_updated_at before update on customers for each row
                when (old.* is distinct from new.* and old.updated_at = new.updated_at)
                execute function formation_set_updated_at();

            create table users (
                id uuid not null default gen_random_uuid() primary key,
                customer_id uuid not null
                    constraint users_customer_id_fkey references customers (id) on delete cascade,
                email text not null check (char_length(email) between 1 and 320),
                salesforce_user_id text check (salesforce_user_id ~ '^[A-Za-z0-9]{15}$'),
                first_name text not null default '' check (char_length(first_name) <= 255),
                last_name text not null default '' check (char_length(last_name) <= 255),
                role user_role not null default 'ae',
                salesforce_profile text check (char_length(salesforce_profile) <= 255),
                last_login_at timestamptz,
                disabled_at timestamptz,
                created_at timestamptz not null default now(),
                updated_at timestamptz not null default now(),
                -- What rows of other tables refer to: they can't point at another tenant's user.
                constraint users_customer_id_id_key unique (customer_id, id),
                constraint users_salesforce_user_id_key unique (customer_id, salesforce_user_id)
            );
            -- Unique within the customer: a global index would tell tenants of each other.
            create unique index users_email_key on users (customer_id, lower(email));
            create trigger set_updated_at before update on users for each row
                when (old.* is distinct from new.* and old.updated_at = new.updated_at)
                execute function formation_set_updated_at();

            create table customer_configs (
                id uuid not null default gen_random_uuid() primary key,
                customer_id uuid not null
                    constraint customer_configs_customer_id_key unique
                    constraint customer_configs_customer_id_fkey references customers (id) on delete cascade,
                field_mappings jsonb not null default '{}' check (jsonb_typeof(field_mappings) = 'object'),
                risk_rules jsonb not null
                    default '{"staleOpportunityDays": 30, "highRiskStages": ["Negotiation", "Proposal"],
                        "lowEngagementThreshold": 3, "staleDealWarningDays": 14}'
                    check (jsonb_typeof(risk_rules) = 'object'),
                priority_weights jsonb not null
                    default '{"dealSize": 0.3, "closeProximity": 0.25, "riskScore": 0.25,
                        "engagementLevel": 0.1, "strategicValue": 0.1}'
                    check (jsonb_typeof(priority_weights) = 'object'),
                created_at timestamptz not null default now(),
                updated_at timestamptz not null default now()
            );
            create trigger set_updated_at before update on customer_configs for each row
                when (old.* is distinct from new.* and old.updated_at = new.updated_at)
                execute function formation_set_updated_at();
            """)
}
