"""Processes under measurement: started on given processors, their CPU time and memory read from /proc."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path


class Failure(Exception):
    """Something that the person at the terminal must know; the message is all of it."""


@dataclass(frozen=True)
class Processors:
    """Which processors the measured proxy has, and which are for everything else."""

    proxy: frozenset[int]
    rest: frozenset[int]

    @staticmethod
    def split(threads: int) -> Processors:
        """The proxy gets as many as it has threads, where something is left over; otherwise all share all."""
        every = sorted(os.sched_getaffinity(0))
        if len(every) <= threads:
            return Processors(frozenset(every), frozenset(every))
        return Processors(frozenset(every[:threads]), frozenset(every[threads:]))

    @property
    def are_apart(self) -> bool:
        return not self.proxy & self.rest


def raise_file_limit() -> int:
    """Raises the number of open files to what is allowed, for this process and those it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


_given: set[int] = set()


def free_ports(count: int) -> list[int]:
    """Ports on loopback that were free a moment ago, below the range from which outgoing connections take theirs.

    None is given twice.
    """
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports: list[int] = []
    candidate = first - 1 - (os.getpid() * 37) % 8000
    while len(ports) < count:
        candidate = candidate - 1 if candidate > 2000 else first - 1
        if candidate in _given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                continue
        _given.add(candidate)
        ports.append(candidate)
    return ports


def wait_for_port(port: int, seconds: float = 20) -> None:
    """Waits until something listens."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise Failure(f"nothing listens on port {port}")


_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def end_with_parent(processors: frozenset[int]) -> None:
    """Runs in a child before its program: pins it, and lets it end with us, however we end."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    os.sched_setaffinity(0, processors)


@dataclass
class Process:
    """A server: one process or a tree of them."""

    name: str
    command: list[str]
    log: Path
    processors: frozenset[int]
    environment: dict[str, str] = field(default_factory=dict)
    directory: Path | None = None
    child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8", **self.environment}
        with self.log.open("ab") as log, self.log.with_suffix(".err").open("ab") as errors:
            self.child = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=errors, env=environment,
                cwd=self.directory, start_new_session=True, preexec_fn=lambda: end_with_parent(self.processors))

    def stop(self, seconds: float = 10) -> None:
        """Ends it: TERM, and after a while KILL, to the process and those below it."""
        if self.child is None:
            return
        below = self.pids()
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                for pid in below:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                self.child.wait()
        self.child = None

    def check(self) -> None:
        """Fails where it ended by itself."""
        if self.child is None or self.child.poll() is not None:
            errors = self.log.with_suffix(".err")
            tail = errors.read_text(errors="replace")[-2000:] or self.log.read_text(errors="replace")[-2000:]
            raise Failure(f"{self.name} ended by itself:\n{tail}")

    def pids(self) -> list[int]:
        """The process and all below it."""
        if self.child is None:
            return []
        found, waiting = [], [self.child.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            try:
                for task in Path(f"/proc/{pid}/task").iterdir():
                    waiting += map(int, (task / "children").read_text().split())
            except (FileNotFoundError, ProcessLookupError):
                pass
        return found

    def cpu_seconds(self) -> float:
        """Time on a processor so far, to the nanosecond: the sum over all threads."""
        total = 0
        for pid in self.pids():
            try:
                for task in Path(f"/proc/{pid}/task").iterdir():
                    total += int((task / "schedstat").read_text().split()[0])
            except (FileNotFoundError, ProcessLookupError):
                pass
        return total / 1e9

    def resident_bytes(self) -> int:
        """Resident memory: the sum over all processes, what they share counted once for each."""
        total = 0
        for pid in self.pids():
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            for line in status.splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1]) * 1024
        return total
