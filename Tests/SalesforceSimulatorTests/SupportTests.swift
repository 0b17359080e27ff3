import Foundation
import Logging
import NIOHTTP1
import Testing

@testable import SalesforceSimulator

@Suite struct SupportTests {
    /// The suffix restates the case of the fifteen characters, and a wrong one is refused.
    @Test(arguments: [
        ("001A0000006Vm9r", "001A0000006Vm9rIAC"), ("00DHp000001Fk7R", "00DHp000001Fk7RMAS"),
    ])
    func recordIDSuffix(short: String, long: String) throws {
        #expect(try #require(RecordID(short)).long == long)
        #expect(RecordID(long)?.short == short)
        #expect(RecordID(String(long.dropLast()) + (long.hasSuffix("5") ? "A" : "5")) == nil)
        #expect(RecordID(String(short.dropLast())) == nil)
    }

    /// Made ids are valid and differ.
    @Test func madeIDs() {
        let ids = (1...1_000).map { RecordID(prefix: "001", pod: "Hp0", number: $0) }
        #expect(Set(ids).count == 1_000)
        #expect(ids.allSatisfy { RecordID($0.long) == $0 && $0.short.utf8.count == 15 })
        #expect(RecordID(prefix: "01g", pod: "Hp0", number: .max >> 15).short.utf8.count == 15)
    }

    /// What Foundation writes is read, what is written Foundation reads, and order stays.
    @Test func jsonAgreesWithFoundation() throws {
        let text = #"{"b":[1,-2.5,1e3,true,false,null,"é\u00e9\ud83d\ude00\n\"\\\/"],"a":{"x":"\u0001"}}"#
        let json = try JSONParser.parse(text.utf8)
        #expect(json.objectValue?.fields.map(\.key) == ["b", "a"])
        #expect(json["b"]?.arrayValue?.last == "éé😀\n\"\\/")
        let ours = try JSONSerialization.jsonObject(with: Data(json.encoded)) as? NSDictionary
        let theirs = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? NSDictionary
        #expect(ours == theirs)
    }

    /// Broken texts are refused.
    @Test(arguments: [
        "", "{", "[1,]", "{\"a\":}", "tru", "\"\n\"", "1 2", "{a:1}", "\"\\x\"", "-", "01a", "[\"\\ud8\"]",
    ])
    func brokenJSON(text: String) {
        #expect(throws: JSONParserError.self) { try JSONParser.parse(text.utf8) }
    }

    /// Nesting is bounded.
    @Test func deepJSON() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONParserError.self) { try JSONParser.parse(deep.utf8) }
    }

    /// Bytes of every kind inflate to what they were.
    @Test func gzipRoundTrip() throws {
        var random = SplitMix(seed: 1)
        let noise = (0..<20_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let runs = [UInt8](repeating: 65, count: 1_000) + Array("abcabcabc".utf8) + noise.prefix(40) + noise.prefix(40)
        for bytes in [[], [0], Array("hello hello hello".utf8), runs, noise] {
            #expect(try inflated(Gzip.compress(bytes)) == bytes)
        }
    }

    /// Days go there and back.
    @Test func civilDates() throws {
        for number in stride(from: -200_000, through: 200_000, by: 37) {
            let day = CivilDate(dayNumber: number)
            #expect(CivilDate(day.text) == day)
        }
        #expect(CivilDate("2026-02-29") == nil)
        #expect(CivilDate("2024-02-29")?.weekday == 4)
        let date = try #require(parseDateTime("2026-07-15T12:34:56.789-05:30"))
        #expect(dateTimeText(date) == "2026-07-15T18:04:56.789+0000")
        #expect(parseDateTime("2026-07-15T24:00:00Z") == nil)
    }

    /// The demo's data are the same for the same day, and make sense.
    @Test func demoData() throws {
        let configuration = SimulatorConfiguration.demo(redirectURIs: [])
        let now = Date(timeIntervalSince1970: 1_784_073_600)
        let first = SimulatorState(configuration: configuration, now: now)
        let second = SimulatorState(configuration: configuration, now: now)
        let axonify = try #require(first.org(named: "Axonify"))
        let again = try #require(second.org(named: "00DHp000001Fk7RMAS"))
        let contacts = axonify.database.table("Contact").rows
        #expect(contacts.count > 2_000)
        #expect(contacts.map(\.values) == again.database.table("Contact").rows.map(\.values))
        let accounts = axonify.database.table("Account").rows
        #expect(Set(accounts.map { $0["Name"] }).count == accounts.count)
        let deals = axonify.database.table("Opportunity").rows
        #expect(Set(deals.map { $0["StageName"] }).isSuperset(of: ["Negotiation", "Proposal"]))
        #expect(
            deals.allSatisfy { $0["AccountId"].stringValue.flatMap(RecordID.init).flatMap(axonify.database.row) != nil }
        )
        let today = CivilDate(now).text
        #expect(deals.allSatisfy { $0["IsClosed"] == false || ($0["CloseDate"].stringValue ?? "9") < today })
    }

    /// Every address listens on one port; whoever waits for a port that never comes is told.
    @Test func furtherAddresses() async throws {
        try await Harness.run({ $0.furtherAddresses = ["127.0.0.2"] }) { harness in
            for address in ["127.0.0.1", "127.0.0.2"] {
                let reply = try await harness.send(.GET, Harness.instance, "/services/data", address: address)
                #expect(reply.status == 200)
            }
        }
        let stopped = SalesforceSimulator(
            configuration: .demo(redirectURIs: []), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        stopped.core.port.close()
        await #expect(throws: SimulatorError.notRunning) { try await stopped.listeningPort() }
    }
}
