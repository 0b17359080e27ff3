import Access
import Foundation
import HTTPTypes
import Testing
import Wire

@testable import Forwarding

/// Which request targets are forwarded, refused and not there.
@Suite struct PathAdmissionTests {
    static let forwarded = [
        "/services/data", "/services/data/", "/services/data/v62.0", "/services/data/v62.0/",
        "/services/data/v62.0/query?q=SELECT+Id+FROM+Account", "/services/data/v62.0/query/01gD0000002HU6KIAW-2000",
        "/services/data/v62.0/sobjects/Account/001D000000INjVe", "/services/data/v62.0/sobjects/Account/Ext__c/a%20b",
        "/services/data/v62.0/sobjects/Account/Ext__c/100%25", "/services/data/v62.0/sobjects/Account/Ext__c/%C3%A9",
        "/services/data/v62.0/sobjects/Account/Ext__c/a%3Bb", "/services/data/v62.0/sobjects/Account/Ext__c/..a",
        "/services/data/v62.0/sobjects/Account/Ext__c/a..b", "/services/data/v62.0/sobjects/Account/Ext__c/...",
        "/services/data/v62.0/sobjects/Account/Ext__c/a@b.c", "/services/data/v62.0/sobjects/Account/Ext__c/a%26b=c",
        "/services/data/v62.0/sobjects/Account/Ext__c/%7Etilde~", "/services/data/v62.0/composite/sobjects?ids=1,2",
        "/services/data/v62.0/query?q=a%2Bb+c%27d|e[f]{g}%20h", "/services/data/v62.0/query?q=%zz", "/services/data/?",
        "/services/data/v62.0/query?q=../..", "/services/data/v62.0/query?q=a//b", "/services/data/v62.0/query?q=\\",
        "/services/data/v62.0/query?q=%2f%5c%00", "/services/data/v62.0/query?a;b", "/services/data/v62.0/query??",
        "/services/apexrest", "/services/apexrest/", "/services/apexrest/my/Path/1",
        "/services/apexrest/ns/x%20y?z=1&z=2", "/services/async/62.0/job",
        "/services/async/62.0/job/750/batch/751/result",
        "/services/oauth2/userinfo", "/services/oauth2/userinfo?format=json",
    ]

    /// What is forwarded leaves as it came, byte for byte.
    @Test(arguments: forwarded) func aForwardedTargetIsUnchanged(target: String) throws {
        let admitted = try PathAdmission.admit(method: .get, target: target, limits: ForwardingLimits())
        #expect(admitted.raw == target)
        let query = admitted.query.map { "?" + $0 } ?? ""
        #expect(admitted.path + query == target)
        #expect(PathAdmission.claims(target))
    }

    static let notForwarded = [
        "/services", "/services/", "/services/oauth2", "/services/oauth2/token", "/services/oauth2/authorize",
        "/services/oauth2/revoke", "/services/oauth2/introspect", "/services/oauth2/userinfo/",
        "/services/oauth2/userinfo/x", "/services/oauth2/userinfox", "/services/oauth2/singleaccess",
        "/services/Soap/u/62.0", "/services/Soap/c/62.0/00D", "/services/soap/u/62.0", "/services/datax",
        "/services/dataz/v62.0", "/services/DATA/v62.0", "/Services/data/v62.0", "/SERVICES/DATA", "/services/Data",
        "/services/apexrestx", "/services/ApexRest/x", "/services/asyncx", "/services/Async/62.0/job", "/cometd",
        "/cometd/", "/cometd/62.0", "/Cometd/62.0", "/cometd/replay/36.0", "/services/d%61ta/v62.0",
        "/s%65rvices/data/v62.0", "/%73ervices/data", "/services/%64ata", "/services/proxy", "/services/auth/idp/saml2",
        "/services/data%20", "/services?data/v62.0", "/services/wsdl/class/x",
    ]

    /// What is well-formed and not on the list is not there.
    @Test(arguments: notForwarded) func whatIsNotOnTheListIsNotThere(target: String) {
        #expect(throws: PathAdmission.Refusal.notForwarded) {
            try PathAdmission.admit(method: .get, target: target, limits: ForwardingLimits())
        }
        #expect(PathAdmission.claims(target))
    }

    /// What clients look for is known by its name, in any spelling that Salesforce might take.
    @Test(arguments: [
        ("/services/Soap/u/62.0", UnforwardedAPI.soapPartner), ("/services/soap/U/62.0?x=/y", .soapPartner),
        ("/services/Soap/c/62.0/00D", .soapEnterprise), ("/services/Soap/T/62.0", .soapTooling),
        ("/services/Soap/m/62.0", .soapOther), ("/services/Soap/s/62.0", .soapOther), ("/services/Soap", .soapOther),
        ("/services/S%6fap/class/Mine", .soapOther), ("/cometd", .cometd), ("/CometD/62.0/", .cometd),
        ("/services/Soaps", nil), ("/services", nil), ("/services/x?/services/Soap", nil), ("/cometdx", nil),
        ("/", nil), ("/services/cometd", nil),
    ])
    func whatClientsLookFor(target: String, api: UnforwardedAPI?) {
        #expect(PathAdmission.unforwardedAPI(target) == api)
    }

    static let malformed = [
        "/services/data/..", "/services/data/../oauth2/token", "/services/data/../../secur/frontdoor.jsp",
        "/services/data/.", "/services/data/./v62.0", "/services/data/v62.0/..", "/services/data/v62.0/../..",
        "/services/data/%2e%2e/oauth2/token", "/services/data/%2E%2E/oauth2/token", "/services/data/.%2e/oauth2/token",
        "/services/data/%2e./oauth2/token", "/services/data/%2e", "/services/data/%2E/", "/services/data/%252e%252e/x",
        "/services/data/%252E%252e/x", "/services/data/%25252e%25252e/x", "/services/data/.%252e/x",
        "/services/data/..;/oauth2/token", "/services/data/..;x=1/oauth2/token", "/services/data/.;/x",
        "/services/data/%2e%2e;/x", "/services/data/..%3b/x", "/services/data/%2e%2e%3b/x", "/services/data/..%3Bx/y",
        "/services/data/v62.0;x=1", "/services/data;x", "/services/data/;", "/services/data/v62.0/a;b/c",
        "/services/data/v62.0/tooling/executeAnonymous;", "/services/data%2f", "/services/data%2Fv62.0",
        "/services/data/v62.0%2fquery", "/services/data/a%2F..%2Fb", "/services/data/..%2foauth2/token",
        "/services/data/%2e%2e%2foauth2/token", "/services/data/%252f", "/services/data/%252Fx",
        "/services/data/%25252f",
        "/services/data/%5c", "/services/data/%5C..%5c", "/services/data/..%5coauth2", "/services/data/%255c",
        "/services/data\\v62.0", "/services/data/..\\oauth2", "/services\\data", "/services/data/\\",
        "//services/data", "/services//data", "/services/data//v62.0", "/services/data//",
        "/services/data/v62.0//query",
        "///services/data", "/services/data/v62.0/query//", "/services/data/%", "/services/data/%2",
        "/services/data/%zz",
        "/services/data/%2g", "/services/data/a%", "/services/data/%%32%65", "/services/data/%u002e%u002e/",
        "/services/data/%00", "/services/data/a%00b", "/services/data/%0a", "/services/data/%0d%0aX:%20y",
        "/services/data/%09", "/services/data/%1f", "/services/data/%7f", "/services/data/%2500",
        "/services/data/%250a",
        "/services/data/%c0%ae%c0%ae/", "/services/data/%c0%af", "/services/data/%e0%80%ae", "/services/data/%ff",
        "/services/data/%c3", "/services/data/%ed%a0%80", "/services/data/#", "/services/data/v62.0#x",
        "/services/data/v62.0/query?q=a#b", "/services/data/é", "/services/data/v62.0/query?q=é",
        "/services/data/\u{7f}",
        "/services/data/ x", "/services/data/\tx", "/services/data/v62.0/query?q=a b",
        "/services/data/v62.0/query?q=\u{0}",
        "/services/data/v62.0/query?q=\r\nX", "http://evil.example/services/data", "https://axonify/services/data",
        "services/data", "./services/data", "*", "", "?", "/services/./data", "/services/../services/data",
        "/x/../services/data", "/x/%2e%2e/services/data", "/services/data/v62.0/query?_HttpMethod=DELETE",
        "/services/data/v62.0/query?q=1&_httpmethod=PATCH", "/services/data/v62.0/query?%5fHttpMethod=PUT",
        "/services/data/v62.0/query?a;_HttpMethod=PUT", "/services/data/" + String(repeating: "a", count: 16 * 1024),
        "/services/data/v62.0/query?q=" + String(repeating: "a", count: 16 * 1024),
    ]

    /// What two readers could understand differently is refused.
    @Test(arguments: malformed) func whatIsAmbiguousIsRefused(target: String) {
        do {
            _ = try PathAdmission.admit(method: .get, target: target, limits: ForwardingLimits())
            Issue.record("admitted")
        } catch {
            guard case .malformed(let how) = error else { return #expect(error == nil as PathAdmission.Refusal?) }
            #expect(!how.isEmpty)
        }
    }

    /// The longest target that is taken is of 16 KiB.
    @Test func aTargetOf16KiBIsForwarded() throws {
        let target = "/services/data/".padding(toLength: 16 * 1024, withPad: "a", startingAt: 0)
        #expect(throws: Never.self) {
            try PathAdmission.admit(method: .get, target: target, limits: ForwardingLimits())
        }
    }

    /// TRACE would echo the token and CONNECT has no path.
    @Test(arguments: [HTTPRequest.Method.trace, .connect]) func methodsThatNeverPass(method: HTTPRequest.Method) {
        #expect(throws: PathAdmission.Refusal.self) {
            try PathAdmission.admit(method: method, target: "/services/data/", limits: ForwardingLimits())
        }
    }

    /// Salesforce lets a POST say that it is a PATCH; that is the client's way where PATCH can't be sent.
    @Test func aPostMayOverrideItsMethod() throws {
        let target = "/services/data/v62.0/sobjects/Account/001?_HttpMethod=PATCH"
        #expect(try PathAdmission.admit(method: .post, target: target, limits: ForwardingLimits()).raw == target)
    }

    /// A forbidden path is recognised in every spelling that Salesforce takes.
    @Test(arguments: [
        "/services/data/v62.0/tooling/executeAnonymous", "/services/data/v62.0/tooling/executeAnonymous/",
        "/services/data/v62.0/tooling/execute%41nonymous", "/services/data/v62.0/tooling/executeAnonymous.json",
        "/services/data/v62.0/tooling/executeAnonymous.xml", "/services/data/v62.0/tooling/executeAnonymous.JSON",
        "/services/data/v62.0/tooling%2DexecuteAnonymous".replacing("%2D", with: "/"),
    ])
    func executeAnonymousIsRecognised(target: String) throws {
        let admitted = try PathAdmission.admit(method: .get, target: target, limits: ForwardingLimits())
        #expect(admitted.authorisedPath == "/services/data/v62.0/tooling/executeAnonymous")
    }

    /// Other spellings of our paths are ours to refuse, and nobody else's to answer.
    @Test(arguments: [
        "/services", "/services/x", "/SERVICES/x", "/%73ervices/x", "/%2573ervices/x", "//services/x", "/\\services",
        "\\services\\x", "/./services/x", "/x/../services", "/x/%2e%2e/services/data", "/x/..%2fservices/data",
        "/services;x/data", "/services%2fdata", "/services%5cdata", "/cometd", "/CometD/62.0", "/c%6fmetd",
        "/services?x",
        "/services#x", "/x/y/../../services", "services/data",
    ])
    func everySpellingIsClaimed(path: String) {
        #expect(PathAdmission.claims(path))
        #expect(DataPlane.claims(path: path))
    }

    /// Other rooms' paths stay theirs.
    @Test(arguments: [
        "/", "", "/api/me", "/auth/login", "/servicesx", "/service", "/x/services", "/assets/services.js", "/cometdx",
        "/?/services/data", "/x?/../services", "/services.html", "/api/services",
    ])
    func othersPathsAreNotClaimed(path: String) {
        #expect(!DataPlane.claims(path: path))
    }

    /// The quick look at a target's bytes never says yes to what the full one refuses.
    @Test(arguments: [
        "/services/data/x?a;_HttpMethod=PUT", "/services/data/x?_HttpMethod=PUT",
        "/services/data/x?a=b&_HttpMethod=PUT",
        "/services/data/x?oauth_token=x", "/services/data/x?%6fauth_token=x", "/services/data/../x",
        "/services/data/./x", "/services/data/%2e%2e/x", "/services/data//x", "/services/data/x;y",
        "/services/data/x\\y",
        "/services/oauth2/token", "/services/dataset/x", "/Services/data/x", "/services/data/x#y",
    ])
    func theQuickLookIsCautious(target: String) {
        let bytes = Array(target.utf8)
        let isPlain = PathAdmission.isPlainlyForwarded(bytes.span, method: .get)
        #expect(!isPlain)
    }
}
