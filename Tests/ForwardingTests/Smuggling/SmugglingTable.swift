/// The document of what each proxy did with each vector.
struct SmugglingTable {
    let families: [Family]
    let results: [String: [String: Judgement]]
    let versions: [String]
    let strangers: [String: String]

    var text: String { ([introduction, summary] + families.map(section)).joined(separator: "\n") }

    private var introduction: String {
        let names = versions.map { "`\($0)`" }.joined(separator: ", ")
        return """
            # What becomes of ambiguous requests

            Written by the tests, not by hand: `SMUGGLING_TABLE=docs/smuggling.md swift test --filter SmugglingTests`.

            Each request below was sent, with a second one right behind it, to this gateway and to \(names) as they come
            (both forward to a pool of kept-alive connections, and change nothing of what they take for a request), each
            in front of an upstream that keeps every byte. A strict reader and \(Personality.all.count) lax ones then
            read these bytes; each lax one departs from RFC 9112 in a way that some server has.

            - *refused*: nothing reached the upstream. The number is the status; none: the connection was closed.
            - *cut off*: the head had left before the fault came; the upstream's connection was ended before its end.
            - *forwarded*: one request, which all readers read as it was meant.
            - *forwarded unsound*: one request, which all lax readers read alike, and which no sender may send.
            - *changed*: one request, with another method, target or body than was sent or than is legal.
            - *waits*: the proxy waited for more, so what follows on the connection became part of the request.
            - **read differently**: readers disagree about what the upstream was sent. **n requests**: out of one.

            """
    }

    // MARK: Summary

    private var summary: String {
        let vectors = families.flatMap(\.vectors)
        var lines = ["## Summary", "", "| | \(proxies.joined(separator: " | ")) |"]
        lines.append("|-|" + proxies.map { _ in "-|" }.joined())
        for (title, counts) in Self.kinds {
            let cells = proxies.map { proxy in
                vectors.count { vector in results[proxy]?[vector.name].map { counts($0.outcome) } ?? false }
            }
            lines.append("| \(title) | \(cells.map(String.init).joined(separator: " | ")) |")
        }
        // What the product does not forward for reasons of its own says nothing about strictness.
        let judged = vectors.filter { vector in
            if case .answered = vector.expectation { false } else { true }
        }
        for peer in proxies.dropFirst() {
            let stricter = names(judged) { $0.isRefusal && $1.isPassage }(peer)
            let laxer = names(judged) { $0.isPassage && $1.isRefusal }(peer)
            let equal = judged.count - stricter.count - laxer.count
            lines += [
                "",
                "Beside \(peer), of \(judged.count): stricter \(stricter.count), equal \(equal), laxer \(laxer.count).",
            ]
            for name in laxer {
                lines.append("- `\(name)`: \(strangers[name] ?? "unexplained")")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private var proxies: [String] { ["ours"] + Peer.all.map(\.name).filter { results[$0] != nil } }

    private func names(
        _ vectors: [Vector], where differs: @escaping (Outcome, Outcome) -> Bool
    ) -> (String) -> [String] {
        { peer in
            vectors.map(\.name).filter { name in
                guard let ours = results["ours"]?[name]?.outcome, let theirs = results[peer]?[name]?.outcome else {
                    return false
                }
                return differs(ours, theirs)
            }
        }
    }

    private static let kinds: [(String, @Sendable (Outcome) -> Bool)] = [
        ("refused", { if case .refused = $0 { true } else { $0 == .closed } }),
        ("cut off", { if case .aborted = $0 { true } else { false } }),
        ("forwarded", { $0 == .forwarded }),
        ("forwarded unsound", { if case .unsound = $0 { true } else { false } }),
        ("changed", { $0 == .changed }),
        ("waits", { $0 == .waited }),
        ("read differently", { if case .ambiguous = $0 { true } else { false } }),
        ("several requests", { if case .several = $0 { true } else { false } }),
    ]

    // MARK: Rows

    private func section(_ family: Family) -> String {
        var lines = ["## \(family.title)", "", "| vector | rule | must be | \(proxies.joined(separator: " | ")) |"]
        lines.append("|-|-|-|" + proxies.map { _ in "-|" }.joined())
        for vector in family.vectors {
            let cells = proxies.map { results[$0]?[vector.name].map { Self.text($0.outcome) } ?? "" }
            let row = [vector.name, vector.rule, Self.text(vector.expectation)] + cells
            lines.append(
                "| \(row.joined(separator: " | ")) |"
            )
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func text(_ expectation: Expectation) -> String {
        switch expectation {
        case .refused: "refused"
        case .aborted: "refused or cut off"
        case .answered: "not forwarded"
        case .forwarded: "forwarded"
        case .refusedOrForwarded: "refused or forwarded"
        }
    }

    private static func text(_ outcome: Outcome) -> String {
        switch outcome {
        case .refused(let status): "refused \(status)"
        case .closed: "refused"
        case .aborted(let status): "cut off" + (status.map { " \($0)" } ?? "")
        case .waited: "waits"
        case .forwarded: "forwarded"
        case .changed: "changed"
        case .unsound(let why): "forwarded unsound: \(why)"
        case .several(let count): "**\(count) requests**"
        case .ambiguous(let readers):
            "**read differently**: \(readers.prefix(2).joined(separator: ", "))"
                + (readers.count > 2 ? ", and \(readers.count - 2) more" : "")
        }
    }
}
