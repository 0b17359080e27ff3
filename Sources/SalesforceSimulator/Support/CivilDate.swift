import Foundation

/// A day of the proleptic Gregorian calendar, in UTC, as SOQL compares dates.
struct CivilDate: Sendable, Hashable, Comparable {
    /// Days since 1970-01-01.
    var dayNumber: Int

    init(dayNumber: Int) { self.dayNumber = dayNumber }

    init(_ date: Date) { dayNumber = Int((date.timeIntervalSince1970 / 86_400).rounded(.down)) }

    /// `nil` where there is no such day.
    init?(year: Int, month: Int, day: Int) {
        guard (1...9999).contains(year), (1...12).contains(month), day >= 1 else { return nil }
        // Howard Hinnant's days_from_civil: years start in March, so that the leap day is the last.
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        dayNumber = era * 146_097 + dayOfEra - 719_468
        guard components == (year, month, day) else { return nil }
    }

    /// Reads `yyyy-MM-dd`.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard text.utf8.count == 10, parts.count == 3, parts[0].utf8.count == 4, parts[1].utf8.count == 2,
            let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2])
        else { return nil }
        self.init(year: year, month: month, day: day)
    }

    var components: (year: Int, month: Int, day: Int) {
        let shifted = dayNumber + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthIndex + 2) / 5 + 1
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    /// 0 is Sunday, the first day of Salesforce's week in the United States.
    var weekday: Int { ((dayNumber + 4) % 7 + 7) % 7 }

    /// `yyyy-MM-dd`.
    var text: String {
        let (year, month, day) = components
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    }

    func adding(days: Int) -> CivilDate { CivilDate(dayNumber: dayNumber + days) }

    /// The first day of the month that lies so many months away.
    func startOfMonth(adding months: Int = 0) -> CivilDate {
        let (year, month, _) = components
        let index = year * 12 + month - 1 + months
        return CivilDate(year: index / 12, month: index % 12 + 1, day: 1) ?? self
    }

    /// The first day of the quarter that lies so many quarters away.
    func startOfQuarter(adding quarters: Int = 0) -> CivilDate {
        startOfMonth(adding: quarters * 3 - (components.month - 1) % 3)
    }

    /// The first day of the year that lies so many years away.
    func startOfYear(adding years: Int = 0) -> CivilDate {
        CivilDate(year: components.year + years, month: 1, day: 1) ?? self
    }

    static func < (left: CivilDate, right: CivilDate) -> Bool { left.dayNumber < right.dayNumber }
}

private func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

/// A point in time as the REST API writes it: `2026-01-31T12:00:00.000+0000`, always in UTC, so that text order is
/// time order.
func dateTimeText(_ date: Date) -> String {
    let milliseconds = Int((date.timeIntervalSince1970 * 1_000).rounded(.down))
    let day = Int((Double(milliseconds) / 86_400_000).rounded(.down))
    let rest = milliseconds - day * 86_400_000
    let (seconds, fraction) = (rest / 1_000, rest % 1_000)
    let time = "\(padded(seconds / 3_600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
    return "\(CivilDate(dayNumber: day).text)T\(time).\(padded(fraction, 3))+0000"
}

/// Reads a point in time such as `2026-01-31T12:00:00Z`, `…12:00:00.000+0000` or `…12:00:00-05:00`.
func parseDateTime(_ text: String) -> Date? {
    guard let match = text.wholeMatch(of: /(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)/),
        let day = CivilDate(match.1), let hour = Int(match.2), let minute = Int(match.3), let second = Int(match.4),
        hour < 24, minute < 60, second < 60
    else { return nil }
    var offset = 0
    if match.6 != "Z" {
        let digits = match.6.dropFirst().filter { $0 != ":" }
        guard let hours = Int(digits.prefix(2)), let minutes = Int(digits.suffix(2)) else { return nil }
        offset = (hours * 60 + minutes) * 60 * (match.6.hasPrefix("-") ? -1 : 1)
    }
    let fraction = match.5.flatMap { Double("0.\($0)") } ?? 0
    let seconds = day.dayNumber * 86_400 + hour * 3_600 + minute * 60 + second - offset
    return Date(timeIntervalSince1970: Double(seconds) + fraction)
}
