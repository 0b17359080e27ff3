"""An upstream that takes uploads at a limited rate, whatever is sent."""

from __future__ import annotations

import socket
import threading
import time

PIECE = 64 * 1024
ANSWER = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


def serve(port: int, bytes_per_second: float) -> None:
    """Serves for ever."""
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_take, args=(connection, bytes_per_second), daemon=True).start()


def _take(connection: socket.socket, rate: float) -> None:
    with connection:
        # A small window: what is not read here waits at the proxy and not in the kernel's buffers.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * PIECE)
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(PIECE)
            if not piece:
                return
            data += piece
        head, _, rest = data.partition(b"\r\n\r\n")
        fields = dict(
            (name.strip().lower(), value.strip())
            for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:]))
        length = int(fields.get(b"content-length", b"0"))
        is_chunked = fields.get(b"transfer-encoding", b"").lower() == b"chunked"
        start, taken, tail = time.monotonic(), len(rest), rest[-5:]
        while taken < length if not is_chunked else tail != b"0\r\n\r\n":
            piece = connection.recv(PIECE)
            if not piece:
                return
            taken += len(piece)
            tail = (tail + piece)[-5:]
            ahead = taken / rate - (time.monotonic() - start)
            if ahead > 0:
                time.sleep(ahead)
        connection.sendall(ANSWER)
