import Foundation
import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(5))) struct CodecTests {
    /// Every type of the set comes back as it was sent, also as null.
    @Test func valuesComeBack() async throws {
        struct Note: Codable, Hashable { var text: String, list: [Int] }
        let id = try #require(UUID(uuidString: "00112233-4455-6677-8899-AABBCCDDEEFF"))
        let time = Date(timeIntervalSince1970: 1_790_000_000.123_456)
        let note = PostgresJSON(Note(text: "ä\"\\", list: [1, 2]))
        try await withTestClient { client, _ in
            let row = try #require(
                try await client.query(
                    """
                    select \("ä😀")::text as a, \(Int.min)::int8 as b, \(Int32.max)::int4 as c, \(-7)::int2 as d,
                    \(true) as e, \(0.1)::float8 as f, \(id) as g, \(time) as h, \([0, 255, 7] as [UInt8]) as i,
                    \(note) as j, \(["a", "", "{,\"}"]) as k, \([1, -2] as [Int]) as l, \([id]) as m,
                    \(String?.none)::text as n, \(UUID?.none) as o, \([UInt8]()) as p, \([String]()) as q,
                    \(Double.infinity)::float8 as r, \(1.5)::float4 as s, 'x'::name as t, 'y'::varchar as u,
                    \(Int64(9))::oid as v, '{"text":"","list":[]}'::json as w,
                    \([time]) as x, \([[0, 255], [], [7]] as [[UInt8]]) as y, \([[UInt8]]()) as z
                    """
                ).first)
            #expect(try row.decode("a", as: String.self) == "ä😀")
            #expect(try row.decode("b", as: Int.self) == .min)
            #expect(try row.decode("c", as: Int32.self) == .max)
            #expect(try row.decode("d", as: Int64.self) == -7)
            #expect(try row.decode("e", as: Bool.self))
            #expect(try row.decode("f", as: Double.self) == 0.1)
            #expect(try row.decode("g", as: UUID.self) == id)
            #expect(try abs(row.decode("h", as: Date.self).timeIntervalSince(time)) < 0.000_001)
            #expect(try row.decode("i", as: [UInt8].self) == [0, 255, 7])
            #expect(try row.decode("j", as: PostgresJSON<Note>.self) == note)
            #expect(try row.decode("k", as: [String].self) == ["a", "", "{,\"}"])
            #expect(try row.decode("l", as: [Int].self) == [1, -2])
            #expect(try row.decode("m", as: [UUID].self) == [id])
            #expect(try row.decode("n", as: String?.self) == nil)
            #expect(try row.decode("o", as: UUID?.self) == nil)
            #expect(try row.decode("p", as: [UInt8].self) == [])
            #expect(try row.decode("q", as: [String].self) == [])
            #expect(try row.decode("r", as: Double.self) == .infinity)
            #expect(try row.decode("s", as: Double.self) == 1.5)
            #expect(try row.decode("t", as: String.self) == "x")
            #expect(try row.decode("u", as: String?.self) == "y")
            #expect(try row.decode("v", as: Int.self) == 9)
            #expect(try row.decode("w", as: PostgresJSON<Note>.self).value.list.isEmpty)
            #expect(try row.decode("x", as: [Date].self).map(\.postgresBytes) == [time.postgresBytes])
            #expect(try row.decode("y", as: [[UInt8]].self) == [[0, 255], [], [7]])
            #expect(try row.decode("z", as: [[UInt8]].self) == [])
            #expect(try row.decode(at: 3, as: Int.self) == -7)
        }
    }

    /// Times keep their microseconds, before and after PostgreSQL's epoch, and mean the same to the server.
    @Test(arguments: [0, -1, 0.000_001, 946_684_800, 946_684_799.999_999, 4_102_444_800.5])
    func timesKeepMicroseconds(_ seconds: Double) async throws {
        let time = Date(timeIntervalSince1970: seconds)
        try await withTestClient { client, _ in
            let rows = try await client.query(
                "select \(time) as t, (extract(epoch from \(time)) * 1000000)::int8 as us")
            #expect(try rows[0].decode("us", as: Int64.self) == Int64((seconds * 1_000_000).rounded()))
            #expect(try rows[0].decode("t", as: Date.self).postgresBytes == time.postgresBytes)
        }
    }

    /// Labels of enum types, their arrays, and Swift enums over them are text; an unknown label is an error, not a
    /// crash.
    @Test func enumsAreText() async throws {
        enum Mood: String, PostgresEncodable, PostgresDecodable { case happy, sad }
        try await withTestClient { client, _ in
            try await client.query("create type mood as enum ('happy', 'sad', 'odd')")
            try await client.query("create table people (mood mood not null)")
            try await client.query("insert into people values (\(Mood.sad)), (\("odd"))")
            let rows = try await client.query("select mood, array['happy', 'odd']::mood[] as moods from people")
            #expect(try rows[0].decode("mood", as: Mood.self) == .sad)
            #expect(try rows[0].decode("moods", as: [String].self) == ["happy", "odd"])
            let error = #expect(throws: PostgresError.self) { try rows[1].decode("mood", as: Mood.self) }
            #expect(error?.code == .decoding && error?.column == "mood")
        }
    }

    /// A value of another type, a null, and a missing column are errors that name the column and the types alone.
    @Test func mismatchesAreNamed() async throws {
        try await withTestClient { client, _ in
            let row = try await client.query(
                "select 'canary'::text as a, null::int8 as b, 1::int8 as c, 'infinity'::timestamptz as d, 1.5::numeric as e"
            )[0]
            let failures: [() throws -> Void] = [
                { _ = try row.decode("a", as: Int.self) }, { _ = try row.decode("b", as: Int.self) },
                { _ = try row.decode("c", as: String.self) }, { _ = try row.decode("c", as: Int32.self) },
                { _ = try row.decode("d", as: Date.self) }, { _ = try row.decode("e", as: String.self) },
                { _ = try row.decode("a", as: UUID.self) }, { _ = try row.decode("a", as: [UInt8].self) },
                { _ = try row.decode("a", as: Bool?.self) }, { _ = try row.decode("c", as: Date.self) },
                { _ = try row.decode("a", as: PostgresJSON<String>.self) },
                { _ = try row.decode("a", as: [String].self) },
                { _ = try row.decode("missing", as: Int.self) }, { _ = try row.decode(at: 9, as: Int.self) },
            ]
            for (index, failing) in failures.enumerated() {
                let error = #expect(throws: PostgresError.self, "\(index)") { try failing() }
                #expect(error?.code == .decoding && error?.description.contains("canary") == false)
            }
            let error = #expect(throws: PostgresError.self) { try row.decode("c", as: String.self) }
            #expect(error?.description == "PostgreSQL: decoding; column \"c\" is int8, not text")
        }
    }
}

extension Date {
    fileprivate var postgresBytes: [UInt8]? {
        guard case .binary(let bytes) = self.postgresValue else { return nil }
        return bytes
    }
}
