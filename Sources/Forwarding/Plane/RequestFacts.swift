internal import NIOCore
internal import Wire

/// What the lines of a request's head mean: one pass over their names.
struct RequestFacts {
    /// A header that has a meaning where it stands once.
    struct Single {
        private var line = -1
        private(set) var count = 0

        /// The place of its line; `nil` where there is none or several.
        var only: Int? { count == 1 ? line : nil }

        fileprivate mutating func note(_ line: Int) {
            self.line = line
            count += 1
        }
    }

    /// The meaning of each line.
    private(set) var roles: [HeaderTable.RequestRole] = []
    private(set) var authorization = Single()
    private(set) var sfdcSession = Single()
    private(set) var cookie = Single()
    private(set) var origin = Single()
    private(set) var secFetchSite = Single()
    private(set) var forwardedProto = Single()
    private(set) var requestID = Single()
    private(set) var requestedMethod = Single()
    private(set) var methodOverride = Single()

    mutating func read(_ lines: [FieldLine], in buffer: ByteBuffer, names: HeaderNames<HeaderTable.RequestRole>) {
        roles.removeAll(keepingCapacity: true)
        authorization = Single()
        sfdcSession = Single()
        cookie = Single()
        origin = Single()
        secFetchSite = Single()
        forwardedProto = Single()
        requestID = Single()
        requestedMethod = Single()
        methodOverride = Single()
        let bytes = buffer.readableBytesUInt8Span
        for index in lines.indices {
            let name = lines[index].name
            let role = names.role(of: bytes.extracting(name.range))
            roles.append(role)
            note(role, index)
        }
    }

    private mutating func note(_ role: HeaderTable.RequestRole, _ line: Int) {
        switch role {
        case .passes, .dropped, .connection, .host, .contentLength, .transferEncoding, .expect: break
        case .authorization: authorization.note(line)
        case .sfdcSession: sfdcSession.note(line)
        case .cookie: cookie.note(line)
        case .origin: origin.note(line)
        case .secFetchSite: secFetchSite.note(line)
        case .forwardedProto: forwardedProto.note(line)
        case .requestID: requestID.note(line)
        case .accessControlRequestMethod: requestedMethod.note(line)
        case .methodOverride: methodOverride.note(line)
        }
    }
}

extension ByteSlice {
    /// Where the bytes are, from the reader index on.
    var range: Range<Int> { startIndex..<end }
}
