extension Migration {
    /// The change feed: a row of `changes` for each change of something that processes cache, written with it.
    static let changeFeed = Migration(
        number: 4, name: "change feed",
        sql: """
            create table changes (
                sequence bigint generated always as identity primary key,
                kind text not null
                    check (kind in ('customer', 'user', 'session', 'access_key', 'grant', 'config')),
                -- No foreign key: the change that matters most is that the customer is gone.
                customer_id uuid not null,
                subject uuid not null,
                at timestamptz not null default clock_timestamp()
            );
            create index changes_at_idx on changes (at);

            create function formation_record_change() returns trigger language plpgsql
            set search_path from current as $$
            declare
                row_changed record;
            begin
                if tg_op = 'DELETE' then row_changed := old; else row_changed := new; end if;
                insert into changes (kind, customer_id, subject)
                    values (tg_argv[0], row_changed.customer_id, row_changed.id);
                perform pg_notify('formation_changes', '');
                return null;
            end
            $$;

            create function formation_record_customer_change() returns trigger language plpgsql
            set search_path from current as $$
            declare
                customer uuid;
            begin
                if tg_op = 'DELETE' then customer := old.id; else customer := new.id; end if;
                insert into changes (kind, customer_id, subject) values ('customer', customer, customer);
                perform pg_notify('formation_changes', '');
                return null;
            end
            $$;

            create trigger record_change after insert or delete on customers
                for each row execute function formation_record_customer_change();
            create trigger record_update after update on customers
                for each row when (old.* is distinct from new.*) execute function formation_record_customer_change();

            create trigger record_change after insert or delete on users
                for each row execute function formation_record_change('user');
            create trigger record_update after update on users
                for each row when (old.* is distinct from new.*) execute function formation_record_change('user');

            create trigger record_change after insert or delete on customer_configs
                for each row execute function formation_record_change('config');
            create trigger record_update after update on customer_configs
                for each row when (old.* is distinct from new.*) execute function formation_record_change('config');

            -- The lease and its mark are read from the row by whoever wants to refresh, and cached by nobody.
            create trigger record_change after insert or delete on oauth_tokens
                for each row execute function formation_record_change('grant');
            create trigger record_update after update on oauth_tokens
                for each row when (
                    (old.access_token, old.refresh_token, old.instance_url, old.expires_at, old.version,
                        old.dead_reason)
                        is distinct from
                    (new.access_token, new.refresh_token, new.instance_url, new.expires_at, new.version,
                        new.dead_reason))
                execute function formation_record_change('grant');

            -- Nobody can have cached a session before it was made. Being seen changes nothing that matters elsewhere.
            create trigger record_change after delete on sessions
                for each row execute function formation_record_change('session');
            create trigger record_update after update on sessions
                for each row when (
                    (old.user_id, old.token_hash, old.expires_at)
                        is distinct from (new.user_id, new.token_hash, new.expires_at))
                execute function formation_record_change('session');

            create trigger record_change after insert or delete on access_keys
                for each row execute function formation_record_change('access_key');
            create trigger record_update after update on access_keys
                for each row when (
                    (old.user_id, old.key_hash, old.scope, old.name, old.expires_at)
                        is distinct from (new.user_id, new.key_hash, new.scope, new.name, new.expires_at))
                execute function formation_record_change('access_key');
            """)
}
