internal import Access
internal import HTTPTypes

/// Failed sign-ins in words: what happened, and what the person can do about it.
extension Problem {
    init(_ error: SignInError) {
        switch error.reason {
        case .gateway(let gatewayError):
            self.init(gatewayError)
        case .noPendingSignIn:
            self.init(
                status: .badRequest, code: "SIGN_IN_NOT_PENDING", title: "This sign-in is no longer open",
                detail: "It was started more than ten minutes ago or in another browser, or this address was opened"
                    + " twice. Start again from here.")
        case .denied:
            self.init(
                status: .forbidden, code: "SIGN_IN_DENIED", title: "Access was not given",
                detail: "Salesforce says that you chose not to allow access, so you are not signed in. Try again and"
                    + " choose Allow.")
        case .refused(let advice):
            self.init(
                status: .forbidden, code: "SIGN_IN_REFUSED", title: "Salesforce refused the sign-in", detail: advice)
        case .wrongOrganization:
            self.init(
                status: .forbidden, code: "SIGN_IN_WRONG_ORGANIZATION", title: "Another Salesforce organization",
                detail: "The Salesforce account that you used belongs to another organization than this workspace."
                    + " Log out of Salesforce, then try again with your account of this company.")
        case .organizationNotPinned:
            self.init(
                status: .forbidden, code: "SIGN_IN_NOT_READY", title: "This workspace is not ready yet",
                detail: "Its admin must be the first to sign in. Ask them to, then try again.")
        case .userDisabled:
            self.init(GatewayError.userDisabled)
        case .badSignature:
            self.init(
                status: .badGateway, code: "SIGN_IN_BAD_SIGNATURE", title: "The answer could not be trusted",
                detail: "Salesforce's answer does not carry the signature of this workspace's app, so it was not used."
                    + " If this happens again, ask your admin to check the client secret.")
        case .foreignInstance:
            self.init(
                status: .badGateway, code: "SIGN_IN_FOREIGN_INSTANCE", title: "The answer could not be trusted",
                detail: "Salesforce's answer names a server that is not one of Salesforce's, so it was not used. Tell"
                    + " your admin, with the request id below.")
        }
        for cookie in error.setCookies { headers.append(HTTPField(name: .setCookie, value: cookie)) }
        tryAgainPath = "/auth/login?return_to=" + QueryString.encode(error.returnTo)
    }
}
