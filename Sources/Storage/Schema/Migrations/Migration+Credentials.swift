extension Migration {
    /// Grants, sessions and access keys.
    static let credentials = Migration(
        number: 2, name: "grants, sessions and access keys",
        sql: """
            create type access_key_scope as enum ('read', 'full');

            -- One row a user: the grant that all of the user's sessions and access keys share.
            create table oauth_tokens (
                id uuid not null default gen_random_uuid() primary key,
                user_id uuid not null,
                customer_id uuid not null
                    constraint oauth_tokens_customer_id_fkey references customers (id) on delete cascade,
                access_token bytea not null check (octet_length(access_token) <= 65536),
                refresh_token bytea check (octet_length(refresh_token) <= 65536),
                instance_url text not null check (char_length(instance_url) between 1 and 2048),
                expires_at timestamptz not null,
                version bigint not null default 1 check (version >= 1),
                fence bigint not null default 0 check (fence >= 0),
                lease_expires_at timestamptz,
                spending_since timestamptz,
                dead_reason text check (char_length(dead_reason) <= 1000),
                created_at timestamptz not null default now(),
                updated_at timestamptz not null default now(),
                constraint oauth_tokens_customer_id_user_id_key unique (customer_id, user_id),
                constraint oauth_tokens_user_fkey foreign key (customer_id, user_id)
                    references users (customer_id, id) on delete cascade
            );
            create trigger set_updated_at before update on oauth_tokens for each row
                when (
                    (old.access_token, old.refresh_token, old.instance_url, old.expires_at, old.version,
                        old.dead_reason)
                        is distinct from
                    (new.access_token, new.refresh_token, new.instance_url, new.expires_at, new.version,
                        new.dead_reason)
                    and old.updated_at = new.updated_at)
                execute function formation_set_updated_at();

            create table sessions (
                id uuid not null default gen_random_uuid() primary key,
                customer_id uuid not null
                    constraint sessions_customer_id_fkey references customers (id) on delete cascade,
                user_id uuid not null,
                token_hash bytea not null
                    constraint sessions_token_hash_key unique
                    check (octet_length(token_hash) = 32),
                created_at timestamptz not null default now(),
                last_seen_at timestamptz not null default now(),
                expires_at timestamptz not null,
                constraint sessions_user_fkey foreign key (customer_id, user_id)
                    references users (customer_id, id) on delete cascade
            );
            create index sessions_customer_id_user_id_idx on sessions (customer_id, user_id, created_at);
            create index sessions_expires_at_idx on sessions (expires_at);

            create table access_keys (
                id uuid not null default gen_random_uuid() primary key,
                customer_id uuid not null
                    constraint access_keys_customer_id_fkey references customers (id) on delete cascade,
                user_id uuid not null,
                name text not null check (char_length(name) between 1 and 255),
                scope access_key_scope not null,
                key_hash bytea not null
                    constraint access_keys_key_hash_key unique
                    check (octet_length(key_hash) = 32),
                created_at timestamptz not null default now(),
                expires_at timestamptz not null,
                last_used_at timestamptz,
                constraint access_keys_user_fkey foreign key (customer_id, user_id)
                    references users (customer_id, id) on delete cascade
            );
            create index access_keys_customer_id_user_id_idx on access_keys (customer_id, user_id, created_at);
            """)
}
