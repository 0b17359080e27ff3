"""The two load generators: wrk, as fast as it goes, and pace (ours), which keeps a rate."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .fleet import CALLS, ROOT, TOOLS, Fleet, Proxy, Session
from .processes import Failure, end_with_parent

LOAD = ROOT / "Benchmarks" / "Load"


@dataclass(frozen=True)
class Run:
    """One run against one proxy."""

    requests: int
    seconds: float
    failed: int
    p50_us: float
    p99_us: float
    max_us: float
    bytes: int
    cpu_seconds: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU time of the proxy per answered request, in microseconds."""
        return self.cpu_seconds / self.requests * 1e6 if self.requests else float("inf")


def write_requests(path: Path, sessions: list[Session], call: str) -> Path:
    """A file of requests, one of each session: what both generators read."""
    path.write_text("".join(session.head(CALLS[call]) + "\0" for session in sessions))
    return path


class Load:
    """Runs generators on the processors that the proxies do not have."""

    def __init__(self, fleet: Fleet):
        self.fleet = fleet
        self.files: dict[tuple[str, str], Path] = {}

    def requests(self, group: str, call: str) -> Path:
        """The requests of a group of sessions."""
        key = (group, call)
        if key not in self.files:
            path = self.fleet.directory / f"requests-{group}-{call}"
            self.files[key] = write_requests(path, self.fleet.sessions[group], call)
        return self.files[key]

    def fastest(self, proxy: Proxy, requests: Path, connections: int, seconds: float, upstream: str) -> Run:
        """wrk: each connection asks again as soon as it was answered."""
        # wrk takes whole seconds.
        return self._measure(proxy, seconds + 30, [
            "wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}", "--timeout", "20", "-s",
            str(LOAD / "requests.lua"), f"http://127.0.0.1:{proxy.port(upstream)}", "--", str(requests)])

    def paced(self, proxy: Proxy, requests: Path, connections: int, rate: float, seconds: float, upstream: str) -> Run:
        """pace: so many requests a second, whatever the proxy does."""
        return self._measure(proxy, seconds + 30, [
            str(TOOLS / "pace"), "-p", str(proxy.port(upstream)), "-f", str(requests), "-c", str(connections),
            "-r", f"{rate:.1f}", "-d", str(seconds)])

    def walk(self, proxy: Proxy, requests: Path, connections: int, upstream: str, seconds: float = 900) -> Run:
        """pace: each request once. Fills caches."""
        return self._measure(proxy, seconds, [
            str(TOOLS / "pace"), "-p", str(proxy.port(upstream)), "-f", str(requests), "-c", str(connections), "-w"])

    def _measure(self, proxy: Proxy, timeout: float, command: list[str]) -> Run:
        proxy.process.check()
        before = proxy.process.cpu_seconds()
        try:
            result = subprocess.run(
                command, capture_output=True, text=True, timeout=timeout, check=False,
                preexec_fn=lambda: end_with_parent(self.fleet.processors.rest))
        except subprocess.TimeoutExpired as error:
            raise Failure(f"{proxy.name} did not answer {command[0]} in time") from error
        after = proxy.process.cpu_seconds()
        proxy.process.check()
        line = next((line for line in (result.stdout + result.stderr).splitlines() if line.startswith("{")), None)
        if line is None:
            raise Failure(f"{' '.join(command)} against {proxy.name}:\n{result.stdout}{result.stderr}")
        found = json.loads(line)
        return Run(
            requests=found["requests"], seconds=found["seconds"], failed=found["failed"], p50_us=found["p50_us"],
            p99_us=found["p99_us"], max_us=found["max_us"], bytes=found["bytes"], cpu_seconds=after - before)
