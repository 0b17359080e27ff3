internal import Dispatch
internal import Foundation

/// What one thread has done up to a moment, in nanoseconds.
struct ThreadReading: Equatable, Sendable {
    /// A monotonic clock's time.
    var time: Int64
    /// How long the thread has been on a core; `nil` where the system does not say.
    var onCore: Int64?
    /// How long the thread could have run and had to wait for a core; `nil` where the system does not say.
    var inRunQueue: Int64?
}

/// Reads what a thread has done, from any thread.
protocol ThreadMeter: Sendable {
    func read() -> ThreadReading
}

/// Reads the clocks of the thread that makes it. On Linux all of them; elsewhere the time alone.
struct SystemThreadMeter: ThreadMeter {
    #if os(Linux)
        private let clock: clockid_t?
        /// `/proc/thread-self` is the thread that opens it, whoever reads.
        private let schedule: FileHandle?

        init() {
            var clock = clockid_t()
            self.clock = pthread_getcpuclockid(pthread_self(), &clock) == 0 ? clock : nil
            self.schedule = FileHandle(forReadingAtPath: "/proc/thread-self/schedstat")
        }

        func read() -> ThreadReading {
            ThreadReading(
                time: Self.nanoseconds(of: CLOCK_MONOTONIC) ?? 0, onCore: clock.flatMap(Self.nanoseconds),
                inRunQueue: waited())
        }

        /// The second of three numbers: time on a core, time in the run queue, time slices
        /// (https://docs.kernel.org/scheduler/sched-stats.html).
        private func waited() -> Int64? {
            guard let schedule, (try? schedule.seek(toOffset: 0)) != nil,
                let data = try? schedule.read(upToCount: Self.scheduleByteCountMax)
            else { return nil }
            let fields = String(decoding: data, as: UTF8.self).split(separator: " ")
            return fields.count > 1 ? Int64(fields[1]) : nil
        }

        /// 128 bytes: three numbers of 64 bits.
        private static let scheduleByteCountMax = 128

        private static func nanoseconds(of clock: clockid_t) -> Int64? {
            var time = timespec()
            guard clock_gettime(clock, &time) == 0 else { return nil }
            return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
        }
    #else
        func read() -> ThreadReading {
            ThreadReading(time: Int64(clamping: DispatchTime.now().uptimeNanoseconds), onCore: nil, inRunQueue: nil)
        }
    #endif
}
