internal import Access
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import NIOPosix

/// The files of `FRONTEND_DIR`: the vendor's own frontend, for all tenants alike (contract §2, "Frontend").
///
/// They are read from the disk at each request, so that a new build is there at once. Public, as all static files:
/// what is for somebody is asked for over the API.
public struct FrontendFiles: Sendable {
    /// One representation of a file.
    private struct Entry {
        let path: String
        let length: Int
        let tag: String
        /// `br`, `gzip`; `nil` for the file itself.
        let encoding: String?
    }

    /// What a page of the frontend's may not do in any case: be framed, or send its base or plug-ins elsewhere. It can
    /// say more itself, by `<meta http-equiv>`.
    private static let pagePolicy = "base-uri 'self'; object-src 'none'; frame-ancestors 'none'"
    private static let index = "/index.html"
    /// 64 KiB are read at once.
    private static let chunkBytes = 64 * 1024
    /// 1,024 bytes of a path.
    private static let pathBytesMax = 1024

    /// The directory, with no link in its path.
    private let root: String

    /// - Throws: ``FrontendProblem`` where there is no such directory, or no `index.html` in it.
    public init(directory: String) throws(FrontendProblem) {
        root = URL(fileURLWithPath: directory).resolvingSymlinksInPath().path
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: root, isDirectory: &isDirectory), isDirectory.boolValue else {
            throw .noDirectory
        }
        guard FileManager.default.isReadableFile(atPath: root + Self.index) else { throw .noIndex }
    }

    /// The answer to GET and HEAD of a path: a file, or for a page of the application (SPA) its `index.html`; `nil`
    /// where it is neither.
    func response(path: String, headers: HTTPFields) async throws -> Response? {
        if let name = Self.plainPath(path), let response = try await file(named: name, headers: headers) {
            return response
        }
        guard !FileNames.namesFile(path), ContentNegotiation.prefersPage(headers) else { return nil }
        return try await file(named: Self.index, headers: headers)
    }

    /// A path as the name of a file: escapes are read once, and nothing in it can lead out of the directory or to what
    /// is hidden.
    static func plainPath(_ path: String) -> String? {
        guard path.utf8.count <= pathBytesMax, let decoded = path.removingPercentEncoding, decoded.hasPrefix("/") else {
            return nil
        }
        let isPlain = decoded.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F && $0 != "\\" }
        var segments = decoded.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        guard isPlain else { return nil }
        if segments.last?.isEmpty == true { segments[segments.count - 1] = "index.html" }
        // Hidden files are none of anybody's business, but for the well-known ones (RFC 8615).
        let isVisible = segments.enumerated().allSatisfy { index, segment in
            !segment.isEmpty && (!segment.hasPrefix(".") || index == 0 && segment == ".well-known")
        }
        return isVisible ? "/" + segments.joined(separator: "/") : nil
    }

    private func file(named name: String, headers: HTTPFields) async throws -> Response? {
        guard let file = await entry(of: name, suffix: "", encoding: nil) else { return nil }
        let isPage = FileNames.mediaType(of: name).hasPrefix("text/html")
        var fields = HTTPFields()
        fields[.contentType] = FileNames.mediaType(of: name)
        fields[.vary] = "Accept-Encoding"
        fields[.cacheControl] =
            FileNames.isHashed(name) ? "public, max-age=31536000, immutable" : "no-cache"
        if isPage { fields[.contentSecurityPolicy] = Self.pagePolicy }
        // A range is one of the file itself.
        let isRanged = headers.contains(.range)
        let chosen = isRanged ? file : await packed(name, of: file, headers) ?? file
        fields[.eTag] = chosen.tag
        if let encoding = chosen.encoding { fields[.contentEncoding] = encoding }
        if Self.isKnown(chosen.tag, headers) { return Response(status: .notModified, headers: fields) }
        fields[.acceptRanges] = "bytes"
        return try await answer(chosen, isRanged ? range(headers, of: file) : .whole, fields)
    }

    /// `If-Range` (RFC 9110 §13.1.5): of another version the whole is sent.
    private func range(_ headers: HTTPFields, of file: Entry) -> ByteRange {
        if let condition = headers[.ifRange], condition != file.tag { return .whole }
        return ByteRange(headers[.range], length: file.length)
    }

    private func answer(_ entry: Entry, _ range: ByteRange, _ fields: HTTPFields) async throws -> Response? {
        var fields = fields
        let bytes: Range<Int>
        var status = HTTPResponse.Status.ok
        switch range {
        case .whole:
            bytes = 0..<entry.length
        case .part(let part):
            status = .partialContent
            bytes = part
            fields[.contentRange] = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(entry.length)"
        case .unsatisfiable:
            fields[.contentRange] = "bytes */\(entry.length)"
            return Response(status: .rangeNotSatisfiable, headers: fields)
        }
        return Response(status: status, headers: fields, body: body(of: entry.path, bytes))
    }

    /// Reads while the client takes it, on threads that may block. A file that became shorter meanwhile breaks the
    /// answer off.
    private func body(of path: String, _ bytes: Range<Int>) -> ResponseBody {
        ResponseBody(contentLength: bytes.count) { writer in
            var left = bytes.count
            if left > 0 {
                let pool = NIOThreadPool.singleton
                let file = try await pool.runIfActive {
                    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
                    try file.seek(toOffset: UInt64(bytes.lowerBound))
                    return file
                }
                while left > 0 {
                    let count = min(Self.chunkBytes, left)
                    let chunk = try await pool.runIfActive { try file.read(upToCount: count) ?? Data() }
                    guard !chunk.isEmpty else { throw FrontendProblem.fileChanged }
                    left -= chunk.count
                    try await writer.write(ByteBuffer(bytes: chunk))
                }
            }
            try await writer.finish(nil)
        }
    }

    // MARK: Files

    /// A packed twin of a file, which the client takes and which is not older.
    private func packed(_ name: String, of file: Entry, _ headers: HTTPFields) async -> Entry? {
        let accepted = headers[values: .acceptEncoding].joined(separator: ",").lowercased().split(separator: ",")
        for (suffix, encoding) in [(".br", "br"), (".gz", "gzip")] where Self.takes(encoding, accepted) {
            if let entry = await entry(of: name, suffix: suffix, encoding: encoding) { return entry }
        }
        return nil
    }

    private static func takes(_ encoding: String, _ accepted: [Substring]) -> Bool {
        accepted.contains { item in
            let parts = item.split(separator: ";").map { $0.filter { !$0.isWhitespace } }
            guard parts.first == encoding else { return false }
            return !parts.dropFirst().contains { ["q=0", "q=0.0", "q=0.00", "q=0.000"].contains($0) }
        }
    }

    /// A regular file below the root; links are followed within it.
    private func entry(of name: String, suffix: String, encoding: String?) async -> Entry? {
        let root = root
        return try? await NIOThreadPool.singleton.runIfActive {
            let path = URL(fileURLWithPath: root + name + suffix).resolvingSymlinksInPath().path
            guard path.hasPrefix(root + "/"), let attributes = try? FileManager.default.attributesOfItem(atPath: path),
                attributes[.type] as? FileAttributeType == .typeRegular,
                let length = (attributes[.size] as? NSNumber)?.intValue
            else { return nil }
            let modified = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
            // The same in all processes that have the same build.
            let version = "\(String(length, radix: 36))-\(String(Int64(modified * 1_000_000), radix: 36))"
            let tag = "\"\(version)\(encoding.map { "-" + $0 } ?? "")\""
            return Entry(path: path, length: length, tag: tag, encoding: encoding)
        }
    }

    private static func isKnown(_ tag: String, _ headers: HTTPFields) -> Bool {
        headers[values: .ifNoneMatch].flatMap { $0.split(separator: ",") }.contains { item in
            let text = item.filter { !$0.isWhitespace }
            return text == "*" || text == tag || text == "W/" + tag
        }
    }
}

/// Why `FRONTEND_DIR` can't be served.
public enum FrontendProblem: Error, Sendable, Hashable, CustomStringConvertible {
    case noDirectory
    case noIndex
    /// A file became shorter while it was sent.
    case fileChanged

    public var description: String {
        switch self {
        case .noDirectory: "names no directory that can be read."
        case .fileChanged: "has a file that changed while it was sent."
        case .noIndex: "names a directory without an index.html. Is it the one that the frontend's build made?"
        }
    }
}
