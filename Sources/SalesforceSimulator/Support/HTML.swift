/// HTML text; strings interpolated into it are escaped, HTML interpolated into it is not.
struct HTML: Sendable, ExpressibleByStringInterpolation {
    /// The markup.
    var markup: String

    init(stringLiteral value: String) { markup = value }

    init(stringInterpolation: Interpolation) { markup = stringInterpolation.markup }

    init(joining parts: [HTML]) { markup = parts.map(\.markup).joined() }

    struct Interpolation: StringInterpolationProtocol {
        var markup: String

        init(literalCapacity: Int, interpolationCount: Int) {
            markup = ""
            markup.reserveCapacity(literalCapacity)
        }

        mutating func appendLiteral(_ literal: String) { markup += literal }

        mutating func appendInterpolation(_ text: String) { markup += xmlEscaped(text) }

        mutating func appendInterpolation(_ html: HTML) { markup += html.markup }
    }
}
