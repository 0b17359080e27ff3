extension PostgresError {
    /// The error for a connection that libpq could not make, from what it says.
    ///
    /// libpq gives text alone, without a SQLSTATE; but told to be verbose, it puts the server's SQLSTATE in front of
    /// the server's message (`FATAL:  3D000: database "x" does not exist`), which is read here. Failures of libpq's
    /// own are told apart by their words, which are English, as nothing in this process sets a locale; an unknown one
    /// is ``PostgresConnectionProblem/other``.
    init(connectFailure text: String, code: Code = .connectionFailed) {
        let sqlState = Self.lastSQLState(in: text)
        self.init(
            code: code, sqlState: sqlState, connectionProblem: Self.problem(sqlState: sqlState, text: text),
            serverMessage: Self.readable(text))
    }

    /// Verbose messages have the form `SEVERITY:  SQLSTATE: message`. Where several hosts or attempts failed, the last
    /// counts.
    static func lastSQLState(in text: String) -> String? {
        var found: String?
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", omittingEmptySubsequences: false)
            for index in parts.indices.dropFirst().dropLast() where parts[index].hasPrefix("  ") {
                let candidate = parts[index].dropFirst(2)
                let isState =
                    candidate.utf8.count == 5
                    && candidate.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) }
                if isState { found = String(candidate) }
            }
        }
        return found
    }

    static func problem(sqlState: String?, text: String) -> PostgresConnectionProblem {
        switch sqlState {
        case "3D000": return .databaseMissing
        case "28P01": return .passwordRefused
        case "28000": return text.contains("no encryption") ? .tlsRefused : .roleRefused
        case "42501": return .permissionDenied
        case "53300": return .tooManyConnections
        case "57P01", "57P02", "57P03": return .notAccepting
        case .some: return .other
        case nil: break
        }
        let words: [(String, PostgresConnectionProblem)] = [
            ("Connection refused", .serverNotRunning),
            ("No such file or directory\n\tIs the server running", .serverNotRunning),
            ("could not translate host name", .hostNotFound),
            ("no password supplied", .passwordRefused),
            ("does not support SSL", .tlsRefused),
            ("SSL error", .tlsRefused),
            ("SSL SYSCALL error", .tlsRefused),
            ("certificate", .tlsRefused),
            ("timed out", .unreachable),
            ("No route to host", .unreachable),
            ("Network is unreachable", .unreachable),
            ("session is read-only", .notAccepting),
            ("server is in hot standby mode", .notAccepting),
            ("server is not in hot standby mode", .notAccepting),
            ("server closed the connection unexpectedly", .notAccepting),
        ]
        return words.first { text.contains($0.0) }?.1 ?? .other
    }

    /// The text without the server's source locations, on one line, at most so long.
    static func readable(_ text: String) -> String {
        let lines = text.split(separator: "\n").filter { !$0.hasPrefix("LOCATION:") }
        let line = lines.map { $0.drop { $0 == "\t" || $0 == " " } }.joined(separator: " ")
        return String(line.prefix(Self.serverMessageCharactersMax))
    }

    static let serverMessageCharactersMax = 1_000
}

extension PostgresError {
    /// Which errors of a statement may keep the server's message.
    ///
    /// A message can only quote a parameter if there was one when it was written: not where the statement failed while
    /// it was prepared, nor where it has none. Data errors (classes 22 and 23) quote rows; theirs is never kept.
    static func mayKeepMessage(sqlState: String, sawParameters: Bool) -> Bool {
        !sawParameters && !sqlState.hasPrefix("22") && !sqlState.hasPrefix("23")
    }
}
