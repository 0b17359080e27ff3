public import Domain
public import Secrets

/// Which master keys seal how much, which of them are at hand, and what may become of each.
public struct KeyInventory: Sendable, Hashable {
    /// How a master key stands.
    public enum Standing: Sendable, Hashable, CaseIterable {
        /// `ENCRYPTION_KEY`: it seals from now on.
        case current
        /// In `ENCRYPTION_KEYS_RETIRED`, and something is still sealed by it.
        case retired
        /// In `ENCRYPTION_KEYS_RETIRED`, and nothing is sealed by it any more.
        case removable
        /// It seals something, and is not at hand: that can't be opened.
        case missing
        /// What is stored is no ciphertext of ours, so no key opens it.
        case unreadable
        /// It seals something; no key is at hand to compare it with.
        case unjudged
    }

    /// One master key.
    public struct Entry: Sendable, Hashable {
        /// How it stands, and how much it seals.
        public let standing: Standing
        public let use: MasterKeyUse
    }

    /// The current key first, then by name.
    public let entries: [Entry]

    /// Compares what is stored with the keys at hand; `nil`: none is given.
    public init(uses: [MasterKeyUse], keys: KeyRing?) {
        let retired = keys?.retiredKeyIDs ?? []
        var entries = uses.map { use in
            Entry(standing: Self.standing(of: use.keyID, keys: keys), use: use)
        }
        let stored = Set(uses.compactMap(\.keyID))
        if let current = keys?.currentKeyID, !stored.contains(current) {
            entries.append(Entry(standing: .current, use: .nothing(of: current)))
        }
        entries += retired.filter { !stored.contains($0) }
            .map { Entry(standing: .removable, use: .nothing(of: $0)) }
        self.entries = entries.sorted {
            ($0.standing == .current ? 0 : 1, $0.name) < ($1.standing == .current ? 0 : 1, $1.name)
        }
    }

    /// Whether the current key seals everything.
    public var isRotated: Bool {
        entries.allSatisfy { entry in
            switch entry.standing {
            case .current, .removable: true
            case .retired, .missing, .unreadable, .unjudged: false
            }
        }
    }

    /// How many data keys a rotation can seal anew.
    public var rotatable: Int {
        entries.filter { $0.standing == .retired }.reduce(0) { $0 + $1.use.count }
    }

    private static func standing(of key: KeyID?, keys: KeyRing?) -> Standing {
        guard let key else { return .unreadable }
        guard let keys else { return .unjudged }
        if key == keys.currentKeyID { return .current }
        return keys.retiredKeyIDs.contains(key) ? .retired : .missing
    }
}

extension KeyInventory.Entry {
    /// The key's name.
    public var name: String { use.keyID?.description ?? "–" }

    /// What it seals, in words.
    public var amount: String {
        let customers = "\(use.customers) customer\(use.customers == 1 ? "" : "s")"
        guard use.sealsPlatform else { return use.customers == 0 ? "nothing" : customers }
        return use.customers == 0 ? "the platform's key" : "\(customers) and the platform's key"
    }

    /// How it stands, in words.
    public var words: String {
        switch standing {
        case .current: "ENCRYPTION_KEY"
        case .retired: "in ENCRYPTION_KEYS_RETIRED, still needed"
        case .removable: "in ENCRYPTION_KEYS_RETIRED, no longer needed"
        case .missing: "not at hand: what it seals can't be opened"
        case .unreadable: "no ciphertext of ours: it can't be opened"
        case .unjudged: "ENCRYPTION_KEY is not set, so nothing is said of it"
        }
    }

    /// What to do about it; `nil` where nothing is to be done.
    public var cure: String? {
        switch standing {
        case .current, .unjudged: nil
        case .retired: "Run: formation key rotate"
        case .removable: "Once every process has the present ENCRYPTION_KEY, remove it from ENCRYPTION_KEYS_RETIRED."
        case .missing: "Put the key of this name back, as ENCRYPTION_KEY or in ENCRYPTION_KEYS_RETIRED."
        case .unreadable: "Restore these rows from a backup."
        }
    }
}

extension MasterKeyUse {
    fileprivate static func nothing(of key: KeyID) -> MasterKeyUse {
        MasterKeyUse(keyID: key, customers: 0, sealsPlatform: false)
    }
}
