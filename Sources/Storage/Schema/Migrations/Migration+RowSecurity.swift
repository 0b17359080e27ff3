extension Migration {
    /// Row-level security (architecture invariant 1): a statement without its scope sees nothing.
    ///
    /// The settings are local to the statement's transaction. After one that set it, a setting is the empty text and no
    /// longer null, hence `nullif`. Policies of one table are alternatives: each is as narrow as its purpose.
    static let rowSecurity = Migration(
        number: 5, name: "row-level security",
        sql: """
            alter table customers enable row level security;
            create policy tenant on customers
                using (id = nullif(current_setting('app.customer', true), '')::uuid);
            create policy by_subdomain on customers for select
                using (subdomain = nullif(current_setting('app.subdomain', true), ''));
            create policy operators on customers for select
                using (current_setting('app.scope', true) = 'operators');
            create policy key_rotation_read on customers for select
                using (current_setting('app.scope', true) = 'key_rotation');
            create policy key_rotation_write on customers for update
                using (current_setting('app.scope', true) = 'key_rotation');
            create policy dump on customers for select using (current_setting('app.scope', true) = 'dump');

            alter table users enable row level security;
            create policy tenant on users
                using (customer_id = nullif(current_setting('app.customer', true), '')::uuid);
            create policy dump on users for select using (current_setting('app.scope', true) = 'dump');

            alter table customer_configs enable row level security;
            create policy tenant on customer_configs
                using (customer_id = nullif(current_setting('app.customer', true), '')::uuid);
            create policy dump on customer_configs for select using (current_setting('app.scope', true) = 'dump');

            alter table oauth_tokens enable row level security;
            create policy tenant on oauth_tokens
                using (customer_id = nullif(current_setting('app.customer', true), '')::uuid);
            create policy dump on oauth_tokens for select using (current_setting('app.scope', true) = 'dump');

            alter table sessions enable row level security;
            create policy tenant on sessions
                using (customer_id = nullif(current_setting('app.customer', true), '')::uuid);
            create policy by_token_hash on sessions for select
                using (token_hash = decode(nullif(current_setting('app.session_hash', true), ''), 'hex'));
            create policy sweep_read on sessions for select using (current_setting('app.scope', true) = 'sweep');
            create policy sweep_delete on sessions for delete using (current_setting('app.scope', true) = 'sweep');
            create policy dump on sessions for select using (current_setting('app.scope', true) = 'dump');

            alter table access_keys enable row level security;
            create policy tenant on access_keys
                using (customer_id = nullif(current_setting('app.customer', true), '')::uuid);
            create policy by_key_hash on access_keys for select
                using (key_hash = decode(nullif(current_setting('app.key_hash', true), ''), 'hex'));
            create policy dump on access_keys for select using (current_setting('app.scope', true) = 'dump');

            -- Append only: nothing may update or delete.
            alter table audit_events enable row level security;
            create policy tenant_read on audit_events for select
                using (customer_id = nullif(current_setting('app.customer', true), '')::uuid);
            create policy tenant_append on audit_events for insert
                with check (customer_id = nullif(current_setting('app.customer', true), '')::uuid);
            create policy operators_read on audit_events for select
                using (current_setting('app.scope', true) = 'operators');
            create policy operators_append on audit_events for insert
                with check (customer_id is null and current_setting('app.scope', true) = 'operators');
            create policy dump on audit_events for select using (current_setting('app.scope', true) = 'dump');

            alter table platform_keys enable row level security;
            create policy platform_read on platform_keys for select
                using (current_setting('app.scope', true) in ('platform', 'key_rotation'));
            create policy platform_write on platform_keys for insert
                with check (current_setting('app.scope', true) = 'platform');
            create policy key_rotation_write on platform_keys for update
                using (current_setting('app.scope', true) = 'key_rotation');
            create policy dump on platform_keys for select using (current_setting('app.scope', true) = 'dump');

            -- Written by triggers, in the scope of whoever changes something.
            alter table changes enable row level security;
            create policy tenant_append on changes for insert
                with check (customer_id = nullif(current_setting('app.customer', true), '')::uuid);
            create policy system_append on changes for insert
                with check (current_setting('app.scope', true) in ('sweep', 'key_rotation'));
            create policy feed on changes for select using (current_setting('app.scope', true) = 'change_feed');
            create policy sweep_read on changes for select using (current_setting('app.scope', true) = 'sweep');
            create policy sweep_delete on changes for delete using (current_setting('app.scope', true) = 'sweep');
            create policy dump on changes for select using (current_setting('app.scope', true) = 'dump');
            """)
}
