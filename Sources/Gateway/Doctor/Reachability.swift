internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

/// Whether a server answers HTTP, whatever it answers.
enum Reachability: Sendable, Hashable {
    case answered(status: Int)
    /// The name has no address.
    case unknownHost
    /// No connection could be made.
    case refused
    /// TLS failed: its certificate does not hold here, mostly.
    case untrusted
    case silent
    case other(String)

    /// For the whole of it, name resolution to the answer's head.
    static let patience: TimeAmount = .seconds(10)

    /// Asks for a URL, without credentials; no redirect is followed.
    static func look(at url: String, http: HTTPClient) async -> Reachability {
        do {
            let response = try await http.execute(HTTPClientRequest(url: url), timeout: patience)
            return .answered(status: Int(response.status.code))
        } catch let error as HTTPClientError {
            switch error {
            case .connectTimeout, .deadlineExceeded, .readTimeout, .writeTimeout, .tlsHandshakeTimeout: return .silent
            case .remoteConnectionClosed: return .refused
            case _: return .other(error.shortDescription)
            }
        } catch let error as NIOConnectionError {
            return error.connectionErrors.isEmpty ? .unknownHost : .refused
        } catch let error where error is NIOSSLError || error is NIOSSLExtraError || error is BoringSSLError {
            return .untrusted
        } catch {
            return .other("\(type(of: error))")
        }
    }

    /// What happened, as the end of a sentence that begins with the host.
    var words: String {
        switch self {
        case .answered(let status): "answers (\(status))."
        case .unknownHost: "has no address."
        case .refused: "takes no connection."
        case .untrusted: "did not agree on TLS."
        case .silent: "did not answer in time."
        case .other(let what): "can't be asked (\(what))."
        }
    }

    /// What to look at; `nil` where it answered.
    var cure: String? {
        switch self {
        case .answered: nil
        case .unknownHost: "Check the name, and DNS on this machine."
        case .refused: "Check that something listens there, and firewalls on the way."
        case .untrusted: "Check its certificate, and this machine's root certificates and clock."
        case .silent: "Check the network and firewalls between here and there."
        case .other: "Check the network between here and there."
        }
    }
}
