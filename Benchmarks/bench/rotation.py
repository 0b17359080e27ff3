"""Rotation of the master key with many customers while calls run: run it through `Scripts/rotation-soak`."""

from __future__ import annotations

import argparse
import http.client
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from .fleet import BASE_DOMAIN, CALLS, Fleet, Population, Session, wait_until_ready
from .processes import Failure, Processors, end_with_parent, free_ports, raise_file_limit

CALLERS = 4
# Each caller's calls a second: the machine has other work to do.
CALLS_A_SECOND = 25
# People whose calls the gateway finds in memory; every other call is of somebody new to it.
WARM_PEOPLE = 100


class Stage(Fleet):
    """Salesforce's stand-in, a database with customers, and one gateway."""

    def set_up(self, customers: int) -> list[Session]:
        self._prepare_directory()
        self._make_certificates()
        self._start_upstream()
        instance = f"http://127.0.0.1:{self.upstream_plain}"
        return self.populate("rotation", [Population("t", customers, 1, 1, instance)])["t"]

    def serve(self, keys: dict[str, str]) -> int:
        port = free_ports(1)[0]
        process = self.gateway_process("formation", "rotation", port)
        process.environment |= keys
        wait_until_ready(self.launch(process, port), port)
        return port

    def count(self, statement: str) -> int:
        host = re.search(r"host=([^&]+)", self._database)
        if host is None:
            raise Failure("run me under Scripts/with-postgres, as Scripts/rotation-soak does")
        return int(subprocess.run(
            ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--host", host[1], "--username", "postgres",
             "--dbname", "rotation", "--command", statement],
            capture_output=True, text=True, check=True).stdout)


@dataclass
class Calls:
    """What became of calls, in milliseconds; and those that failed."""

    durations: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        ordered = sorted(self.durations)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0

    def line(self) -> str:
        return (f"{len(self.durations)} calls, {len(self.failures)} failed; p50 {self.percentile(0.5):.1f} ms, "
                f"p99 {self.percentile(0.99):.1f} ms, slowest {self.percentile(1):.1f} ms")


class Callers:
    """People who call at a steady pace, one half of them new to the gateway."""

    def __init__(self, port: int, people: list[Session]):
        self.port = port
        self.people = people
        self.calls = Calls()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(CALLERS)]

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def take(self) -> Calls:
        """What there was since it was asked last."""
        with self._lock:
            taken, self.calls = self.calls, Calls()
        return taken

    def _run(self, number: int) -> None:
        choice = random.Random(number)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        due = time.monotonic()
        while not self._over.is_set():
            due += 1 / CALLS_A_SECOND
            self._over.wait(max(0.0, due - time.monotonic()))
            is_warm = choice.random() < 0.5
            person = choice.choice(self.people[:WARM_PEOPLE] if is_warm else self.people)
            started = time.monotonic()
            problem = self._call(connection, person)
            with self._lock:
                self.calls.durations.append((time.monotonic() - started) * 1000)
                if problem:
                    self.calls.failures.append(problem)

    @staticmethod
    def _call(connection: http.client.HTTPConnection, person: Session) -> str | None:
        try:
            connection.request("GET", CALLS["1kb"], headers={
                "Host": f"{person.subdomain}.{BASE_DOMAIN}", "Sec-Fetch-Site": "same-origin",
                "Cookie": f"formation_session={person.cookie}"})
            answer = connection.getresponse()
            body = answer.read()
            return None if answer.status == 200 else f"{person.subdomain}: {answer.status} {body[:200]!r}"
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return f"{person.subdomain}: {error!r}"


class Rotation:
    """One run of the command."""

    def __init__(self, stage: Stage, keys: dict[str, str]):
        self.errors = stage.directory / "rotate.err"
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **stage.gateway_environment("rotation", 0), **keys}
        self.started = time.monotonic()
        with self.errors.open("wb") as errors:
            self.child = subprocess.Popen(
                [str(stage.formation), "key", "rotate"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=errors, env=environment, cwd=stage.directory,
                preexec_fn=lambda: end_with_parent(frozenset(os.sched_getaffinity(0))))

    def kill(self) -> None:
        self.child.send_signal(signal.SIGKILL)

    def finish(self, status: int = 0) -> str:
        """Waits for the end; how long it took and what it needed."""
        output = self.child.stdout.read().decode() if self.child.stdout else ""
        _, waited, usage = os.wait4(self.child.pid, 0)
        seconds = time.monotonic() - self.started
        found = os.waitstatus_to_exitcode(waited)
        if found != status:
            raise Failure(f"formation key rotate ended with {found}:\n{output}{self.errors.read_text()}")
        return (f"{seconds:.1f} s, {usage.ru_utime + usage.ru_stime:.1f} s of CPU, "
                f"{usage.ru_maxrss / 1024:.0f} MB at most")


def run(options: argparse.Namespace, directory: Path) -> int:
    stage = Stage(directory, options.formation, options.seeder, Processors.split(1), 2)
    first, second = stage.key, os.urandom(32).hex()
    forward = {"ENCRYPTION_KEY": second, "ENCRYPTION_KEYS_RETIRED": first}
    back = {"ENCRYPTION_KEY": first, "ENCRYPTION_KEYS_RETIRED": second}
    try:
        print(f"making {options.customers} customers ...", flush=True)
        people = stage.set_up(options.customers)
        changes = stage.count("select count(*) from changes")
        former = "(select substring(data_key from 1 for 9) from customers limit 1)"
        stage.count(f"create table former as select {former} as prefix; select 1")
        rest = "select count(*) from customers, former where substring(data_key from 1 for 9) = prefix"
        port = stage.serve(forward)
        failures: list[str] = []
        with Callers(port, people) as callers:
            time.sleep(10)
            report("before", callers, failures)
            print(f"once through:  {Rotation(stage, forward).finish()}", flush=True)
            report("meanwhile", callers, failures)
            if left := stage.count(rest):
                raise Failure(f"{left} customers are under the former key")
            killed = Rotation(stage, back)
            while stage.count(rest) < options.customers / 2 and killed.child.poll() is None:
                time.sleep(0.1)
            killed.kill()
            print(f"killed:        {killed.finish(-signal.SIGKILL)}, with {stage.count(rest)} customers done",
                  flush=True)
            print(f"resumed:       {Rotation(stage, back).finish()}", flush=True)
            if (done := stage.count(rest)) != options.customers:
                raise Failure(f"only {done} customers are back under the first key")
            report("meanwhile", callers, failures)
            print(f"nothing to do: {Rotation(stage, back).finish()}", flush=True)
            time.sleep(3)
            report("afterwards", callers, failures)
        added = stage.count("select count(*) from changes") - changes
        print(f"rows that it left in the change feed: {added}")
        for failure in failures[:10]:
            print(f"  {failure}")
        return 1 if failures or added else 0
    finally:
        stage.stop()


def report(title: str, callers: Callers, failures: list[str]) -> None:
    calls = callers.take()
    failures += calls.failures
    print(f"  {title}: {calls.line()}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="Scripts/rotation-soak", description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000, help="so many customers (100000)")
    parser.add_argument("--formation", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--seeder", type=Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    raise_file_limit()
    try:
        with tempfile.TemporaryDirectory(prefix="formation-rotation.", dir="/tmp") as directory:
            return run(options, Path(directory))
    except Failure as failure:
        print(f"\n{failure}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
