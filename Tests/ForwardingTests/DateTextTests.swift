import Foundation
import Testing

@testable import Forwarding

/// `Date` as RFC 9110 §5.6.7 has it.
@Suite struct DateTextTests {
    /// Known times, leap days and turns of years among them.
    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
        (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
    ])
    func knownTimes(second: Int, expected: String) {
        #expect(DateText.text(second: second) == expected)
    }

    /// Made anew when the second is another.
    @Test func followsTheClock() {
        var dates = DateText()
        #expect(dates.text(at: Date(timeIntervalSince1970: 0.9)) == "Thu, 01 Jan 1970 00:00:00 GMT")
        #expect(dates.text(at: Date(timeIntervalSince1970: 1)) == "Thu, 01 Jan 1970 00:00:01 GMT")
    }
}
