import Secrets
import Testing

@testable import Salesforce

/// The URL that a browser is sent to, and the proof that it carries.
@Suite struct OAuthClientTests {
    /// RFC 7636, appendix B.
    @Test func challengeIsTheHashOfTheVerifier() {
        let bytes: [UInt8] = [
            116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37, 77, 105, 214, 191,
            240, 91, 88, 5, 88, 83, 132, 141, 121,
        ]
        let proof = PKCE(verifierBytes: bytes)
        #expect(proof.verifier.exposed == "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
        #expect(proof.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
        #expect(!String(reflecting: proof).contains("dBjftJeZ"))
    }

    /// Each parameter once, in a fixed order, escaped as RFC 3986 says.
    @Test func authorizationURLHoldsEveryParameter() throws {
        let login = try AllowedHosts().loginEndpoint("https://axonify.my.site.com/partners")
        let client = OAuthClient(
            login: login, clientID: Secret("3MVG9.x+y/z="), clientSecret: Secret("canary"),
            redirectURI: "https://axonify.formation.example/auth/callback")
        let url = OAuthForms.authorizationURL(client: client, state: "s t&a=e", challenge: "abc-_")
        #expect(
            url == "https://axonify.my.site.com/partners/services/oauth2/authorize?response_type=code"
                + "&client_id=3MVG9.x%2By%2Fz%3D"
                + "&redirect_uri=https%3A%2F%2Faxonify.formation.example%2Fauth%2Fcallback"
                + "&scope=api%20refresh_token%20openid&state=s%20t%26a%3De&code_challenge=abc-_"
                + "&code_challenge_method=S256")
    }

    /// Only unreserved characters stand as they are.
    @Test func formEncodingEscapesEverythingElse() {
        #expect(FormEncoding.escape("azAZ09-._~") == "azAZ09-._~")
        #expect(FormEncoding.escape("aPrx=%3D+ é\r\n\0") == "aPrx%3D%253D%2B%20%C3%A9%0D%0A%00")
        #expect(FormEncoding.encode([("a", "1&2"), ("b", "")]) == "a=1%262&b=")
    }

    /// A form is read back; the first of two values counts.
    @Test func formDecodingReadsForms() {
        #expect(FormEncoding.decode("error=a+b%21&error=c&x&y=%ZZ") == ["error": "a b!"])
    }
}
