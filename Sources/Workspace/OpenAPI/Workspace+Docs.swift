internal import Access
internal import Domain
internal import HTTPTypes
internal import Hummingbird

/// `/api/docs`.
extension Workspace {
    /// Everybody may read it: it says of the tenant what its sign-in page says.
    func docs(_ exchange: Exchange) -> Response {
        let page = APIPage(
            frame: pages.frame(heading: "API", company: exchange.tenant.customer.companyName),
            origin: exchange.tenant.origin, cookieName: sessions.cookieName)
        return pages.api(page, headers: exchange.request.headers)
    }
}
