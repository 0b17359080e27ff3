extension Migration {
    /// What a session's browser calls itself, so that people know which one to sign out.
    static let userAgent = Migration(
        number: 10, name: "user agents of sessions",
        sql: "alter table sessions add column user_agent text check (char_length(user_agent) <= 255);")
}
