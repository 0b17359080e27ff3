/// What the simulator serves: where it listens and which orgs exist.
public struct SimulatorConfiguration: Sendable {
    /// The loopback address that is bound first.
    public var host = "127.0.0.1"
    /// The port on every address; 0 takes a free one.
    public var port = 0
    /// More loopback addresses to bind on the same port, e.g. `127.0.0.2`, for orgs whose hosts are address literals.
    public var furtherAddresses: [String] = []
    /// The login host of no particular org, which finds a person's org by username (as `login.salesforce.com` does).
    public var genericLoginHost = "login.salesforce.localhost"
    /// The orgs; their ids, hosts and usernames must differ.
    public var orgs: [SimulatedOrg]
    /// How long a token request is "being processed", so that concurrent refreshes overlap.
    public var tokenProcessingTime: Duration = .zero
    /// How many requests the journal keeps; the oldest go first.
    public var journalEntriesMax = 10_000
    /// The largest request body taken, in bytes; larger ones are answered 413.
    public var requestBodyBytesMax = 256 * 1024 * 1024

    /// A simulator with these orgs on a free port of 127.0.0.1.
    public init(orgs: [SimulatedOrg]) {
        self.orgs = orgs
    }
}

/// One Salesforce org: its hosts, people, apps and limits.
public struct SimulatedOrg: Sendable {
    /// The organisation id, 15 or 18 characters, starting with `00D`.
    public var id: String
    /// The company's name.
    public var name: String
    /// The My Domain host, where people sign in. Without port; any string that a `Host` header may carry.
    public var loginHost: String
    /// The host of `instance_url`, where the API answers.
    public var instanceHost: String
    /// The people of the org.
    public var users: [SimulatedUser]
    /// The connected apps that the org knows. The same app may be listed in several orgs.
    public var apps: [SimulatedApp]
    /// How many Accounts the org has; Contacts and Opportunities are in proportion.
    public var accountCount = 40
    /// How many Contacts the org has.
    public var contactCount = 120
    /// How many Opportunities the org has.
    public var opportunityCount = 90
    /// REST calls allowed in 24 hours.
    public var dailyAPIRequestsMax = 15_000
    /// Whether this is a sandbox (`Organization.IsSandbox`).
    public var isSandbox = false

    /// An org with its hosts and people.
    public init(
        id: String, name: String, loginHost: String, instanceHost: String, users: [SimulatedUser],
        apps: [SimulatedApp]
    ) {
        self.id = id
        self.name = name
        self.loginHost = loginHost
        self.instanceHost = instanceHost
        self.users = users
        self.apps = apps
    }
}

/// A person of an org.
public struct SimulatedUser: Sendable {
    /// The profiles that an org of the simulator has.
    public enum Profile: String, Sendable, CaseIterable {
        /// May do everything (`PermissionsModifyAllData`).
        case systemAdministrator = "System Administrator"
        /// An ordinary salesperson.
        case standardUser = "Standard User"
    }

    /// What the person signs in with; unique among all orgs.
    public var username: String
    /// The password.
    public var password: String
    /// Given name.
    public var firstName: String
    /// Family name.
    public var lastName: String
    /// Email address.
    public var email: String
    /// Whether the email address was verified.
    public var emailVerified = true
    /// The person's profile.
    public var profile: Profile
    /// Whether the person may sign in.
    public var isActive = true
    /// IANA time zone.
    public var timeZone = "America/Toronto"

    /// A person whose email is the username unless given.
    public init(
        username: String, password: String, firstName: String, lastName: String, email: String? = nil,
        profile: Profile
    ) {
        self.username = username
        self.password = password
        self.firstName = firstName
        self.lastName = lastName
        self.email = email ?? username
        self.profile = profile
    }

    /// First and last name.
    public var fullName: String { "\(firstName) \(lastName)" }
}

/// A connected app (external client app).
public struct SimulatedApp: Sendable {
    /// When refresh tokens end by themselves (`ConnectedApp.refreshTokenPolicy`).
    public enum RefreshTokenPolicy: Sendable, Hashable {
        /// Valid until revoked.
        case infinite
        /// Never valid.
        case immediatelyExpired
        /// For so long after it was issued.
        case lifetime(Duration)
        /// For so long after its last use.
        case inactivity(Duration)
    }

    /// Which of two live secrets signs the token endpoint's answers. It is not documented which one Salesforce takes.
    public enum SigningSecret: String, Sendable, CaseIterable {
        /// The one that the client showed.
        case shown
        /// ``SimulatedApp/clientSecret``.
        case current
        /// ``SimulatedApp/previousClientSecret``, while there is one.
        case previous
    }

    /// The name that the consent page shows.
    public var name: String
    /// The consumer key.
    public var clientID: String
    /// The consumer secret.
    public var clientSecret: String
    /// The secret before, while both are live.
    public var previousClientSecret: String?
    /// Which of the two signs answers.
    public var signingSecret = SigningSecret.shown
    /// Callback URLs. A port of `*` stands for any port, for gateways that listen on a free one.
    public var redirectURIs: [String]
    /// The scopes that may be granted.
    public var scopes = ["api", "refresh_token", "offline_access", "openid", "id", "profile", "email", "web", "full"]
    /// Whether the authorize request must carry a code challenge.
    public var requiresPKCE = true
    /// "Require Secret for Web Server Flow".
    public var requiresSecretForCode = true
    /// "Require Secret for Refresh Token Flow".
    public var requiresSecretForRefresh = true
    /// Whether every refresh answers with a new refresh token and ends the one before.
    public var rotatesRefreshTokens = true
    /// When refresh tokens end by themselves.
    public var refreshTokenPolicy = RefreshTokenPolicy.infinite
    /// The sliding timeout of a session.
    public var sessionTimeout: Duration = .seconds(2 * 60 * 60)
    /// Whether activity counts only past half of the timeout, so that a token may die early by up to half of it.
    public var slidesPastHalfOnly = false
    /// How many approvals one user may have; the next one revokes the oldest.
    public var approvalsMax = 5
    /// Blocked by the org's admin.
    public var isBlocked = false
    /// Whether the app is installed in the org.
    public var isInstalled = true
    /// Whether the people of the org may use it without an admin's approval.
    public var usersMayApprove = true

    /// An app with its credentials and callbacks.
    public init(name: String, clientID: String, clientSecret: String, redirectURIs: [String]) {
        self.name = name
        self.clientID = clientID
        self.clientSecret = clientSecret
        self.redirectURIs = redirectURIs
    }

    /// The secret that signs an answer to a client that showed `secret`.
    func secretToSign(shown secret: String) -> String {
        switch signingSecret {
        case .shown: secret
        case .current: clientSecret
        case .previous: previousClientSecret ?? clientSecret
        }
    }

    /// Whether a redirect URI is one of those registered.
    func accepts(redirectURI: String) -> Bool {
        redirectURIs.contains { Self.matches(registered: $0, redirectURI: redirectURI) }
    }

    private static func matches(registered: String, redirectURI: String) -> Bool {
        guard let marker = registered.firstRange(of: ":*") else { return registered == redirectURI }
        let head = registered[..<marker.lowerBound]
        let tail = registered[marker.upperBound...]
        guard redirectURI.hasPrefix(head) else { return false }
        let rest = redirectURI.dropFirst(head.count)
        guard rest.first == ":" else { return rest == tail }
        let digits = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
        return (1...5).contains(digits.count) && rest.dropFirst(1 + digits.count) == tail
    }
}
