extension Migration {
    /// Last uses of many customers' sessions and keys are written by one statement.
    static let lastUse = Migration(
        number: 6, name: "last uses",
        sql: """
            create policy last_use_read on sessions for select using (current_setting('app.scope', true) = 'last_use');
            create policy last_use_write on sessions for update using (current_setting('app.scope', true) = 'last_use');
            create policy last_use_read on access_keys for select
                using (current_setting('app.scope', true) = 'last_use');
            create policy last_use_write on access_keys for update
                using (current_setting('app.scope', true) = 'last_use');
            """)
}
