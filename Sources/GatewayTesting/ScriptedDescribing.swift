internal import NIOConcurrencyHelpers
public import Salesforce
public import Secrets

/// An org's descriptions in memory: objects by their names, as scripted, and a list of who asked for what.
public final class ScriptedDescribing: SalesforceDescribing {
    /// What a question is answered with.
    public enum Answer: Sendable {
        case object(ObjectDescription)
        case missing
        case failure(SalesforceError)
        /// Nothing, until ``release()`` or until the question is given up; then as if it were not held.
        indirect case held(Answer)
    }

    /// What was asked, and by which token.
    public struct Question: Sendable, Hashable {
        public let object: String
        public let token: String
    }

    private struct State {
        var answers: [String: Answer]
        var questions: [Question] = []
        var held: [AsyncStream<Never>.Continuation] = []
    }

    private let state: NIOLockedValueBox<State>
    private let arrivals = Gate()
    private let isAlive: @Sendable (Secret<String>) -> Bool

    /// - Parameters:
    ///   - objects: What is there; any other object is missing.
    ///   - isAlive: Whether a token is good.
    public init(
        _ objects: [ObjectDescription] = [], isAlive: @escaping @Sendable (Secret<String>) -> Bool = { _ in true }
    ) {
        let answers = Dictionary(objects.map { ($0.name.lowercased(), Answer.object($0)) }) { first, _ in first }
        self.state = NIOLockedValueBox(State(answers: answers))
        self.isAlive = isAlive
        arrivals.open()
    }

    /// Scripts what an object's next questions are answered with.
    public func answer(_ object: String, with answer: Answer) {
        state.withLockedValue { $0.answers[object.lowercased()] = answer }
    }

    /// What was asked, in order.
    public var questions: [Question] { state.withLockedValue { $0.questions } }

    /// Waits until so many questions were asked.
    public func waitForQuestions(_ count: Int) async {
        await arrivals.waitForArrivals(count)
    }

    /// Answers what is held.
    public func release() {
        let held = state.withLockedValue { state in
            defer { state.held = [] }
            return state.held
        }
        for continuation in held { continuation.finish() }
    }

    public func describe(
        _ object: String, instance: InstanceURL, accessToken: Secret<String>
    ) async throws(SalesforceError) -> ObjectDescription? {
        let answer = state.withLockedValue { state in
            state.questions.append(Question(object: object, token: accessToken.exposed))
            return state.answers[object.lowercased()] ?? .missing
        }
        guard isAlive(accessToken) else {
            await arrivals.pass()
            throw SalesforceError(.deadSession, status: 401)
        }
        return try await give(answer)
    }

    private func give(_ answer: Answer) async throws(SalesforceError) -> ObjectDescription? {
        switch answer {
        case .held(let answer):
            let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
            state.withLockedValue { $0.held.append(continuation) }
            await arrivals.pass()
            for await _ in stream {}
            if Task.isCancelled { throw SalesforceError(.cancelled) }
            return try await final(answer)
        case .object, .missing, .failure:
            await arrivals.pass()
            return try await final(answer)
        }
    }

    private func final(_ answer: Answer) async throws(SalesforceError) -> ObjectDescription? {
        switch answer {
        case .object(let description): description
        case .missing: nil
        case .failure(let error): throw error
        case .held(let answer): try await final(answer)
        }
    }
}

extension ScriptedDescribing {
    /// An org as the tests know it: the three objects that the product reads, and somebody who owns records.
    public static func org(isAlive: @escaping @Sendable (Secret<String>) -> Bool = { _ in true }) -> ScriptedDescribing
    {
        typealias Field = ObjectDescription.Field
        let owner = Field(name: "OwnerId", label: "Owner ID", relationshipName: "Owner", referenceTo: ["User"])
        let account = Field(
            name: "AccountId", label: "Account ID", relationshipName: "Account", referenceTo: ["Account"])
        return ScriptedDescribing(
            [
                ObjectDescription(
                    name: "Account", label: "Account",
                    fields: [
                        Field(name: "Name", label: "Account Name"), Field(name: "Industry", label: "Industry"),
                        Field(name: "Region__c", label: "Region"), owner,
                    ]),
                ObjectDescription(
                    name: "Opportunity", label: "Opportunity",
                    fields: [
                        Field(name: "Amount", label: "Amount"), Field(name: "Strategic__c", label: "Strategic"),
                        Field(name: "Sales_Area__c", label: "Territory"), account, owner,
                    ]),
                ObjectDescription(
                    name: "Contact", label: "Contact", fields: [Field(name: "Email", label: "Email"), account, owner]),
                ObjectDescription(
                    name: "User", label: "User", fields: [Field(name: "Alias", label: "Alias")]),
            ], isAlive: isAlive)
    }
}
