public import Secrets

/// What an org says of its objects, to the person who asks.
public protocol SalesforceDescribing: Sendable {
    /// Describes an object.
    ///
    /// Nothing changes at Salesforce. A call is not tried twice and follows no redirect; a cancelled one is broken off.
    ///
    /// - Parameter object: An object's name, in any case, e.g. `Account` or `Region__c`.
    /// - Returns: The object with the fields that the token's owner may see; `nil` where there is no such object, or
    ///   none that they may see.
    func describe(
        _ object: String, instance: InstanceURL, accessToken: Secret<String>
    ) async throws(SalesforceError) -> ObjectDescription?
}

/// An object of an org, as far as its fields are looked for.
public struct ObjectDescription: Sendable, Hashable {
    /// One of its fields.
    public struct Field: Sendable, Hashable {
        /// E.g. `Region__c`.
        public let name: String
        /// What people call it, e.g. `Region`.
        public let label: String
        /// The name of the way to other objects, e.g. `Account` for `AccountId`; `nil` where there is none.
        public let relationshipName: String?
        /// The objects that the way can lead to.
        public let referenceTo: [String]

        /// A field as a double makes one.
        public init(name: String, label: String, relationshipName: String? = nil, referenceTo: [String] = []) {
            self.name = name
            self.label = label
            self.relationshipName = relationshipName
            self.referenceTo = referenceTo
        }
    }

    /// As Salesforce spells it, e.g. `Account`.
    public let name: String
    /// What people call it.
    public let label: String
    public let fields: [Field]

    /// An object as a double makes one.
    public init(name: String, label: String, fields: [Field]) {
        self.name = name
        self.label = label
        self.fields = fields
    }

    /// Whether a text can be an object's name. Nothing else becomes part of a URL.
    public static func isName(_ text: some StringProtocol) -> Bool {
        guard let first = text.utf8.first, isLetter(first), text.utf8.count <= nameByteCountMax else { return false }
        return text.utf8.allSatisfy { HostName.isAlphanumeric($0) || $0 == UInt8(ascii: "_") }
    }

    /// 80 bytes: an own name has at most 40, and a namespace and endings around it.
    private static let nameByteCountMax = 80

    private static func isLetter(_ byte: UInt8) -> Bool {
        HostName.isAlphanumeric(byte) && !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
