extension Migration {
    /// The audit log, the platform's own key and what was seeded.
    static let platform = Migration(
        number: 3, name: "audit log, platform key, seeds",
        sql: """
            -- No foreign keys: what was done stays on record when its customer or user is gone. The events of a deleted
            -- customer keep its id, which no tenant has any more; they hold no secret and no content.
            create table audit_events (
                id uuid not null default gen_random_uuid() primary key,
                customer_id uuid,
                user_id uuid,
                action text not null check (char_length(action) between 1 and 100),
                detail jsonb not null default '{}' check (jsonb_typeof(detail) = 'object'),
                request_id text check (char_length(request_id) <= 128),
                at timestamptz not null default now()
            );
            create index audit_events_customer_id_at_idx on audit_events (customer_id, at desc, id desc);

            -- One row: the data key that seals what belongs to no customer.
            create table platform_keys (
                name text not null primary key check (name = 'data'),
                data_key bytea not null check (octet_length(data_key) between 37 and 1024),
                created_at timestamptz not null default now()
            );

            create table seeds_applied (
                name text not null primary key,
                applied_at timestamptz not null default now()
            );
            """)
}
