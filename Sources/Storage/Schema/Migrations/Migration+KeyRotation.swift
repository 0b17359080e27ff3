extension Migration {
    /// A data key that is sealed anew is the same data key.
    static let keyRotation = Migration(
        number: 8, name: "key rotation",
        sql: """
            -- What processes have cached stays right, and nobody edited the customer: a rotation of 100,000 customers
            -- must not empty every cache. In this scope nothing but data keys is written.
            create or replace trigger record_update after update on customers for each row
                when (
                    old.* is distinct from new.*
                    and current_setting('app.scope', true) is distinct from 'key_rotation')
                execute function formation_record_customer_change();
            create or replace trigger set_updated_at before update on customers for each row
                when (
                    old.* is distinct from new.* and old.updated_at = new.updated_at
                    and current_setting('app.scope', true) is distinct from 'key_rotation')
                execute function formation_set_updated_at();
            """)
}
