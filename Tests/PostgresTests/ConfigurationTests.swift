import Testing

@testable import Postgres

@Suite struct ConfigurationTests {
    /// What a policy on TLS needs is read from both forms of connection strings.
    @Test func addressesAreRead() throws {
        let address = try PostgresAddress(url: "postgres://me:secret@db.example:5433/app?sslmode=require")
        #expect(address.hosts == ["db.example"])
        #expect(address.database == "app")
        #expect(address.user == "me")
        #expect(address.sslMode == "require")
        let other = try PostgresAddress(url: "host=a,b hostaddr=127.0.0.1,10.0.0.1 dbname=x")
        #expect(other.hosts == ["127.0.0.1", "10.0.0.1"])
        #expect(!"\(address)".contains("secret"))
    }

    /// Local is what never leaves the machine; a name that begins like a loopback address is not.
    @Test(arguments: [
        ("postgres:///d", true), ("postgres://localhost/d", true), ("postgres://127.0.0.1/d", true),
        ("postgres://127.9.9.9/d", true), ("postgres://[::1]/d", true), ("postgres:///d?host=/tmp", true),
        ("postgres://127.example.com/d", false), ("postgres://127.0.0.1,db.example/d", false),
        ("postgres://localhost/d?hostaddr=10.0.0.1", false), ("postgres://db/d", false),
    ])
    func localityIsTold(_ url: String, _ isLocal: Bool) throws {
        #expect(try PostgresAddress(url: url).isLocal == isLocal)
    }

    /// A string that libpq can't read is refused without a word of it, although libpq's message quotes it.
    @Test(arguments: [
        "postgres://u:canary%zz@h/d", "postgres://u:p@h/d?canary", "postgres://u:p@h/d?canary=1",
        "postgres://u:p@h/d?pool=canary", "canary", "host='canary", "postgres://[canary/d", "host=a\0canary",
    ])
    func unreadableStringsAreNotQuoted(_ url: String) {
        let error = #expect(throws: PostgresError.self) { try PostgresAddress(url: url) }
        #expect(error?.code == .invalidConfiguration)
        var printed = ""
        dump(error, to: &printed)
        #expect(!printed.contains("canary") && error?.description.contains("canary") == false)
    }

    /// The client's options join those of the string; those that the string gives win, but for what must be.
    @Test func optionsAreMerged() throws {
        let configuration = PostgresConfiguration(
            url: "postgres://h/d?keepalives_idle=5&options=-c%20work_mem%3D8MB&client_encoding=LATIN1&sslmode=prefer",
            statementTimeout: .milliseconds(1_500), applicationName: "gateway", options: ["sslmode": "require"])
        let options = try ConnectionOptions.make(configuration)
        #expect(options["keepalives_idle"] == "5")
        #expect(options["keepalives_interval"] == "10")
        #expect(options["options"] == "-c work_mem=8MB")
        #expect(options["target_session_attrs"] == "read-write")
        #expect(options["client_encoding"] == "UTF8")
        #expect(options["sslmode"] == "require")
        #expect(options["fallback_application_name"] == "gateway")
    }

    /// Hosts, their addresses and their ports are turned together; what there is one of stays.
    @Test func hostsAreTurned() {
        let options = ["host": "a,b,c", "hostaddr": "1.1.1.1,,3.3.3.3", "port": "5432", "dbname": "x,y"]
        #expect(ConnectionOptions.rotated(options, by: 0) == options)
        let turned = ConnectionOptions.rotated(options, by: 4)
        #expect(turned["host"] == "b,c,a" && turned["hostaddr"] == ",3.3.3.3,1.1.1.1")
        #expect(turned["port"] == "5432" && turned["dbname"] == "x,y")
    }

    /// A wait is never cut to nothing by rounding.
    @Test(arguments: [
        (Duration.nanoseconds(1), Int64(1)), (.milliseconds(2), 2), (.microseconds(2_001), 3), (.zero, 0),
        (.seconds(Int64.max / 10), .max),
    ])
    func millisecondsAreRoundedUp(_ duration: Duration, _ milliseconds: Int64) {
        #expect(duration.wholeMilliseconds == milliseconds)
    }
}

@Suite struct ConnectFailureTests {
    /// libpq's words, with the server's SQLSTATE where it has one, tell what an operator has to look at.
    @Test(arguments: [
        (
            "connection to server at \"127.0.0.1\", port 1 failed: Connection refused\n\tIs the server running on that host?\n",
            nil, PostgresConnectionProblem.serverNotRunning
        ),
        (
            "connection to server on socket \"/x/.s.PGSQL.1\" failed: No such file or directory\n\tIs the server running locally?\n",
            nil, .serverNotRunning
        ),
        (
            "could not translate host name \"nowhere.invalid\" to address: Name or service not known\n", nil,
            .hostNotFound
        ),
        (
            "connection to server failed: FATAL:  3D000: database \"x\" does not exist\nLOCATION:  InitPostgres, postinit.c:885\n",
            "3D000", .databaseMissing
        ),
        (
            "connection failed: FATAL:  28P01: password authentication failed for user \"u\"\n", "28P01",
            .passwordRefused
        ),
        ("connection failed: fe_sendauth: no password supplied\n", nil, .passwordRefused),
        ("connection failed: FATAL:  28000: role \"nobody\" does not exist\n", "28000", .roleRefused),
        (
            "connection failed: FATAL:  28000: no pg_hba.conf entry for host \"1.2.3.4\", user \"u\", database \"d\", no encryption\n",
            "28000", .tlsRefused
        ),
        ("connection failed: FATAL:  53300: sorry, too many clients already\n", "53300", .tooManyConnections),
        ("connection failed: FATAL:  57P03: the database system is starting up\n", "57P03", .notAccepting),
        ("connection failed: server does not support SSL, but SSL was required\n", nil, .tlsRefused),
        ("connection failed: SSL error: certificate verify failed\n", nil, .tlsRefused),
        ("connection failed: FATAL:  42501: permission denied for database \"x\"\n", "42501", .permissionDenied),
        ("connection failed: schwerer Fehler:  3D000: Datenbank »x« existiert nicht\n", "3D000", .databaseMissing),
        ("something new", nil, .other),
    ])
    func problemsAreTold(_ text: String, _ sqlState: String?, _ problem: PostgresConnectionProblem) {
        let error = PostgresError(connectFailure: text)
        #expect(error.sqlState == sqlState)
        #expect(error.connectionProblem == problem)
        #expect(error.isConnectivity)
        #expect(error.serverMessage?.contains("LOCATION") == false)
        #expect(error.serverMessage?.contains("\n") == false)
    }

    /// What may be kept of the server's message: never where a value may be in it.
    @Test func messagesOfDataErrorsAreNotKept() {
        #expect(PostgresError.mayKeepMessage(sqlState: "42P01", sawParameters: false))
        #expect(!PostgresError.mayKeepMessage(sqlState: "42P01", sawParameters: true))
        #expect(!PostgresError.mayKeepMessage(sqlState: "22P02", sawParameters: false))
        #expect(!PostgresError.mayKeepMessage(sqlState: "23505", sawParameters: false))
    }
}
