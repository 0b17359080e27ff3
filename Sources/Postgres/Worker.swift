/// A thread with at most one connection, which it alone touches.
final class Worker {
    private let id: Int
    private let waker: Waker
    private let core: PoolCore
    private var connection: Connection?

    init(id: Int, waker: Waker, core: PoolCore) {
        self.id = id
        self.waker = waker
        self.core = core
    }

    /// Works until the pool ends.
    func run() {
        while true {
            // Noticed before use, not by a statement that fails.
            if let connection, !connection.checkAlive() {
                self.connection = nil
                self.core.didDisconnect(worker: self.id)
            }
            switch self.core.next(worker: self.id) {
            case .run(let items):
                self.run(items)
            case .lease(let item):
                self.serve(item)
            case .connect:
                self.connect()
            case .sleep(let deadline):
                _ = self.waker.wait(for: self.connection?.readInterest, until: deadline)
            case .exit:
                return
            }
        }
    }

    private func connect() {
        let core = self.core
        do throws(PostgresError) {
            self.connection = try Connection.open(
                core.configuration, hostRotation: core.hostRotation, waker: self.waker, logger: core.logger,
                isStopping: { core.isStopped })
            core.didConnect(worker: self.id)
        } catch {
            core.didFailToConnect(error)
        }
    }

    private func run(_ items: [PoolItem]) {
        let requests = items.compactMap { item -> Request? in
            switch item {
            case .query(let request): request
            case .lease: nil
            }
        }
        self.connection?.run(requests, isLeased: false)
    }

    /// Stays with one caller until it gives the worker back.
    private func serve(_ item: PoolItem) {
        guard case .lease(let pending) = item, let connection else { return }
        let lease = Lease(waker: self.waker)
        guard pending.finish(.success(lease)) else { return }
        serving: while true {
            switch lease.next() {
            case .ended:
                break serving
            case .request(let request):
                if connection.isDead {
                    request.pending.finish(.failure(PostgresError(code: .connectionLost)))
                } else {
                    connection.run([request], isLeased: true)
                }
            case .wait:
                _ = self.waker.wait(for: connection.isDead ? nil : connection.readInterest)
                if self.core.isStopped {
                    connection.kill()
                    lease.end(PostgresError(code: .shutDown))
                } else if !connection.isDead {
                    _ = connection.checkAlive()
                }
            }
        }
        if !connection.rollBack() { connection.kill() }
        lease.released()
    }
}
