internal import Access
public import ArgumentParser
public import Domain
internal import Foundation
internal import Gateway
internal import Secrets

struct CustomerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "customer", abstract: "Customers: create, look at, suspend, delete.",
        subcommands: [
            Create.self, List.self, Show.self, Credentials.self, Suspend.self, Resume.self, Delete.self,
        ])
}

extension SubscriptionTier: ExpressibleByArgument {}
extension SubscriptionStatus: ExpressibleByArgument {}

extension CustomerCommand {
    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Creates a customer with its default configuration, and provisions its first admin.")

        @Option(help: "The company's name.") var company: String
        @Option(help: "The label under the base domain, e.g. axonify.") var subdomain: String
        @Option(help: "The Salesforce login host, e.g. https://axonify.my.salesforce.com") var salesforceUrl: String
        @Option(help: "The Salesforce org, 00D…; a must where the login host is generic.") var salesforceOrgId: String?
        @Option(help: "What the customer pays for.") var tier: SubscriptionTier = .starter
        @Option(help: "Where the subscription stands.") var status: SubscriptionStatus = .trial
        @Option(help: "When the trial ends: 2026-12-31, or a time like 2026-12-31T18:00:00Z. Default: in 14 days.")
        var trialEnds: String?
        @Option(help: "The first admin: their Salesforce username or email.") var adminEmail: String?

        func run() async throws {
            var draft = CustomerAdministration.Draft(
                companyName: company, subdomain: subdomain, salesforceURL: salesforceUrl)
            draft.salesforceOrgID = salesforceOrgId
            draft.tier = tier
            draft.status = status
            draft.trialEndsAt = try trialEnds.map(Self.date)
            draft.adminEmail = adminEmail
            let complete = draft
            try await Operations.withAdministration { administration, settings in
                let customer = try await administration.create(complete)
                Console.say("Created \(customer.companyName): \(settings.origin.origin(of: customer.subdomain))")
                let origin = settings.origin.origin(of: customer.subdomain)
                Console.say("Callback URL for its External Client App: \(origin)/auth/callback")
                Console.say("Next: formation customer credentials \(customer.subdomain)")
            }
        }

        static func date(_ text: String) throws -> Date {
            let time = try? Date(text, strategy: .iso8601)
            // A day alone means its end, in UTC.
            let day = try? Date(text + "T23:59:59Z", strategy: .iso8601)
            guard let date = time ?? day else {
                throw ValidationError("--trial-ends must be a date like 2026-12-31 or 2026-12-31T18:00:00Z.")
            }
            return date
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists all customers.")

        func run() async throws {
            try await Operations.withAdministration { administration, settings in
                let customers = try await administration.customers()
                let now = Date()
                let rows = customers.map { customer in
                    [
                        customer.subdomain.label, customer.companyName, customer.subscriptionTier.rawValue,
                        Describe.state(customer, at: now), customer.salesforceClientID == nil ? "no" : "yes",
                        settings.origin.origin(of: customer.subdomain),
                    ]
                }
                Console.say(
                    Console.table([["SUBDOMAIN", "COMPANY", "TIER", "STATE", "CREDENTIALS", "ADDRESS"]] + rows))
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows one customer; never a secret.")
        @Argument(help: "The customer's subdomain.") var subdomain: String

        func run() async throws {
            try await Operations.withAdministration { administration, settings in
                let customer = try await administration.customer(subdomain)
                Console.say(Console.table(Describe.fields(customer, origin: settings.origin, at: Date())))
            }
        }
    }

    struct Credentials: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sets the OAuth client id and secret, read from stdin, one a line.",
            discussion: """
                For example: printf '%s\\n%s\\n' "$CLIENT_ID" "$CLIENT_SECRET" | formation customer credentials axonify
                A new client id ends the customer's sessions, since tokens of one client can't be refreshed by another.

                With --stage, the secret is kept beside the present one and takes its place when Salesforce refuses
                that, without anybody being signed out. The new secret alone, on one line, is enough then. Without
                --stage, a staged secret is dropped.
                """)
        @Argument(help: "The customer's subdomain.") var subdomain: String
        @Flag(help: "Keep the secret beside the present one, for when Salesforce refuses that.") var stage = false

        func run() async throws {
            if stage { try await stageSecret() } else { try await setBoth() }
        }

        private func stageSecret() async throws {
            let isTerminal = isatty(STDIN_FILENO) == 1
            if isTerminal { Console.progress("The new client secret:") }
            guard let first = Self.line() else {
                throw ValidationError(
                    "One line is needed on stdin, the new client secret; or two, the client id and the secret.")
            }
            // Who types has nothing to say but the secret.
            let second = isTerminal ? nil : Self.line()
            try await Operations.withAdministration { administration, _ in
                try await administration.stageClientSecret(
                    subdomain, clientID: second == nil ? nil : first, clientSecret: second ?? first)
                Console.say("Staged, sealed. It takes the present secret's place when Salesforce refuses that.")
            }
        }

        private func setBoth() async throws {
            if isatty(STDIN_FILENO) == 1 { Console.progress("Client id, then client secret, one a line:") }
            guard let clientID = Self.line(), let clientSecret = Self.line() else {
                throw ValidationError("Two lines are needed on stdin: the client id and the client secret.")
            }
            try await Operations.withAdministration { administration, _ in
                try await administration.setCredentials(subdomain, clientID: clientID, clientSecret: clientSecret)
                Console.say("Stored, sealed.")
            }
        }

        private static func line() -> Secret<String>? {
            guard let text = readLine()?.trimmingCharacters(in: .whitespaces), !text.isEmpty else { return nil }
            return Secret(text)
        }
    }

    struct Suspend: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stops a workspace at once, and revokes its grants at Salesforce.")
        @Argument(help: "The customer's subdomain.") var subdomain: String

        func run() async throws {
            try await Operations.withAdministration { administration, _ in
                let unrevoked = try await administration.suspend(subdomain)
                Console.say("Suspended \(subdomain).")
                Describe.warn(unrevoked: unrevoked)
            }
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lets a suspended workspace run again; its people sign in anew.")
        @Argument(help: "The customer's subdomain.") var subdomain: String

        func run() async throws {
            try await Operations.withAdministration { administration, _ in
                try await administration.resume(subdomain)
                Console.say("Resumed \(subdomain).")
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deletes a customer with all that belongs to it, for good.",
            discussion: "On a terminal the subdomain must be typed once more.")
        @Argument(help: "The customer's subdomain.") var subdomain: String

        func run() async throws {
            if isatty(STDIN_FILENO) == 1 {
                Console.progress("This can't be undone. Type \(subdomain) to delete it:")
                guard readLine()?.trimmingCharacters(in: .whitespaces) == subdomain else {
                    throw ValidationError("Nothing was deleted.")
                }
            }
            try await Operations.withAdministration { administration, _ in
                let unrevoked = try await administration.delete(subdomain)
                Console.say("Deleted \(subdomain).")
                Describe.warn(unrevoked: unrevoked)
            }
        }
    }
}

/// A customer in words.
enum Describe {
    static func state(_ customer: Customer, at now: Date) -> String {
        if customer.suspendedAt != nil { return "suspended" }
        return switch customer.subscriptionAccess(at: now) {
        case .allowed: customer.subscriptionStatus.rawValue
        case .trialExpired: "trial over"
        case .pastDueTooLong: "past due too long"
        case .cancelled: "cancelled"
        }
    }

    static func fields(_ customer: Customer, origin: PublicOrigin, at now: Date) -> [[String]] {
        [
            ["id", customer.id.description],
            ["company", customer.companyName],
            ["address", origin.origin(of: customer.subdomain)],
            ["tier", customer.subscriptionTier.rawValue],
            ["state", state(customer, at: now)],
            ["trial ends", customer.trialEndsAt?.ISO8601Format() ?? "–"],
            ["salesforce login", customer.salesforceInstanceURL],
            [
                "salesforce org",
                customer.salesforceOrgID?.rawValue ?? "not known yet: the first admin's sign-in sets it",
            ],
            ["credentials", credentials(customer)],
            ["created", customer.createdAt.ISO8601Format()],
            ["updated", customer.updatedAt.ISO8601Format()],
        ]
    }

    private static func credentials(_ customer: Customer) -> String {
        guard customer.salesforceClientID != nil else { return "missing" }
        guard let staged = customer.stagedClientSecret else { return "set" }
        return "set, and a secret staged on \(staged.since.ISO8601Format())"
    }

    static func warn(unrevoked: Int) {
        guard unrevoked > 0 else { return }
        Console.progress(
            "Grants that could not be revoked at Salesforce: \(unrevoked). They are deleted here; the org's admin can"
                + " end them in Setup under OAuth Usage.")
    }
}
