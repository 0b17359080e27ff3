internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// The pages' style sheet, script and icon, built into the program.
///
/// Each is named by its content (`/assets/workspace-<hash>.css`), so browsers may keep it for ever.
struct AssetStore: Sendable {
    static let pathPrefix = "/assets/"
    private static let hashLength = 16

    /// One file.
    struct Asset: Sendable {
        /// Its path with the hash in it.
        let path: String
        let contentType: String
        let tag: EntityTag
        let content: ByteBuffer

        init(stem: String, suffix: String, contentType: String, content: [UInt8]) {
            self.tag = EntityTag(of: content)
            let hash = tag.text.dropFirst().prefix(hashLength)
            self.path = "\(pathPrefix)\(stem)-\(hash).\(suffix)"
            self.contentType = contentType
            self.content = ByteBuffer(bytes: content)
        }
    }

    let styleSheet: Asset
    let script: Asset
    let icon: Asset

    init() {
        self.styleSheet = Asset(
            stem: "workspace", suffix: "css", contentType: "text/css; charset=utf-8",
            content: PackageResources.workspace_css)
        self.script = Asset(
            stem: "workspace", suffix: "js", contentType: "text/javascript; charset=utf-8", content: Self.script())
        self.icon = Asset(
            stem: "icon", suffix: "svg", contentType: "image/svg+xml", content: PackageResources.icon_svg)
    }

    /// One script of all parts, each of which may use those before it. None of their names is a global one.
    private static func script() -> [UInt8] {
        let parts = [
            PackageResources.dom_js, PackageResources.answers_js, PackageResources.rows_js,
            PackageResources.result_js, PackageResources.grid_js, PackageResources.csv_js,
            PackageResources.download_js, PackageResources.stored_js, PackageResources.shelf_js,
            PackageResources.explorer_js, PackageResources.copykey_js,
        ]
        return Array("(() => {\n\"use strict\";\n\n".utf8) + parts.joined(separator: "\n".utf8) + Array("})();\n".utf8)
    }

    /// The file of a path below ``pathPrefix``; `nil` where there is none.
    ///
    /// While processes of two versions run side by side, a page of one asks the other for its files. The file of
    /// another version is answered with this version's, which nobody may then keep.
    func response(name: String, headers: HTTPFields) -> Response? {
        let path = Self.pathPrefix + name
        guard let asset = [styleSheet, script, icon].first(where: { Self.isSame($0.path, but: path) }) else {
            return nil
        }
        var fields = HTTPFields()
        fields[.contentType] = asset.contentType
        fields[.eTag] = asset.tag.text
        fields[.cacheControl] = path == asset.path ? "public, max-age=31536000, immutable" : "no-cache"
        guard !asset.tag.isKnown(headers) else { return Response(status: .notModified, headers: fields) }
        return Response(status: .ok, headers: fields, body: ResponseBody(byteBuffer: asset.content))
    }

    /// Whether two paths differ in nothing but their hashes.
    private static func isSame(_ one: String, but other: String) -> Bool {
        func parts(_ path: String) -> (stem: Substring, hash: Substring, suffix: Substring)? {
            guard let dash = path.lastIndex(of: "-"), let dot = path[dash...].firstIndex(of: ".") else { return nil }
            return (path[..<dash], path[dash..<dot].dropFirst(), path[dot...])
        }
        guard let one = parts(one), let other = parts(other) else { return false }
        return one.stem == other.stem && one.suffix == other.suffix && other.hash.count == hashLength
            && other.hash.allSatisfy(\.isHexDigit)
    }
}
