internal import Access
internal import ArgumentParser
internal import Domain
internal import Gateway
internal import Secrets

struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "The key that seals secrets.", subcommands: [Generate.self, Rotate.self])

    struct Generate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints a new ENCRYPTION_KEY: 64 hexadecimal digits.",
            discussion: "Keep it where secrets are kept. Without it nothing that is sealed can be read again.")

        func run() async throws {
            Console.say(KeyRing.generate().exposed)
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Seals anew, by ENCRYPTION_KEY, what the keys of ENCRYPTION_KEYS_RETIRED seal.",
            discussion: """
                First give every process the new key as ENCRYPTION_KEY and the former one in ENCRYPTION_KEYS_RETIRED. \
                Then run this while they serve. It may be ended and run again at any time. Afterwards take the former \
                key out of ENCRYPTION_KEYS_RETIRED. Exits with 1 where something is left.
                """)

        func run() async throws {
            let (tools, _) = try await Operations.tools(requires: [.database, .encryptionKey])
            let display = ProgressDisplay(unit: "data keys")
            let report = try await tools.rotateKeys { display.show(done: $0.done, total: $0.total) }
            display.finish()
            Console.say(
                report.rewrapped == 0
                    ? "Nothing was sealed anew."
                    : "Sealed \(report.rewrapped) data key\(report.rewrapped == 1 ? "" : "s") anew.")
            Console.say(Describe.table(of: report.inventory))
            for problem in Describe.problems(of: report) { Console.error(problem) }
            if !report.isComplete { throw ExitCode(Console.failureExitCode) }
        }
    }
}

extension Describe {
    /// Names of damaged customers that are said at most; the rest is a number.
    private static let damagedNamesMax = 10

    /// Master keys, what they seal, how they stand and what to do.
    static func table(of inventory: KeyInventory) -> String {
        Console.table(
            [["KEY", "SEALS", "IS", ""]]
                + inventory.entries.map { [$0.name, $0.amount, $0.words, $0.cure ?? ""] })
    }

    /// Why a rotation is not complete, with the cure for each reason.
    static func problems(of report: KeyRotation.Report) -> [String] {
        var problems: [String] = []
        for entry in report.inventory.entries {
            switch entry.standing {
            case .missing, .unreadable:
                problems.append("\(entry.amount) sealed by key \(entry.name): \(entry.words). \(entry.cure ?? "")")
            case .retired where report.damaged.isEmpty && !report.isPlatformDamaged:
                problems.append(
                    "\(entry.amount) sealed by key \(entry.name) came up meanwhile: a process is running that does not"
                        + " have the present ENCRYPTION_KEY. Restart it, then run formation key rotate again.")
            case .current, .retired, .removable, .unjudged: break
            }
        }
        if report.isPlatformDamaged {
            problems.append(
                "The platform's data key does not open, though its key is at hand: the row was changed or moved."
                    + " Restore it from a backup.")
        }
        if !report.damaged.isEmpty {
            let names = report.damaged.map(\.description).sorted()
            let more = names.count - damagedNamesMax
            problems.append(
                "\(names.count) data keys do not open, though their key is at hand: the rows were changed or moved."
                    + " Restore these customers from a backup: \(names.prefix(damagedNamesMax).joined(separator: ", "))"
                    + (more > 0 ? ", and \(more) more." : "."))
        }
        return problems
    }
}
