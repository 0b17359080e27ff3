import Salesforce
import Testing

/// The allow-list stands between a text that somebody sent and a request that we make: each vector is a way around it.
@Suite struct AllowedHostsTests {
    /// What a person may enter as login host, and its canonical form.
    @Test(arguments: [
        ("https://axonify.my.salesforce.com", "https://axonify.my.salesforce.com"),
        ("https://axonify.my.salesforce.com/", "https://axonify.my.salesforce.com"),
        ("HTTPS://Axonify.My.Salesforce.COM", "https://axonify.my.salesforce.com"),
        ("https://axonify--uat.sandbox.my.salesforce.com", "https://axonify--uat.sandbox.my.salesforce.com"),
        ("https://axonify-dev-ed.develop.my.salesforce.com", "https://axonify-dev-ed.develop.my.salesforce.com"),
        ("https://a.my.salesforce.mil", "https://a.my.salesforce.mil"),
        ("https://a.my.sfcrmproducts.cn", "https://a.my.sfcrmproducts.cn"),
        ("https://login.salesforce.com", "https://login.salesforce.com"),
        ("https://test.salesforce.com/", "https://test.salesforce.com"),
        ("https://axonify.my.site.com", "https://axonify.my.site.com"),
        ("https://axonify.my.site.com/partners", "https://axonify.my.site.com/partners"),
        ("https://axonify.my.site.com/partners/", "https://axonify.my.site.com/partners"),
        ("https://axonify--uat.sandbox.my.site.com/Fine_Apps", "https://axonify--uat.sandbox.my.site.com/Fine_Apps"),
    ])
    func loginHostIsTaken(url: String, canonical: String) throws {
        #expect(try AllowedHosts().loginEndpoint(url).description == canonical)
    }

    /// What may not be a login host, and why.
    @Test(
        arguments: [
            // Suffixes that only look alike.
            ("https://my.salesforce.com", .hostNotAllowed),
            ("https://salesforce.com", .hostNotAllowed),
            ("https://my.site.com", .hostNotAllowed),
            ("https://evilmy.salesforce.com", .hostNotAllowed),
            ("https://axonify.my.salesforce.com.evil.example", .hostNotAllowed),
            ("https://axonify.my-salesforce.com", .hostNotAllowed),
            ("https://axonify.my.salesforce.co", .hostNotAllowed),
            ("https://axonify.my.salesforce.comx", .hostNotAllowed),
            ("https://axonifymy.site.com", .hostNotAllowed),
            ("https://na1.salesforce.com", .hostNotAllowed),
            ("https://evil.login.salesforce.com", .hostNotAllowed),
            ("https://login.salesforce.com.evil.example", .hostNotAllowed),
            ("https://evil.example", .hostNotAllowed),
            ("https://127.0.0.1", .hostNotAllowed),
            ("https://169.254.169.254", .hostNotAllowed),
            ("https://localhost", .hostNotAllowed),
            ("https://[::1]", .hostNotAllowed),
            ("https://axonify.lightning.force.com", .lightningHost),
            // Schemes.
            ("http://axonify.my.salesforce.com", .notHTTPS),
            ("ftp://axonify.my.salesforce.com", .notHTTPS),
            ("javascript://axonify.my.salesforce.com", .notHTTPS),
            ("axonify.my.salesforce.com", .notAURL),
            ("//axonify.my.salesforce.com", .notAURL),
            ("https:axonify.my.salesforce.com", .notAURL),
            ("https:/axonify.my.salesforce.com", .notAURL),
            ("https:///axonify.my.salesforce.com", .notAURL),
            ("", .notAURL),
            ("https://", .notAURL),
            // User info.
            ("https://axonify.my.salesforce.com@evil.example", .userInfo),
            ("https://user:word@axonify.my.salesforce.com", .userInfo),
            ("https://evil.example/@axonify.my.salesforce.com", .userInfo),
            // Ports.
            ("https://axonify.my.salesforce.com:443", .portNotAllowed),
            ("https://axonify.my.salesforce.com:8443", .portNotAllowed),
            ("https://axonify.my.salesforce.com:", .notAURL),
            ("https://axonify.my.salesforce.com:0", .notAURL),
            ("https://axonify.my.salesforce.com:0443", .notAURL),
            ("https://axonify.my.salesforce.com:99999", .notAURL),
            ("https://axonify.my.salesforce.com:80a", .notAURL),
            ("https://axonify.my.salesforce.com:-1", .notAURL),
            ("https://axonify.my.salesforce.com:+443", .notAURL),
            // Paths, queries, fragments.
            ("https://axonify.my.salesforce.com/x", .pathNotAllowed),
            ("https://login.salesforce.com/services", .pathNotAllowed),
            ("https://axonify.my.site.com/../x", .pathNotAllowed),
            ("https://axonify.my.site.com/a/./b", .pathNotAllowed),
            ("https://axonify.my.site.com//evil.example", .pathNotAllowed),
            ("https://axonify.my.site.com/a;b", .pathNotAllowed),
            ("https://axonify.my.site.com/a%2Fb", .notAURL),
            ("https://axonify.my.salesforce.com?x", .queryOrFragment),
            ("https://axonify.my.salesforce.com#x", .queryOrFragment),
            ("https://evil.example#.my.salesforce.com", .queryOrFragment),
            ("https://evil.example?.my.salesforce.com", .queryOrFragment),
            // Characters that readers differ about.
            ("https://evil.example\\.my.salesforce.com", .notAURL),
            ("https://evil.example%2F.my.salesforce.com", .notAURL),
            ("https://axonify.my.salesforce.com\n", .notAURL),
            (" https://axonify.my.salesforce.com", .notAURL),
            ("https://axonify.my.sale\tsforce.com", .notAURL),
            ("https://axonify.my.salesforce.com\0.evil.example", .notAURL),
            ("https://axonify.my.salesforce.com.", .notAURL),
            ("https://axonify..my.salesforce.com", .notAURL),
            ("https://.my.salesforce.com", .notAURL),
            ("https://-a.my.salesforce.com", .notAURL),
            ("https://a-.my.salesforce.com", .notAURL),
            ("https://a_b.my.salesforce.com", .notAURL),
            ("https://ａxonify.my.salesforce.com", .notAURL),
            ("https://axonify.my.ѕalesforce.com", .notAURL),
            ("https://axonify。my.salesforce.com", .notAURL),
            ("https://axonify.my.salesforce.com／evil", .notAURL),
        ] as [(String, AllowedHostError)])
    func loginHostIsRefused(url: String, reason: AllowedHostError) {
        #expect(throws: reason) { try AllowedHosts().loginEndpoint(url) }
    }

    /// Names are limited as DNS limits them, and URLs to 512 bytes.
    @Test func longNamesAreRefused() {
        let label = String(repeating: "a", count: 63)
        #expect(throws: Never.self) { try AllowedHosts().loginEndpoint("https://\(label).my.salesforce.com") }
        #expect(throws: AllowedHostError.notAURL) {
            try AllowedHosts().loginEndpoint("https://\(label)a.my.salesforce.com")
        }
        let name = Array(repeating: label, count: 4).joined(separator: ".")
        #expect(throws: AllowedHostError.notAURL) {
            try AllowedHosts().loginEndpoint("https://\(name).my.salesforce.com")
        }
        #expect(throws: AllowedHostError.tooLong) {
            try AllowedHosts().loginEndpoint("https://a.my.site.com/" + String(repeating: "a", count: 600))
        }
    }

    /// What Salesforce gives as `instance_url`.
    @Test(arguments: [
        ("https://axonify.my.salesforce.com", "https://axonify.my.salesforce.com"),
        ("https://na1.salesforce.com", "https://na1.salesforce.com"),
        ("https://Axonify--UAT.sandbox.my.salesforce.com/", "https://axonify--uat.sandbox.my.salesforce.com"),
        ("https://a.my.salesforce.mil", "https://a.my.salesforce.mil"),
        ("https://a.my.sfcrmproducts.cn", "https://a.my.sfcrmproducts.cn"),
    ])
    func instanceIsTaken(url: String, canonical: String) throws {
        #expect(try AllowedHosts().instance(url).description == canonical)
    }

    /// What an answer could give to lead a token astray.
    @Test(
        arguments: [
            ("https://salesforce.com", .hostNotAllowed),
            ("https://evilsalesforce.com", .hostNotAllowed),
            ("https://na1.salesforce.com.evil.example", .hostNotAllowed),
            ("https://axonify.my.site.com", .hostNotAllowed),
            ("https://axonify.lightning.force.com", .hostNotAllowed),
            ("https://10.0.0.1", .hostNotAllowed),
            ("https://localhost", .hostNotAllowed),
            ("http://na1.salesforce.com", .notHTTPS),
            ("https://na1.salesforce.com:443", .portNotAllowed),
            ("https://na1.salesforce.com:8443", .portNotAllowed),
            ("https://na1.salesforce.com/x", .pathNotAllowed),
            ("https://na1.salesforce.com/?x", .queryOrFragment),
            ("https://na1.salesforce.com@evil.example", .userInfo),
            ("https://na1.salesforce.com.", .notAURL),
            ("https://na1.salesforce.com\\@evil.example", .notAURL),
            ("na1.salesforce.com", .notAURL),
        ] as [(String, AllowedHostError)])
    func instanceIsRefused(url: String, reason: AllowedHostError) {
        #expect(throws: reason) { try AllowedHosts().instance(url) }
    }

    /// Hosts that the operator names: exactly those, with exactly that port.
    @Test(arguments: [
        ("https://sf.example.com", true), ("https://sf.example.com:443", true), ("https://sf.example.com:8443", false),
        ("http://sf.example.com", false), ("https://x.sf.example.com", false), ("https://sf.example.org:9443", true),
        ("https://sf.example.org", false), ("http://localhost:9000", true), ("https://localhost:9000", true),
        ("http://localhost:9001", false), ("http://localhost", false), ("http://a.localhost:9000", true),
        ("http://b.localhost:9000", false), ("http://127.0.0.1:9000", true), ("http://127.1.2.3", true),
        ("http://[::1]:9000", true), ("http://10.0.0.1:9000", false), ("https://10.0.0.1:9000", true),
        ("http://127.0.0.1.example.com:9000", false), ("http://localhost.example.com:9000", false),
        ("http://127.0.0.01:9000", false), ("http://127.1:9000", false),
    ])
    func namedHostIsTakenAsNamed(url: String, isTaken: Bool) throws {
        let hosts = try AllowedHosts(extra: [
            "sf.example.com", "SF.example.org:9443", "localhost:9000", "a.localhost:9000", "127.0.0.1:9000",
            "127.1.2.3", "[::1]:9000", "10.0.0.1:9000", "127.0.0.1.example.com:9000", "localhost.example.com:9000",
            "127.0.0.01:9000", "127.1:9000",
        ])
        #expect(((try? hosts.loginEndpoint(url)) != nil) == isTaken)
        #expect(((try? hosts.instance(url)) != nil) == isTaken)
    }

    /// A default port written out is the same host as one left out.
    @Test func defaultPortIsCanonicalised() throws {
        let hosts = try AllowedHosts(extra: ["sf.example.com:443", "localhost:80"])
        #expect(try hosts.instance("https://sf.example.com").description == "https://sf.example.com")
        #expect(try hosts.instance("https://sf.example.com:443").description == "https://sf.example.com")
        #expect(try hosts.instance("http://localhost:80").authority == "localhost")
    }

    /// An entry that cannot mean what its author meant is refused at the start.
    @Test(arguments: [
        "", "*.localhost", "https://localhost", "localhost:", "localhost:x", "a b", "::1", "localhost/", "a@b",
    ])
    func malformedEntryIsRefused(entry: String) {
        #expect(throws: AllowedHostError.malformedEntry) { try AllowedHosts(extra: [entry]) }
    }

    /// Endpoints stand behind a site's path.
    @Test func endpointsFollowThePathPrefix() throws {
        let login = try AllowedHosts().loginEndpoint("https://a.my.site.com/fineapps")
        #expect(login.authorizeURL == "https://a.my.site.com/fineapps/services/oauth2/authorize")
        #expect(login.tokenURL == "https://a.my.site.com/fineapps/services/oauth2/token")
        #expect(login.revokeURL == "https://a.my.site.com/fineapps/services/oauth2/revoke")
        #expect(login.userInfoURL == "https://a.my.site.com/fineapps/services/oauth2/userinfo")
    }

    /// Every org may sign in at the generic hosts, so there the org must be known beforehand.
    @Test(arguments: [
        ("https://login.salesforce.com", true), ("https://test.salesforce.com", true),
        ("https://login.my.salesforce.com", false), ("https://axonify.my.site.com/login", false),
        ("http://login.salesforce.localhost:9000", true), ("http://axonify.my.salesforce.localhost:9000", false),
    ])
    func genericHostIsKnown(url: String, isGeneric: Bool) throws {
        let hosts = try AllowedHosts(extra: ["login.salesforce.localhost:9000", "axonify.my.salesforce.localhost:9000"])
        #expect(try hosts.loginEndpoint(url).isGeneric == isGeneric)
    }

    /// Sandboxes are known by their names.
    @Test(arguments: [
        ("https://axonify--uat.sandbox.my.salesforce.com", true), ("https://axonify--uat.my.salesforce.com", true),
        ("https://cs12.salesforce.com", true), ("https://axonify.my.salesforce.com", false),
        ("https://na1.salesforce.com", false), ("https://csx.salesforce.com", false),
        ("https://sandbox.my.salesforce.com", false),
    ])
    func sandboxIsKnown(url: String, isSandbox: Bool) throws {
        #expect(try AllowedHosts().instance(url).isSandbox == isSandbox)
    }

    /// What is told to a person never repeats what was entered.
    @Test func errorsDoNotRepeatTheURL() {
        let error = #expect(throws: AllowedHostError.self) {
            try AllowedHosts().loginEndpoint("https://user:canary@evil.example")
        }
        #expect(error?.description.contains("canary") == false)
    }
}
