internal import Access
internal import AsyncHTTPClient
internal import Domain
internal import Foundation
internal import Logging
internal import Salesforce
internal import Secrets
internal import Workspace

extension AccessContext {
    /// The context of a gateway process, or of a command.
    init(
        settings: Settings, repositories: Repositories, http: HTTPClient, sources: Sources, logger: Logger
    ) throws(SettingsError) {
        guard let keys = settings.keys else {
            throw SettingsError(problems: [SettingsProblem(variable: "ENCRYPTION_KEY", reason: "is not set.")])
        }
        var limits = AccessLimits()
        limits.sessionIdleSeconds = TimeInterval(settings.sessionIdleMinutes * 60)
        limits.sessionMaxSeconds = TimeInterval(settings.sessionMaxHours * 60 * 60)
        limits.databaseOutageSeconds = TimeInterval(settings.database.outageSeconds)
        self.init(
            repositories: repositories, keys: keys,
            oauth: SalesforceOAuthClient(http: http, hosts: settings.salesforceHosts),
            hosts: settings.salesforceHosts, origin: settings.origin, limits: limits, logger: logger,
            now: sources.now, randomBytes: sources.randomBytes, makeID: sources.makeID)
    }
}

/// Access, put together.
struct AccessRoom: Sendable {
    let context: AccessContext
    let directory: TenantDirectory
    let sessions: SessionKeeper
    let ledger: TokenLedger
    let follower: ChangeFollower

    init(context: AccessContext) {
        self.context = context
        self.directory = TenantDirectory(context: context)
        self.sessions = SessionKeeper(context: context)
        self.ledger = TokenLedger(context: context)
        self.follower = ChangeFollower(context: context, directory: directory, sessions: sessions, ledger: ledger)
    }

    /// Opens the platform's key, or makes it where there is none, and with it the tenant hosts' site.
    func openWorkspace(
        describing: any SalesforceDescribing, rule: CrossOriginRule, frontend: FrontendFiles?
    ) async throws -> Workspace {
        let keys = context.keys
        let sealed = try await context.repositories.platformKeys.dataKey { try keys.makeDataKey(customer: nil).sealed }
        let platformKey = try keys.openDataKey(sealed, customer: nil)
        let signIn = SignIn(
            context: context, platformKey: platformKey, directory: directory, sessions: sessions, ledger: ledger)
        return try Workspace(
            access: context, directory: directory, sessions: sessions, ledger: ledger, signIn: signIn,
            describing: describing, rule: rule, frontend: frontend)
    }
}
