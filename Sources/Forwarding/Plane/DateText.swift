internal import Foundation

/// The text of `Date` (RFC 9110 §5.6.7), made once a second.
struct DateText {
    private var second = Int.min
    private var text = ""

    mutating func text(at now: Date) -> String {
        let second = Int(now.timeIntervalSince1970.rounded(.down))
        if second != self.second {
            self.second = second
            text = Self.text(second: second)
        }
        return text
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// An IMF-fixdate. The system's formatters read time zone files, which an event loop must not wait for.
    static func text(second: Int) -> String {
        let day = second >= 0 ? second / 86_400 : (second - 86_399) / 86_400
        let clock = second - day * 86_400
        // Days count from 1 March of year 0, so that a leap day is the last of its year; 400 years have 146,097 days.
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let ofEra = shifted - era * 146_097
        let yearOfEra = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * ofYear + 2) / 153
        let dayOfMonth = ofYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let weekday = ((day % 7) + 11) % 7
        return "\(weekdays[weekday]), \(two(dayOfMonth)) \(months[month - 1]) \(year) "
            + "\(two(clock / 3_600)):\(two(clock / 60 % 60)):\(two(clock % 60)) GMT"
    }

    private static func two(_ number: Int) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}
