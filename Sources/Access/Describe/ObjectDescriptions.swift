internal import Domain
public import Foundation
internal import Logging
public import Salesforce

/// What people's orgs say of their objects, each as the person sees them, with the person's own token.
///
/// A dead session is refreshed as for a forwarded call. What was seen is remembered for some minutes, so that a page
/// that is opened often costs the org few calls; a failure shortly, so that an org that hangs is not waited for again
/// and again.
public final class ObjectDescriptions: Sendable {
    private struct Look: Sendable {
        let object: String
        /// `nil` where not even a token was there.
        var key: ObjectCache.Key?
        /// `nil` where it was given up.
        var sighting: ObjectSighting?
    }

    private enum Event: Sendable {
        case look(Look)
        case timeIsOver
    }

    private let context: AccessContext
    private let ledger: TokenLedger
    private let describing: any SalesforceDescribing
    private let cache: ObjectCache

    /// Descriptions of which none is known yet.
    public init(context: AccessContext, ledger: TokenLedger, describing: any SalesforceDescribing) {
        self.context = context
        self.ledger = ledger
        self.describing = describing
        self.cache = ObjectCache(limits: context.limits)
    }

    /// Looks at objects, all at once.
    ///
    /// - Parameters:
    ///   - objects: Names of objects, in any case, each once.
    ///   - deadline: When to give up. What was not seen until then counts as too slow.
    /// - Returns: What was seen of each of the names.
    public func look(
        at objects: [String], for caller: Caller, until deadline: Date
    ) async -> [String: ObjectSighting] {
        let milliseconds = Int64(deadline.timeIntervalSince(context.now()) * 1000)
        guard milliseconds > 0 else {
            let tooSlow = ObjectSighting(.failed(.tooSlow), at: context.now())
            return Dictionary(objects.map { ($0, tooSlow) }) { first, _ in first }
        }
        let looks = await withTaskGroup(of: Event.self) { [context] group in
            for object in objects { group.addTask { .look(await self.look(at: object, for: caller)) } }
            group.addTask {
                try? await context.sleep(.milliseconds(milliseconds))
                return .timeIsOver
            }
            var looks: [Look] = []
            while looks.count < objects.count, let event = await group.next() {
                switch event {
                case .look(let look): looks.append(look)
                case .timeIsOver: group.cancelAll()
                }
            }
            group.cancelAll()
            return looks
        }
        let now = context.now()
        let tooSlow = ObjectSighting(.failed(.tooSlow), at: now)
        // Somebody who has left says nothing of how slow Salesforce is.
        for case let key? in looks.filter({ $0.sighting == nil }).map(\.key) where !Task.isCancelled {
            cache.remember(key, tooSlow, seconds: context.limits.describeFailureSeconds, at: now)
        }
        return Dictionary(looks.map { ($0.object, $0.sighting ?? tooSlow) }) { first, _ in first }
    }

    private func look(at object: String, for caller: Caller) async -> Look {
        var look = Look(object: object)
        let token: LiveToken
        do throws(GatewayError) {
            token = try await ledger.token(for: caller)
        } catch {
            if !Task.isCancelled { look.sighting = ObjectSighting(.failed(.refused(error)), at: context.now()) }
            return look
        }
        let key = ObjectCache.Key(
            customer: caller.tenant.id, user: caller.userID, instance: token.instance.description,
            object: object.lowercased())
        look.key = key
        while !Task.isCancelled, look.sighting == nil {
            switch cache.turn(key, at: context.now()) {
            case .seen(let sighting): look.sighting = sighting
            case .lead: look.sighting = await lead(key, object, token, caller)
            case .join(let stream):
                // Ends early where this task is cancelled.
                for await sighting in stream { look.sighting = sighting }
            case .full:
                look.sighting = ObjectSighting(
                    .failed(.refused(.unavailable(.overloaded, retryAfterSeconds: 2))), at: context.now())
            }
        }
        return look
    }

    /// Looks for everybody who wants to see the same; `nil` where this task is cancelled before anything was seen.
    private func lead(
        _ key: ObjectCache.Key, _ object: String, _ token: LiveToken, _ caller: Caller
    ) async -> ObjectSighting? {
        let outcome: ObjectSighting.Outcome
        let seconds: TimeInterval
        do throws(DescribeFailure) {
            outcome = try await describe(object, token, caller).map { .described($0) } ?? .missing
            seconds = context.limits.objectDescriptionSeconds
        } catch {
            outcome = .failed(error)
            switch error {
            case .unusable: seconds = context.limits.describeFailureSeconds
            // The ledger itself knows when to try again.
            case .refused, .tooSlow: seconds = 0
            }
        }
        let now = context.now()
        var sighting: ObjectSighting? = ObjectSighting(outcome, at: now)
        if case .failed(let failure) = outcome {
            if Task.isCancelled { sighting = nil } else { log(failure, caller) }
        }
        cache.land(key, sighting, seconds: seconds, at: now)
        return sighting
    }

    /// Asks Salesforce, and once more with a newer token where it calls the session dead.
    private func describe(
        _ object: String, _ token: LiveToken, _ caller: Caller
    ) async throws(DescribeFailure) -> ObjectDescription? {
        do throws(SalesforceError) {
            return try await ask(object, token)
        } catch {
            guard error.code == .deadSession else { throw .unusable(error.code) }
        }
        let occasion = RefreshOccasion.deadSession(of: caller, route: Self.route)
        guard !ledger.isCurrent(token) || ledger.mayRefresh(for: occasion) else { throw .unusable(.deadSession) }
        let newer: LiveToken
        do throws(GatewayError) {
            newer = try await ledger.token(after: token, for: caller)
        } catch {
            throw .refused(error)
        }
        do throws(SalesforceError) {
            let description = try await ask(object, newer)
            ledger.noteRefresh(for: occasion, gave: newer, didHelp: true)
            return description
        } catch {
            if error.code == .deadSession { ledger.noteRefresh(for: occasion, gave: newer, didHelp: false) }
            throw .unusable(error.code)
        }
    }

    /// Names this part of the API among those whose refreshes may not help.
    private static let route = "describe"

    private func ask(_ object: String, _ token: LiveToken) async throws(SalesforceError) -> ObjectDescription? {
        try await describing.describe(object, instance: token.instance, accessToken: token.accessToken)
    }

    private func log(_ failure: DescribeFailure, _ caller: Caller) {
        let reason =
            switch failure {
            case .refused(let error): error.errorCode
            case .unusable(let code): code.description
            case .tooSlow: "too_slow"
            }
        context.logger.debug(
            "An object could not be described", metadata: ["customer": "\(caller.tenant.id)", "reason": "\(reason)"])
    }
}
