internal import Access
internal import Domain
internal import Foundation
internal import HTTPTypes
internal import Hummingbird

/// `/auth/*` (contract §2, "Sign-in").
extension Workspace {
    func login(_ exchange: Exchange) throws -> Response {
        try directory.admit(exchange.tenant, at: exchange.call.receivedAt)
        let begun = try signIn.begin(
            returnTo: QueryString(exchange.request.uri.query)["return_to"], cookies: exchange.cookies,
            call: exchange.call)
        return redirect(.found, to: begun.location, setCookies: begun.setCookies)
    }

    func callback(_ exchange: Exchange) async throws -> Response {
        let completed = try await signIn.complete(
            query: exchange.request.uri.query ?? "", cookies: exchange.cookies, call: exchange.call)
        return redirect(.found, to: completed.returnTo, setCookies: completed.setCookies)
    }

    /// A form leads back to the start, a program gets 204. Somebody who is not signed in is signed out already.
    func logout(_ exchange: Exchange) async throws -> Response {
        // Before anything else: another site must not even drop a cookie.
        var setCookies: [String] = []
        do {
            let caller = try await caller(exchange)
            try requireSession(caller)
            let isEverywhere = QueryString(exchange.request.uri.query)["everywhere"] == "true"
            setCookies = try await signIn.signOut(caller, everywhere: isEverywhere, call: exchange.call)
        } catch GatewayError.notSignedIn {
            try requireOwnSite(exchange)
        }
        guard ContentNegotiation.prefersPage(exchange.request.headers) else {
            return redirect(.noContent, to: nil, setCookies: setCookies)
        }
        return redirect(.seeOther, to: "/", setCookies: setCookies)
    }

    func session(_ exchange: Exchange) async throws -> Response {
        let caller = try await caller(exchange, extends: false)
        return .json(
            .object([
                "user": .user(caller.user),
                "customer": .customer(caller.tenant.customer),
                "expiresAt": .time(endsAt(caller)),
            ]))
    }

    private func redirect(_ status: HTTPResponse.Status, to location: String?, setCookies: [String]) -> Response {
        var headers = HTTPFields()
        headers[.location] = location
        for cookie in setCookies { headers.append(HTTPField(name: .setCookie, value: cookie)) }
        return Response(status: status, headers: headers)
    }
}
