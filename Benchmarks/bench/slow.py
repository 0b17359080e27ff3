"""Clients that are slow or idle, in numbers: what a gateway must hold without harm to the others."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from typing import Callable, Iterator

from .fleet import CALLS, MEGABYTE, Proxy, Session
from .processes import Failure

BATCH = 250


@contextmanager
def idle_connections(proxy: Proxy, sessions: list[Session], count: int) -> Iterator[None]:
    """So many kept-alive connections, each after one call."""
    connections: list[socket.socket] = []
    try:
        while len(connections) < count:
            batch = [socket.create_connection(("127.0.0.1", proxy.plain), 20)
                     for _ in range(min(BATCH, count - len(connections)))]
            for number, connection in enumerate(batch):
                session = sessions[(len(connections) + number) % len(sessions)]
                connection.sendall(session.head(CALLS["1kb"]).encode())
            for connection in batch:
                _take_answer(connection, proxy)
            connections += batch
        yield
    finally:
        for connection in connections:
            connection.close()


def _take_answer(connection: socket.socket, proxy: Proxy) -> None:
    data = b""
    while True:
        piece = connection.recv(65536)
        if not piece:
            raise Failure(f"{proxy.name} closed a connection that should be kept")
        data += piece
        head, separator, body = data.partition(b"\r\n\r\n")
        if not separator:
            continue
        if b" 200 " not in head.split(b"\r\n")[0]:
            raise Failure(f"{proxy.name} answered {head[:200]!r}")
        # 1 KB of body, with a length or in one chunk.
        if len(body) >= 1024 and (b"chunked" not in head.lower() or body.endswith(b"0\r\n\r\n")):
            return


class SlowClients:
    """Clients of which one half reads 1 MB answers a little at a time, and the other half sends bodies so."""

    PIECE = 4096
    BODY_BYTES = 10_000

    def __init__(self, proxy: Proxy, sessions: list[Session], count: int):
        self.proxy = proxy
        self.readers: list[socket.socket] = []
        self.senders: list[socket.socket] = []
        # Those that the proxy has given up.
        self.cut: set[socket.socket] = set()
        self._over = threading.Event()
        for number in range(count):
            is_reader = number % 2 == 0
            session = sessions[number % len(sessions)]
            connection = socket.socket()
            connection.settimeout(20)
            # A small window, so that what is not read waits at the proxy and not in the kernel.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.PIECE)
            connection.connect(("127.0.0.1", proxy.plain))
            if is_reader:
                connection.sendall(session.head(CALLS["1mb"]).encode())
                self.readers.append(connection)
            else:
                length = f"Content-Length: {self.BODY_BYTES}\r\nContent-Type: text/csv\r\n"
                connection.sendall(session.head(CALLS["upload"], "POST", length).encode())
                self.senders.append(connection)
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def __enter__(self) -> SlowClients:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for connection in self.readers + self.senders:
            connection.close()

    def _go_on(self) -> None:
        """Every second 4 KB from each reader and a byte by each sender, spread over the second."""
        every = [(connection, True) for connection in self.readers] + [
            (connection, False) for connection in self.senders]
        for connection, _ in every:
            connection.setblocking(False)
        while not self._over.is_set():
            start = time.monotonic()
            for number, (connection, is_reader) in enumerate(every):
                if not self._is_served(connection, is_reader):
                    self.cut.add(connection)
                if number % 50 == 49 and self._over.wait(
                        max(0, start + (number + 1) / len(every) - time.monotonic())):
                    return

    def _is_served(self, connection: socket.socket, is_reader: bool) -> bool:
        """Reads or sends a little; whether the other side is still there."""
        try:
            if is_reader:
                return connection.recv(self.PIECE) != b""
            connection.send(b"x")
        except BlockingIOError:
            pass
        except OSError:
            return False
        return True


def download(proxy: Proxy, session: Session, size: int, rate: float) -> int:
    """Reads so many bytes of a 1 GB answer at a rate; how many came."""
    with socket.socket() as connection:
        connection.settimeout(60)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 128 * 1024)
        connection.connect(("127.0.0.1", proxy.plain))
        connection.sendall(session.head(CALLS["1gb"]).encode())
        start, taken = time.monotonic(), 0
        while taken < size:
            piece = connection.recv(65536)
            if not piece:
                break
            taken += len(piece)
            ahead = taken / rate - (time.monotonic() - start)
            if ahead > 0:
                time.sleep(ahead)
        return taken


def upload(proxy: Proxy, session: Session, size: int) -> bytes:
    """Sends so many bytes as fast as they are taken; the status line of the answer."""
    piece = b"x" * MEGABYTE
    with socket.create_connection(("127.0.0.1", proxy.plain), 120) as connection:
        head = session.head(CALLS["sink"], "POST", f"Content-Length: {size}\r\nContent-Type: text/csv\r\n")
        connection.sendall(head.encode())
        for _ in range(size // MEGABYTE):
            connection.sendall(piece)
        return connection.recv(65536).split(b"\r\n")[0]


def sample_while(work: list[Callable[[], None]], sample: Callable[[], None], pause: float = 0.02) -> None:
    """Runs jobs at the same time, and samples until the last is done. The first job's failure is raised."""
    failures: list[BaseException] = []

    def guarded(job: Callable[[], None]) -> None:
        try:
            job()
        except (OSError, Failure) as failure:
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(job,), daemon=True) for job in work]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        sample()
        time.sleep(pause)
    if failures:
        raise Failure(f"a stream broke off: {failures[0]}")
