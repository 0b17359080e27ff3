extension Migration {
    /// That a refresh token was sent once more although it was in doubt is known to all processes, also after a crash.
    static let doubt = Migration(
        number: 7, name: "refresh tokens in doubt",
        sql: "alter table oauth_tokens add column asked_in_doubt boolean not null default false;")
}
