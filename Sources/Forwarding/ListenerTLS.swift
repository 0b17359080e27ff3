public import Foundation
public import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOSSL
public import ServiceLifecycle

/// https, served by the gateway itself: its certificate and key, from two PEM files (`TLS_CERTIFICATE`, `TLS_KEY`).
///
/// Files that change are read again, so that a certificate is renewed without a restart: connections that are made
/// afterwards get the new one. Where they can't be used, the former ones stay, and the log says why, once.
public final class ListenerTLS: Service {
    /// What tells that a file changed.
    private struct Stamp: Equatable {
        let size: UInt64
        let inode: UInt64
        let modifiedAt: Date

        init(_ path: String) throws {
            // Of what a link leads to: renewers put a new target in the place of the old one.
            let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
            let attributes = try FileManager.default.attributesOfItem(atPath: target)
            size = (attributes[.size] as? NSNumber)?.uint64Value ?? 0
            inode = (attributes[.systemFileNumber] as? NSNumber)?.uint64Value ?? 0
            modifiedAt = attributes[.modificationDate] as? Date ?? .distantPast
        }
    }

    private struct State {
        var context: NIOSSLContext
        var validity: DateInterval
        /// Of the files as they were read, or tried, last.
        var stamps: [Stamp]
        /// What the log was told of ``validity``.
        var told = Concern.none
        /// How often in a row a file was not there.
        var missedRounds = 0
    }

    /// What is wrong with a certificate's time.
    private enum Concern {
        case none, endingSoon, notYet, ended
    }

    /// How often the files are looked at: 2 s.
    private static let interval: Duration = .seconds(2)
    /// Files that are gone for longer than a renewal takes are told of: a minute.
    private static let missedRoundsMax = 30
    /// From when on the end of a certificate is worth a word: two weeks before it.
    public static let renewalSeconds: TimeInterval = 14 * 24 * 60 * 60
    /// 1 MiB: a chain has some kilobytes.
    private static let fileBytesMax = 1 << 20

    private let certificatePath: String
    private let keyPath: String
    private let logger: Logger
    private let sleep: @Sendable (Duration) async throws -> Void
    private let now: @Sendable () -> Date
    private let state: NIOLockedValueBox<State>

    /// Reads both files.
    ///
    /// - Throws: ``ListenerTLSError``.
    public init(
        certificatePath: String, keyPath: String, logger: Logger,
        now: @escaping @Sendable () -> Date,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) throws(ListenerTLSError) {
        self.certificatePath = certificatePath
        self.keyPath = keyPath
        self.logger = logger
        self.sleep = sleep
        self.now = now
        let stamps = Self.stamps(certificatePath, keyPath)
        let (context, validity) = try Self.context(certificatePath, keyPath)
        self.state = NIOLockedValueBox(State(context: context, validity: validity, stamps: stamps ?? []))
    }

    /// When the certificate is valid.
    public var validity: DateInterval { state.withLockedValue { $0.validity } }

    /// Looks after the files until shutdown.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            self.examine()
            while !Task.isCancelled {
                try? await self.sleep(Self.interval)
                self.reload()
                self.examine()
            }
        }
    }

    /// Says once of a certificate that it ends soon, or is not valid: clients refuse it then.
    func examine() {
        let now = now()
        let (concern, end) = state.withLockedValue { state -> (Concern, Date) in
            let concern = Self.concern(state.validity, at: now)
            defer { state.told = concern }
            return (concern == state.told ? .none : concern, state.validity.end)
        }
        let when: Logger.Metadata = ["ends": "\(end.formatted(.iso8601))"]
        switch concern {
        case .none: break
        case .endingSoon: logger.warning("The TLS certificate ends soon: renew it", metadata: when)
        case .notYet: logger.error("The TLS certificate is not valid yet: clients refuse it", metadata: when)
        case .ended: logger.error("The TLS certificate has ended: clients refuse it. Renew it", metadata: when)
        }
    }

    private static func concern(_ validity: DateInterval, at now: Date) -> Concern {
        if now < validity.start { return .notYet }
        if now >= validity.end { return .ended }
        return validity.end.timeIntervalSince(now) < renewalSeconds ? .endingSoon : .none
    }

    /// A file that is not there is being replaced; if it stays away, the next start would fail.
    private func noteMissing() {
        let rounds = state.withLockedValue { state in
            state.missedRounds += 1
            return state.missedRounds
        }
        guard rounds == Self.missedRoundsMax else { return }
        logger.warning("A TLS file is gone: the certificate is used on, and a restart would fail")
    }

    /// Reads the files again if they have changed.
    func reload() {
        guard let stamps = Self.stamps(certificatePath, keyPath) else { return noteMissing() }
        let isSame = state.withLockedValue { state in
            state.missedRounds = 0
            return state.stamps == stamps
        }
        guard !isSame else { return }
        do throws(ListenerTLSError) {
            let (context, validity) = try Self.context(certificatePath, keyPath)
            state.withLockedValue { $0 = State(context: context, validity: validity, stamps: stamps) }
            logger.notice("The TLS certificate was renewed: new connections get it")
        } catch {
            // Certificate and key are replaced one after the other: told once, tried again when either changes.
            state.withLockedValue { $0.stamps = stamps }
            logger.error(
                """
                The TLS files have changed and can't be used; the former certificate is used on. \
                \(error.variable) \(error)
                """)
        }
    }

    /// What encrypts one connection.
    func makeHandler() -> NIOSSLServerHandler {
        NIOSSLServerHandler(context: state.withLockedValue { $0.context })
    }

    private static func stamps(_ paths: String...) -> [Stamp]? {
        try? paths.map(Stamp.init)
    }

    private static func context(
        _ certificatePath: String, _ keyPath: String
    ) throws(ListenerTLSError) -> (NIOSSLContext, DateInterval) {
        let chain = try read(certificatePath, "TLS_CERTIFICATE")
        let key = try read(keyPath, "TLS_KEY")
        let certificates: [NIOSSLCertificate]
        do {
            certificates = try NIOSSLCertificate.fromPEMBytes(chain)
        } catch {
            throw .noCertificate
        }
        guard let leaf = certificates.first else { throw .noCertificate }
        guard let privateKey = try? NIOSSLPrivateKey(bytes: key, format: .pem) else { throw .noKey }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: certificates.map { .certificate($0) }, privateKey: .privateKey(privateKey))
        // HTTP/2 is the edge's job.
        configuration.applicationProtocols = ["http/1.1"]
        configuration.minimumTLSVersion = .tlsv12
        do {
            return (try NIOSSLContext(configuration: configuration), validity(of: leaf))
        } catch {
            throw .keyOfAnother
        }
    }

    private static func validity(of certificate: NIOSSLCertificate) -> DateInterval {
        let begin = Date(timeIntervalSince1970: TimeInterval(certificate.notValidBefore))
        let end = Date(timeIntervalSince1970: TimeInterval(certificate.notValidAfter))
        return DateInterval(start: min(begin, end), end: end)
    }

    private static func read(_ path: String, _ variable: String) throws(ListenerTLSError) -> [UInt8] {
        guard let handle = FileHandle(forReadingAtPath: path) else { throw .unreadable(variable) }
        defer { try? handle.close() }
        guard let data = try? handle.read(upToCount: fileBytesMax + 1), data.count <= fileBytesMax else {
            throw .unreadable(variable)
        }
        return Array(data)
    }
}

/// Why TLS can't be served. Holds nothing of the files.
public enum ListenerTLSError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file of this variable is not there, may not be read, or is far too large.
    case unreadable(String)
    /// No PEM certificate in `TLS_CERTIFICATE`.
    case noCertificate
    /// No PEM private key, or one under a passphrase, in `TLS_KEY`.
    case noKey
    /// The key is not the first certificate's.
    case keyOfAnother

    /// The variable that is wrong.
    public var variable: String {
        switch self {
        case .unreadable(let variable): variable
        case .noCertificate: "TLS_CERTIFICATE"
        case .noKey, .keyOfAnother: "TLS_KEY"
        }
    }

    public var description: String {
        switch self {
        case .unreadable: "names a file that is not there or can't be read."
        case .noCertificate: "names a file without a certificate in PEM (-----BEGIN CERTIFICATE-----)."
        case .noKey: "names a file without a private key in PEM, or with one that is under a passphrase."
        case .keyOfAnother: "names a key that is not that of the first certificate in TLS_CERTIFICATE."
        }
    }
}
