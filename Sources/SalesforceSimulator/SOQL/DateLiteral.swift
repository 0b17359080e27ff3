/// A named span of days, e.g. `TODAY` or `LAST_N_DAYS:30`.
struct DateLiteral: Sendable, Hashable {
    var name: String
    var count: Int?

    /// The names, and whether each takes a number.
    static let names: [String: Bool] = [
        "YESTERDAY": false, "TODAY": false, "TOMORROW": false,
        "LAST_WEEK": false, "THIS_WEEK": false, "NEXT_WEEK": false,
        "LAST_MONTH": false, "THIS_MONTH": false, "NEXT_MONTH": false,
        "LAST_QUARTER": false, "THIS_QUARTER": false, "NEXT_QUARTER": false,
        "LAST_YEAR": false, "THIS_YEAR": false, "NEXT_YEAR": false,
        "LAST_90_DAYS": false, "NEXT_90_DAYS": false,
        "LAST_N_DAYS": true, "NEXT_N_DAYS": true, "N_DAYS_AGO": true,
        "LAST_N_WEEKS": true, "NEXT_N_WEEKS": true, "N_WEEKS_AGO": true,
        "LAST_N_MONTHS": true, "NEXT_N_MONTHS": true, "N_MONTHS_AGO": true,
        "LAST_N_QUARTERS": true, "NEXT_N_QUARTERS": true, "N_QUARTERS_AGO": true,
        "LAST_N_YEARS": true, "NEXT_N_YEARS": true, "N_YEARS_AGO": true,
    ]

    /// The first day of the span, and the first day after it.
    func days(from today: CivilDate) -> (start: CivilDate, end: CivilDate) {
        if name == "LAST_90_DAYS" { return (today.adding(days: -90), today.adding(days: 1)) }
        if name == "NEXT_90_DAYS" { return (today.adding(days: 1), today.adding(days: 91)) }
        switch name {
        case "YESTERDAY": return (today.adding(days: -1), today)
        case "TODAY": return (today, today.adding(days: 1))
        case "TOMORROW": return (today.adding(days: 1), today.adding(days: 2))
        case _: break
        }
        let words = name.split(separator: "_").map(String.init)
        let count = count ?? 1
        let unit = Unit(words)
        switch (words.first, words.last) {
        case (_, "AGO"): return (unit.start(today, -count), unit.start(today, 1 - count))
        // The last n days run up to and including today; of longer units the current one does not count.
        case ("LAST", _):
            return (unit.start(today, -count), unit == .day ? today.adding(days: 1) : unit.start(today, 0))
        case ("NEXT", _): return (unit.start(today, 1), unit.start(today, count + 1))
        case _: return (unit.start(today, 0), unit.start(today, 1))
        }
    }

    private enum Unit {
        case day, week, month, quarter, year

        init(_ words: [String]) {
            func names(_ unit: String) -> Bool { words.contains { $0 == unit || $0 == "\(unit)S" } }
            self =
                names("WEEK")
                ? .week : names("MONTH") ? .month : names("QUARTER") ? .quarter : names("YEAR") ? .year : .day
        }

        /// The first day of the unit that lies so many units away.
        func start(_ today: CivilDate, _ distance: Int) -> CivilDate {
            switch self {
            case .day: today.adding(days: distance)
            case .week: today.adding(days: distance * 7 - today.weekday)
            case .month: today.startOfMonth(adding: distance)
            case .quarter: today.startOfQuarter(adding: distance)
            case .year: today.startOfYear(adding: distance)
            }
        }
    }
}
