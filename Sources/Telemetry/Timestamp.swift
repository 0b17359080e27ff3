internal import Foundation

/// Times as RFC 3339 in UTC with milliseconds: `2023-11-14T22:13:20.125Z`. Remembers the second that it wrote last.
struct Timestamp: Sendable {
    static let byteCount = 24
    private static let nanosecondsPerSecond: Int64 = 1_000_000_000
    private static let secondsPerDay: Int64 = 86_400

    private var second = Int64.min
    /// Of that second: `2023-11-14T22:13:20.`
    private var text: [UInt8] = []

    /// Appends the time of so many nanoseconds since 1970, cut to milliseconds.
    mutating func append(_ nanoseconds: Int64, to bytes: inout [UInt8]) {
        let (seconds, rest) = Self.divide(nanoseconds, by: Self.nanosecondsPerSecond)
        if seconds != second {
            text.removeAll(keepingCapacity: true)
            Self.write(seconds, to: &text)
            second = seconds
        }
        bytes += text
        Self.write(rest / 1_000_000, digits: 3, to: &bytes)
        bytes.append(UInt8(ascii: "Z"))
    }

    private static func write(_ seconds: Int64, to bytes: inout [UInt8]) {
        let (days, time) = divide(seconds, by: secondsPerDay)
        let (year, month, day) = civil(days: days)
        write(year, digits: 4, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        write(month, digits: 2, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        write(day, digits: 2, to: &bytes)
        bytes.append(UInt8(ascii: "T"))
        write(time / 3_600, digits: 2, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        write(time / 60 % 60, digits: 2, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        write(time % 60, digits: 2, to: &bytes)
        bytes.append(UInt8(ascii: "."))
    }

    /// The Gregorian date so many days after 1 January 1970. Years are counted from March, so that the leap day is
    /// the last of its year; 400 years have 146,097 days.
    private static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = divide(days + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day)
    }

    /// The quotient rounded down, and a remainder that is not negative.
    private static func divide(_ value: Int64, by divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private static func write(_ value: Int64, digits: Int, to bytes: inout [UInt8]) {
        var divisor: Int64 = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / divisor % 10))
            divisor /= 10
        }
    }
}

extension Date {
    /// Nanoseconds since 1970, to the microsecond; the years 1680 to 2260.
    var unixNanoseconds: Int64 {
        let seconds = timeIntervalSince1970
        guard seconds.isFinite else { return 0 }
        let secondsMax: TimeInterval = 9_150_000_000
        return Int64((min(max(seconds, -secondsMax), secondsMax) * 1_000_000).rounded()) * 1_000
    }
}
