public import AsyncHTTPClient
internal import Foundation
public import Secrets

/// Descriptions of objects over HTTP (`/services/data/vNN.N/sobjects/{object}/describe`).
public struct SalesforceDescribeClient: SalesforceDescribing {
    /// How long and how large an answer may be.
    public struct Limits: Sendable {
        /// The whole call, connection and answer included.
        public var timeout: Duration = .seconds(10)
        /// 8 MiB: an object with 800 fields and long picklists has 2.
        public var answerBytesMax = 8 * 1024 * 1024
        /// The fields of one object. Salesforce itself allows 900 of an org's own.
        public var fieldsMax = 5_000

        /// The limits of production.
        public init() {}
    }

    private let http: HTTPClient
    private let apiVersion: String
    private let limits: Limits

    /// Takes an HTTP client that was made with ``SalesforceOAuthClient/configuration(dnsOverride:)``, which it does not
    /// shut down.
    public init(
        http: HTTPClient, apiVersion: String = SalesforceOAuthClient.apiVersion, limits: Limits = Limits()
    ) {
        self.http = http
        self.apiVersion = apiVersion
        self.limits = limits
    }

    public func describe(
        _ object: String, instance: InstanceURL, accessToken: Secret<String>
    ) async throws(SalesforceError) -> ObjectDescription? {
        guard ObjectDescription.isName(object) else {
            throw SalesforceError(.invalidRequest, requestMayHaveBeenSent: false)
        }
        let exchange = BoundedExchange(http: http, timeout: limits.timeout, bodyBytesMax: limits.answerBytesMax)
        let url = "\(instance)/services/data/v\(apiVersion)/sobjects/\(object)/describe"
        let reply = try await exchange.get(url, bearer: accessToken.exposed)
        if reply.status == 200 { return try ObjectDescription(reply, fieldsMax: limits.fieldsMax) }
        if reply.namesNoObject { return nil }
        throw reply.apiError
    }
}

extension ObjectDescription {
    private struct Body: Decodable {
        struct Field: Decodable {
            let name: String
            let label: String?
            let relationshipName: String?
            let referenceTo: [String]?
        }

        let name: String
        let label: String?
        let fields: [Field]
    }

    /// 255 bytes of a name or label, and 100 objects that one way leads to: more than there can be.
    private static let textByteCountMax = 255
    private static let targetsMax = 100

    init(_ reply: BoundedExchange.Reply, fieldsMax: Int) throws(SalesforceError) {
        guard let body = try? JSONDecoder().decode(Body.self, from: Data(reply.body)), Self.isName(body.name) else {
            throw SalesforceError(.malformedAnswer, status: reply.status)
        }
        guard body.fields.count <= fieldsMax else { throw SalesforceError(.tooLarge, status: reply.status) }
        self.init(
            name: body.name, label: Self.bounded(body.label) ?? body.name,
            fields: body.fields.filter { Self.isName($0.name) }.map { field in
                Field(
                    name: field.name, label: Self.bounded(field.label) ?? field.name,
                    relationshipName: field.relationshipName.flatMap { Self.isName($0) ? $0 : nil },
                    referenceTo: (field.referenceTo ?? []).prefix(Self.targetsMax).filter { Self.isName($0) })
            })
    }

    private static func bounded(_ text: String?) -> String? {
        text.flatMap { $0.utf8.count <= textByteCountMax ? $0 : nil }
    }
}

extension BoundedExchange.Reply {
    /// Whether the answer says that there is no such object, in Salesforce's own words. A 404 of anybody else's is no
    /// such answer.
    fileprivate var namesNoObject: Bool {
        (status == 404 || status == 400) && !APIErrors.codes(body).isDisjoint(with: ["NOT_FOUND", "INVALID_TYPE"])
    }
}
