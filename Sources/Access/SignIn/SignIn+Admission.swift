internal import Domain
internal import Foundation
internal import Logging
internal import Salesforce

extension SignIn {
    /// Who the tokens belong to, as a user of this tenant who may come in.
    ///
    /// Only people of the tenant's own Salesforce org get in.
    func admit(_ tokens: TokenAnswer, client: OAuthClient, call: TenantCall) async throws(Failure) -> User {
        let info = try await ask { [context] () throws(SalesforceError) in
            try await context.oauth.userInfo(instance: tokens.instanceURL, accessToken: tokens.accessToken)
        }
        guard let organization = SalesforceID(tokens.identity.orgID), let person = SalesforceID(tokens.identity.userID),
            SalesforceID(info.organizationID) == organization, SalesforceID(info.userID) == person
        else { throw Failure(reason: .wrongOrganization) }
        let profile = await profile(of: tokens, person: person, call: call)
        let matcher = PersonMatcher(
            context: context, tenant: call.tenant, info: info, userID: person,
            isSandbox: client.login.isSandbox || tokens.instanceURL.isSandbox)
        do {
            try await requireOwn(organization, matcher: matcher, client: client, call: call)
            var user = try await findOrCreate(matcher, profile: profile, call: call)
            guard user.disabledAt == nil else { throw Failure(reason: .userDisabled) }
            user.firstName = info.givenName ?? user.firstName
            user.lastName = info.familyName ?? user.lastName
            user.salesforceProfile = profile?.name ?? user.salesforceProfile
            return user
        } catch let failure as Failure {
            throw failure
        } catch GatewayError.userDisabled {
            throw Failure(reason: .userDisabled)
        } catch {
            throw Failure(reason: .gateway(context.failure(error, while: "finding a user")))
        }
    }

    /// The org must be the tenant's. Where none is set, a person whom the operator provisioned as admin pins it, unless
    /// everybody's org may sign in at the login host.
    private func requireOwn(
        _ organization: SalesforceID, matcher: PersonMatcher, client: OAuthClient, call: TenantCall
    ) async throws {
        if let own = call.tenant.customer.salesforceOrgID {
            guard own == organization else { throw Failure(reason: .wrongOrganization) }
            return
        }
        // What is in memory may be seconds old, and the pin is set once.
        guard let customer = try await context.repositories.customers.customer(id: call.tenant.id) else {
            throw Failure(reason: .gateway(.notFound))
        }
        if let own = customer.salesforceOrgID {
            guard own == organization else { throw Failure(reason: .wrongOrganization) }
            return
        }
        guard !client.login.isGeneric, let admin = try await matcher.unclaimed(), admin.isAdmin else {
            throw Failure(reason: .organizationNotPinned)
        }
        guard admin.disabledAt == nil else { throw Failure(reason: .userDisabled) }
        guard
            try await context.repositories.customers.pinOrganization(
                call.tenant.id, orgID: organization, at: context.now())
        else { throw Failure(reason: .wrongOrganization) }
        // The admin's next request sees its org at once; other processes hear of it through the change feed.
        directory.drop(customer: call.tenant.id.rawValue)
        await trail.record(
            .organizationPinned, customer: call.tenant.id, user: admin.id,
            detail: ["organization": "\(organization)"], requestID: call.requestID)
    }

    private func findOrCreate(_ matcher: PersonMatcher, profile: Profile?, call: TenantCall) async throws -> User {
        switch try await matcher.find() {
        case .known(let user):
            return user
        case .claimed(let user):
            await trail.record(.userClaimed, customer: call.tenant.id, user: user.id, requestID: call.requestID)
            return user
        case .nobody:
            let profile = profile ?? Profile(name: nil, modifiesAllData: false)
            let user = try await matcher.create(profile: profile)
            await trail.record(
                .userCreated, customer: call.tenant.id, user: user.id, detail: ["role": user.role.rawValue],
                requestID: call.requestID)
            return user
        }
    }

    /// The profile decides a new user's role. Where it can't be had, the person comes in without being an admin.
    private func profile(of tokens: TokenAnswer, person: SalesforceID, call: TenantCall) async -> Profile? {
        do throws(SalesforceError) {
            return try await context.oauth.profile(
                ofUser: person.rawValue, instance: tokens.instanceURL, accessToken: tokens.accessToken)
        } catch {
            call.logger.info(
                "A Salesforce profile could not be read", metadata: ["reason": "\(error.metricLabel)"])
            return nil
        }
    }

    private func ask<Answer>(
        _ question: () async throws(SalesforceError) -> Answer
    ) async throws(Failure) -> Answer {
        do throws(SalesforceError) {
            return try await question()
        } catch {
            throw Failure(salesforce: error)
        }
    }
}
