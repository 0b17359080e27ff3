internal import ArgumentParser
internal import Secrets

struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "The key that seals secrets.", subcommands: [Generate.self])

    struct Generate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints a new ENCRYPTION_KEY: 64 hexadecimal digits.",
            discussion: "Keep it where secrets are kept. Without it nothing that is sealed can be read again.")

        func run() async throws {
            Console.say(KeyRing.generate().exposed)
        }
    }
}
