#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Wakes a thread that waits for a descriptor: the one way in which this module's threads wait.
final class Waker: Sendable {
    private let readEnd: Int32
    private let writeEnd: Int32

    init() {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            // Invariant: a client is made at start; a process that has no two descriptors left then can't serve.
            fatalError("no descriptor left for a pipe: errno \(errno)")
        }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        self.readEnd = ends[0]
        self.writeEnd = ends[1]
    }

    deinit {
        close(self.readEnd)
        close(self.writeEnd)
    }

    /// Ends the thread's present wait, or its next one. From any thread.
    func wake() {
        var byte: UInt8 = 1
        // A full pipe refuses, which is as good: the thread will wake.
        _ = write(self.writeEnd, &byte, 1)
    }

    /// What ended a wait. Neither means that its time was up.
    struct Event {
        var wasWoken = false
        var isReady = false
    }

    /// What a descriptor is waited for.
    struct Interest {
        let descriptor: Int32
        var reads = true
        var writes = false
    }

    /// Waits until woken, until the descriptor is ready (or in error), or until the deadline.
    func wait(for interest: Interest? = nil, until deadline: ContinuousClock.Instant? = nil) -> Event {
        var descriptors = [pollfd(fd: self.readEnd, events: Int16(POLLIN), revents: 0)]
        if let interest {
            let events = (interest.reads ? Int16(POLLIN) : 0) | (interest.writes ? Int16(POLLOUT) : 0)
            descriptors.append(pollfd(fd: interest.descriptor, events: events, revents: 0))
        }
        let timeout = deadline.map { max(Duration.zero, $0 - .now).wholeMilliseconds }
        let count = poll(&descriptors, nfds_t(descriptors.count), timeout.map { Int32(clamping: $0) } ?? -1)
        guard count > 0 else { return Event() }
        var event = Event()
        if descriptors[0].revents != 0 {
            event.wasWoken = true
            var scratch: [UInt8] = Array(repeating: 0, count: 64)
            while read(self.readEnd, &scratch, scratch.count) == scratch.count {}
        }
        event.isReady = descriptors.count > 1 && descriptors[1].revents != 0
        return event
    }

    /// Whether a descriptor has something to read, or ended, now.
    static func isReadable(_ descriptor: Int32) -> Bool {
        var descriptors = [pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)]
        return poll(&descriptors, 1, 0) > 0
    }
}
