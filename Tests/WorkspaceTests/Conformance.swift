import Foundation
import HTTPTypes
import Hummingbird

@testable import Workspace

/// Holds answers against the document of the API. `Scene` asks it about every answer of every test.
struct Conformance {
    let document: JSONValue

    /// What an answer has that the document does not say; nothing for a path that is not in it.
    func faults(of response: Response, to method: HTTPRequest.Method, _ path: String) async throws -> [String] {
        let path = String(path.prefix { $0 != "?" })
        guard method != .options, let item = item(path) else { return [] }
        let name = method == .head ? "get" : method.rawValue.lowercased()
        guard let operation = item[name] else {
            return method == .head ? [] : try await refusalFaults(of: response)
        }
        let status = "\(response.status.code)"
        guard let documented = operation["responses"]?[status] else { return ["the status \(status) is not in it"] }
        let headers = headerFaults(of: response, documented)
        guard method != .head else { return headers }
        return try await headers + bodyFaults(of: response, documented["content"])
    }

    /// A method that means nothing here.
    private func refusalFaults(of response: Response) async throws -> [String] {
        guard response.status == .methodNotAllowed || response.status == .forbidden else {
            return ["answers a method that is not in it"]
        }
        let schema = APISchema.problem.reference
        guard !ContentTypes.isPage(response) else { return [] }
        return try await bodyFaults(of: response, ["application/problem+json": ["schema": schema]])
    }

    private func headerFaults(of response: Response, _ documented: JSONValue) -> [String] {
        APIHeader.allCases.filter { header in
            guard let name = HTTPField.Name(header.rawValue), response.headers[name] != nil else { return false }
            return documented["headers"]?[header.rawValue] == nil
        }.map { "the header \($0.rawValue) is not in it" }
    }

    private func bodyFaults(of response: Response, _ content: JSONValue?) async throws -> [String] {
        let bytes = try await response.bytes()
        guard let content else { return bytes.isEmpty ? [] : ["has a body"] }
        let type = ContentTypes.type(of: response)
        guard let schema = content[type]?["schema"] else { return ["the type \(type) is not in it"] }
        guard type.hasSuffix("json") else { return [] }
        guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(bytes)) else { return ["is no JSON"] }
        return SchemaValidator(document: document).faults(of: value, against: schema)
    }

    private func item(_ path: String) -> JSONValue? {
        guard case .object(let items)? = document["paths"] else { return nil }
        if let item = items[path] { return item }
        let steps = path.split(separator: "/", omittingEmptySubsequences: false)
        return items.first { template, _ in
            let parts = template.split(separator: "/", omittingEmptySubsequences: false)
            return parts.count == steps.count
                && zip(parts, steps).allSatisfy { $0 == $1 || ($0 == "{id}" && !$1.isEmpty) }
        }?.value
    }
}

private enum ContentTypes {
    static func type(of response: Response) -> String {
        String(response.headers[.contentType]?.prefix { $0 != ";" } ?? "")
    }

    static func isPage(_ response: Response) -> Bool { type(of: response) == "text/html" }
}
