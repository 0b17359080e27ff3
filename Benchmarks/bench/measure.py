"""The measurement: what is run in which order, and what is kept of it."""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from . import slow
from .fleet import MEGABYTE, Fleet, Population, Proxy, wait_until_ready
from .load import Load, Run, write_requests
from .processes import Failure, free_ports


@dataclass(frozen=True)
class Plan:
    """How much of everything."""

    name: str
    # Tenants of each kind of upstream, and people of each, every one with a session.
    tenants: int
    people: int
    connections: tuple[int, ...]
    rounds: int
    rounds_of_megabytes: int
    seconds: int
    half_load_seconds: int
    starts: int
    # Of the 1 GB answer: how much is read, and how fast.
    stream_bytes: int
    stream_rate: float
    upload_bytes: int
    idle: int
    slow_clients: int
    slow_seconds: int
    # Tenants, sessions per tenant, and how many sessions are in use.
    scales: tuple[tuple[int, int, int], ...]
    scale_rounds: int


FULL = Plan(
    name="full", tenants=1_000, people=10, connections=(16, 64, 256, 1_000), rounds=5, rounds_of_megabytes=3,
    seconds=2, half_load_seconds=4, starts=10, stream_bytes=1024 * MEGABYTE, stream_rate=24 * MEGABYTE,
    upload_bytes=300 * MEGABYTE, idle=5_000, slow_clients=2_000, slow_seconds=8,
    scales=((1, 1, 1), (1_000, 10, 10_000), (100_000, 10, 10_000), (100_000, 10, 100_000)), scale_rounds=6)
QUICK = Plan(
    name="quick", tenants=100, people=10, connections=(64,), rounds=3, rounds_of_megabytes=2, seconds=1,
    half_load_seconds=1, starts=3, stream_bytes=256 * MEGABYTE, stream_rate=64 * MEGABYTE,
    upload_bytes=100 * MEGABYTE, idle=1_000, slow_clients=500, slow_seconds=2,
    scales=((1, 1, 1), (1_000, 10, 1_000)), scale_rounds=3)

# The connection count of the goals.
USUAL = 64
WARM_UP_CONNECTIONS = 16


class Campaign:
    """All measurements of one run, as plain values for the report."""

    def __init__(self, fleet: Fleet, plan: Plan):
        self.fleet = fleet
        self.plan = plan
        self.load = Load(fleet)
        self.warnings: list[str] = []
        self.started = time.monotonic()

    def say(self, text: str) -> None:
        print(f"  {time.monotonic() - self.started:6.0f} s  {text}", flush=True)

    def run(self) -> dict[str, object]:
        results: dict[str, object] = {"plan": asdict(self.plan)}
        results["start"] = self._starts()
        results["memory"] = self._memory()
        self._warm_up()
        results["cells"] = self._cells()
        results["half_load"] = self._half_load(results["cells"])
        results["slow"] = self._beside_slow_clients()
        results["scale"] = self._scale()
        results["warnings"] = self.warnings
        return results

    def _note_failures(self, what: str, run: Run) -> None:
        if run.failed:
            self.warnings.append(f"{what}: {run.failed} of {run.requests} calls failed")
            self.say(f"WARNING {self.warnings[-1]}")

    # MARK: CPU, throughput and latency

    def _warm_up(self) -> None:
        """Every proxy has served every session once: tables, pools and caches are as they are in use."""
        self.say("warming up")
        for upstream in ("plain", "tls"):
            for proxy in self.fleet.proxies:
                run = self.load.walk(proxy, self.load.requests(upstream, "1kb"), WARM_UP_CONNECTIONS, upstream)
                self._note_failures(f"warming up {proxy.name}", run)

    def _cells(self) -> list[dict[str, object]]:
        cells = []
        for call in ("1kb", "1mb"):
            rounds = self.plan.rounds if call == "1kb" else self.plan.rounds_of_megabytes
            proxies = [p for p in self.fleet.proxies if call == "1mb" or p.name != "nginx-tuned"]
            for upstream in ("plain", "tls"):
                for connections in self.plan.connections:
                    cells.append(self._cell(call, upstream, connections, proxies, rounds))
        return cells

    def _cell(self, call: str, upstream: str, connections: int, proxies: list[Proxy], rounds: int) -> dict[str, object]:
        requests = self.load.requests(upstream, call)
        what = f"{call}, {upstream} upstream, {connections} connections"
        runs = rotate(proxies, rounds, lambda proxy: self.load.fastest(
            proxy, requests, connections, self.plan.seconds, upstream))
        for name, found in runs.items():
            for run in found:
                self._note_failures(f"{name}, {what}", run)
        cell = {"call": call, "upstream": upstream, "connections": connections, **compare(runs)}
        medians = ", ".join(f"{name} {one['cpu_us']:.1f}" for name, one in cell["proxies"].items())
        self.say(f"{what}: CPU us/request {medians}")
        return cell

    def _half_load(self, cells: object) -> dict[str, object]:
        """All at the same rate: half of what the slowest reaches."""
        usual = next(c for c in cells if (c["call"], c["upstream"], c["connections"]) == ("1kb", "plain", USUAL))
        rate = min(one["rate"] for one in usual["proxies"].values()) / 2
        proxies = [p for p in self.fleet.proxies if p.name != "nginx-tuned"]
        requests = self.load.requests("plain", "1kb")
        runs = rotate(proxies, self.plan.rounds, lambda proxy: self.load.paced(
            proxy, requests, USUAL, rate, self.plan.half_load_seconds, "plain"))
        for name, found in runs.items():
            for run in found:
                self._note_failures(f"{name} at half load", run)
        result = {"rate": rate, "connections": USUAL, **compare(runs)}
        told = ", ".join(f"{name} {one['p50_us']:.0f}/{one['p99_us']:.0f}" for name, one in result["proxies"].items())
        self.say(f"at {rate:.0f} requests/s, p50/p99 us: {told}")
        return result

    # MARK: Memory

    def _rest(self, proxy: Proxy) -> int:
        """Starts a proxy anew and gives it something to do; its resident memory then."""
        self.fleet.restart(proxy)
        path = self.fleet.directory / "requests-rest"
        write_requests(path, self.fleet.sessions["plain"][:1_000], "1kb")
        self.load.walk(proxy, path, WARM_UP_CONNECTIONS, "plain")
        time.sleep(0.3)
        return proxy.process.resident_bytes()

    def _memory(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        sessions = self.fleet.sessions["plain"]
        for proxy in self.fleet.proxies:
            rest = self._rest(proxy)
            with slow.idle_connections(proxy, sessions, self.plan.idle):
                time.sleep(0.5)
                found[proxy.name] = {"rest": rest, "idle": proxy.process.resident_bytes() - rest}
        self.say(f"{self.plan.idle} idle connections: " + told_megabytes(found, "idle"))
        self._streams(found, "download", lambda proxy: self._download(proxy))
        self._streams(found, "upload", lambda proxy: self._upload(proxy))
        return found

    def _streams(self, found: dict[str, dict[str, int]], key: str, job) -> None:
        """All proxies stream at the same time; the most that each grew."""
        rest = {proxy.name: self._rest(proxy) for proxy in self.fleet.proxies}
        most = dict(rest)

        def sample() -> None:
            for proxy in self.fleet.proxies:
                most[proxy.name] = max(most[proxy.name], proxy.process.resident_bytes())

        slow.sample_while([lambda p=proxy: job(p) for proxy in self.fleet.proxies], sample)
        for name, bytes_at_most in most.items():
            found[name][key] = bytes_at_most - rest[name]
        self.say(f"streaming ({key}): " + told_megabytes(found, key))

    def _download(self, proxy: Proxy) -> None:
        taken = slow.download(proxy, self.fleet.sessions["plain"][7], self.plan.stream_bytes, self.plan.stream_rate)
        if taken < self.plan.stream_bytes:
            raise Failure(f"{proxy.name} sent {taken} bytes of {self.plan.stream_bytes}")

    def _upload(self, proxy: Proxy) -> None:
        status = slow.upload(proxy, self.fleet.sessions["sink"][0], self.plan.upload_bytes)
        if b" 201 " not in status:
            raise Failure(f"{proxy.name} answered an upload with {status!r}")

    # MARK: Slow clients

    def _beside_slow_clients(self) -> dict[str, object]:
        """One fast client, alone and beside many slow ones."""
        path = write_requests(self.fleet.directory / "requests-fast", self.fleet.sessions["plain"][:50], "1kb")
        found: dict[str, object] = {}
        for proxy in self.fleet.proxies:
            if proxy.name == "nginx-tuned":
                continue
            alone = self.load.paced(proxy, path, 1, 200, self.plan.slow_seconds, "plain")
            with slow.SlowClients(proxy, self.fleet.sessions["slow"], self.plan.slow_clients) as crowd:
                # The first seconds go into filling the kernel's buffers with 1 MB for each reader.
                self._settle(proxy)
                beside = self.load.paced(proxy, path, 1, 200, self.plan.slow_seconds, "plain")
                cut = len(crowd.cut)
            self._note_failures(f"{proxy.name} beside slow clients", beside)
            if cut:
                self.warnings.append(f"{proxy.name} cut off {cut} of {self.plan.slow_clients} slow clients")
            found[proxy.name] = {
                "alone_p50_us": alone.p50_us, "alone_p99_us": alone.p99_us, "beside_p50_us": beside.p50_us,
                "beside_p99_us": beside.p99_us, "cut": cut}
            self.say(f"{proxy.name}: p99 {alone.p99_us:.0f} us alone, {beside.p99_us:.0f} us beside "
                     f"{self.plan.slow_clients} slow clients")
        return found

    def _settle(self, proxy: Proxy, seconds: float = 20, quiet: float = 0.25) -> None:
        """Waits until a proxy is no longer busy: for two seconds under a quarter of a processor."""
        end, calm = time.monotonic() + seconds, 0
        while calm < 4 and time.monotonic() < end:
            before = proxy.process.cpu_seconds()
            time.sleep(0.5)
            calm = calm + 1 if proxy.process.cpu_seconds() - before < 0.5 * quiet else 0

    # MARK: Scale

    def _scale(self) -> list[dict[str, object]]:
        """Gateways on databases of different sizes, measured in turns."""
        gateways: list[tuple[Proxy, Path, tuple[int, int, int]]] = []
        for number, (tenants, sessions, used) in enumerate(self.plan.scales):
            database = f"bench_{tenants}"
            group = f"t{tenants}x"
            if group not in self.fleet.sessions:
                self.say(f"storing {tenants} tenants and {tenants * sessions} sessions")
                instance = f"http://127.0.0.1:{self.fleet.upstream_plain}"
                self.fleet.sessions |= self.fleet.populate(
                    database, [Population(group, tenants, 1, sessions, instance)])
            proxy = self.fleet.gateway(f"formation-{number}", database)
            chosen = self.fleet.sessions[group][::max(1, tenants * sessions // used)][:used]
            path = write_requests(self.fleet.directory / f"requests-scale-{number}", chosen, "1kb")
            warm = self.load.walk(proxy, path, WARM_UP_CONNECTIONS, "plain")
            self._note_failures(f"warming up {tenants} tenants", warm)
            self.say(f"{tenants} tenants: {used} sessions looked up in {warm.seconds:.1f} s")
            gateways.append((proxy, path, (tenants, tenants * sessions, used)))
        paths = {proxy.name: path for proxy, path, _ in gateways}
        runs = rotate([proxy for proxy, _, _ in gateways], self.plan.scale_rounds, lambda proxy: self.load.fastest(
            proxy, paths[proxy.name], USUAL, self.plan.seconds, "plain"))
        base = [run.cpu_us for run in runs[gateways[0][0].name]]
        found = []
        for proxy, _, (tenants, sessions, used) in gateways:
            cpu = [run.cpu_us for run in runs[proxy.name]]
            for run in runs[proxy.name]:
                self._note_failures(f"{tenants} tenants", run)
            ratios = [one / first for one, first in zip(cpu, base)]
            found.append({
                "tenants": tenants, "sessions": sessions, "used": used, "cpu_us": statistics.median(cpu),
                "ratio": summary(ratios), "resident": proxy.process.resident_bytes()})
            self.say(f"{tenants} tenants, {sessions} sessions, {used} in use: {found[-1]['cpu_us']:.1f} us/request")
        return found

    # MARK: Start

    def _starts(self) -> dict[str, object]:
        """From exec to `GET /readyz` saying 200."""
        seconds = []
        for number in range(self.plan.starts):
            port = free_ports(1)[0]
            process = self.fleet.gateway_process(f"start-{number}", "bench_main", port)
            began = time.monotonic()
            process.start()
            try:
                wait_until_ready(process, port, pause=0.002)
                seconds.append(time.monotonic() - began)
            finally:
                process.stop()
        self.say(f"start to ready: {statistics.median(seconds) * 1000:.0f} ms")
        return {"median": statistics.median(seconds), "min": min(seconds), "max": max(seconds)}


def rotate(proxies: list[Proxy], rounds: int, run) -> dict[str, list[Run]]:
    """Each proxy once a round, every round beginning with the next one."""
    runs: dict[str, list[Run]] = {proxy.name: [] for proxy in proxies}
    for number in range(rounds):
        first = number % len(proxies)
        for proxy in proxies[first:] + proxies[:first]:
            runs[proxy.name].append(run(proxy))
    return runs


def summary(values: list[float]) -> list[float]:
    """Median, least and most."""
    return [statistics.median(values), min(values), max(values)]


def compare(runs: dict[str, list[Run]]) -> dict[str, object]:
    """Medians of each proxy, and the gateway's ratio to it within each round."""
    ours = runs["formation"]
    proxies = {}
    for name, found in runs.items():
        proxies[name] = {
            "cpu_us": statistics.median(run.cpu_us for run in found),
            "rate": statistics.median(run.rate for run in found),
            "p50_us": statistics.median(run.p50_us for run in found),
            "p99_us": statistics.median(run.p99_us for run in found),
            "cpu_ratio": summary([a.cpu_us / b.cpu_us for a, b in zip(ours, found)]),
            "p99_ratio": summary([a.p99_us / b.p99_us for a, b in zip(ours, found)]),
            "runs": [asdict(run) for run in found],
        }
    return {"proxies": proxies}


def told_megabytes(found: dict[str, dict[str, int]], key: str) -> str:
    return ", ".join(f"{name} {one[key] / MEGABYTE:+.1f} MB" for name, one in found.items())
