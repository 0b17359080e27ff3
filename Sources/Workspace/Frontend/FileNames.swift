/// What a file's name says of it.
enum FileNames {
    /// Media types by suffix. A suffix that is not here is data: `nosniff` keeps browsers from guessing.
    private static let types: [String: String] = [
        "html": "text/html; charset=utf-8", "htm": "text/html; charset=utf-8",
        "js": "text/javascript; charset=utf-8", "mjs": "text/javascript; charset=utf-8",
        "css": "text/css; charset=utf-8", "json": "application/json", "map": "application/json",
        "webmanifest": "application/manifest+json", "txt": "text/plain; charset=utf-8",
        "xml": "application/xml", "svg": "image/svg+xml", "png": "image/png", "jpg": "image/jpeg",
        "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp", "avif": "image/avif", "ico": "image/x-icon",
        "woff": "font/woff", "woff2": "font/woff2", "ttf": "font/ttf", "otf": "font/otf",
        "wasm": "application/wasm", "pdf": "application/pdf", "mp4": "video/mp4", "webm": "video/webm",
        "mp3": "audio/mpeg", "csv": "text/csv; charset=utf-8", "md": "text/markdown; charset=utf-8",
    ]

    /// The media type of a file.
    static func mediaType(of name: String) -> String {
        guard let dot = name.lastIndex(of: ".") else { return "application/octet-stream" }
        return types[name[name.index(after: dot)...].lowercased()] ?? "application/octet-stream"
    }

    /// Whether a name holds a hash of the content, as bundlers make them: `index-DiwrgTda.js`, `main.3f2a1b9c.css`. A
    /// file of such a name never changes.
    ///
    /// A hash is told from a word by a digit, or a capital letter that is not the first.
    static func isHashed(_ name: String) -> Bool {
        guard let dot = name.lastIndex(of: ".") else { return false }
        let stem = name[..<dot]
        guard let mark = stem.lastIndex(where: { $0 == "-" || $0 == "." }) else { return false }
        var hash = stem[stem.index(after: mark)...]
        // A hash in base64url may hold a hyphen itself: then it is what stands behind the one before.
        if hash.count < hashLengthMin, stem[mark] == "-", let former = stem[..<mark].lastIndex(of: "-") {
            hash = stem[stem.index(after: former)...]
        }
        guard hash.count >= hashLengthMin,
            hash.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "_-".contains($0)) })
        else { return false }
        return hash.contains(where: \.isNumber) || hash.dropFirst().contains(where: \.isUppercase)
    }

    private static let hashLengthMin = 8

    /// Whether the last part of a path looks like a file's name: then it is no page of an application.
    static func namesFile(_ path: String) -> Bool {
        path[(path.lastIndex(of: "/") ?? path.startIndex)...].contains(".")
    }
}
