"""The gateway and the Salesforce simulator as a user runs them: `formation demo` on a throwaway PostgreSQL."""

import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import requests

REPOSITORY = Path(__file__).resolve().parents[2]
READY_SECONDS = 90
STOP_SECONDS = 45


@dataclass(frozen=True)
class Person:
    """Somebody who can sign in at the simulator."""

    username: str
    password: str
    name: str


@dataclass(frozen=True)
class Tenant:
    """A customer's workspace and its people; the first is its admin."""

    url: str
    company: str
    users: tuple[Person, ...]

    @property
    def host(self):
        """The workspace's name, without port."""
        return self.url.split("://", 1)[1].split(":")[0]


@dataclass(frozen=True)
class JournalEntry:
    """One request as the simulator received it."""

    number: int
    method: str
    host: str
    target: str
    headers: dict = field(repr=False)
    body: str = field(repr=False)


@dataclass
class Demo:
    """A running demo."""

    base_url: str
    simulator: str
    tenants: tuple[Tenant, ...]
    log: Path
    process: subprocess.Popen
    # The database's address and, where the test chose one, its key.
    environment: dict = field(repr=False)
    binary: Path

    def operate(self, *arguments):
        """Runs a command of the operator's on the demo's database. The demo must have been given its key."""
        done = subprocess.run(
            [self.binary, *arguments],
            cwd=self.log.parent,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=READY_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def journal_after(self, number):
        """What the simulator has received since an entry, the oldest first."""
        answer = requests.get(f"{self.simulator}/_simulator/journal", params={"since": number}, timeout=10)
        answer.raise_for_status()
        return [_journal_entry(entry) for entry in answer.json()]

    def journal(self):
        """What the simulator has received so far."""
        return self.journal_after(0)

    def journal_end(self):
        """The number of the newest entry."""
        return max((entry.number for entry in self.journal()), default=0)

    def end_tokens(self):
        """Ends every access token, as Salesforce does when its session times out."""
        answer = requests.post(f"{self.simulator}/_simulator/tokens/expire", json={}, timeout=10)
        answer.raise_for_status()


def _journal_entry(entry):
    return JournalEntry(
        number=entry["id"],
        method=entry["method"],
        host=entry["host"],
        target=entry["target"],
        headers={header["name"].lower(): header["value"] for header in entry["headers"]},
        body=entry.get("body") or "",
    )


def _read_lines(stream, log, lines):
    """Keeps everything that the demo says in the log, and hands each line on."""
    with log.open("w") as file:
        for line in stream:
            file.write(line)
            file.flush()
            lines.put(line)
    lines.put(None)


def _wait_until_ready(process, lines, log):
    """The demo's own description of itself, once it has said that it is ready."""
    description, ready = None, False
    deadline = time.monotonic() + READY_SECONDS
    while not (description and ready):
        try:
            line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise RuntimeError(f"formation demo was not ready within {READY_SECONDS} s:\n{log.read_text()}") from None
        if line is None:
            raise RuntimeError(f"formation demo ended with {process.wait()}:\n{log.read_text()}")
        if line.startswith("{") and '"tenants"' in line:
            description = json.loads(line)
        ready = ready or line.startswith("ready:")
    return description


def start(certificate=None, **settings):
    """Starts a demo on free ports, in an empty directory, with these settings and none of the caller's.

    With a certificate it speaks https.
    """
    directory = Path(tempfile.mkdtemp(prefix="formation-demo."))
    log = directory / "demo.log"
    binary = os.environ.get("FORMATION_BINARY") or REPOSITORY / ".build/debug/formation"
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "POSTGRES_BIN", "LD_LIBRARY_PATH")
    environment = {name: os.environ[name] for name in kept if name in os.environ} | settings
    if certificate:
        environment |= {"TLS_CERTIFICATE": str(certificate.chain), "TLS_KEY": str(certificate.key)}
    process = subprocess.Popen(
        [
            REPOSITORY / "Scripts/with-postgres",
            # Where the database is, for whoever operates this demo.
            *("sh", "-c", 'printf %s "$DATABASE_URL" >database-url; exec "$0" "$@"'),
            binary,
            *("demo", "--json", "--port", "0", "--simulator-port", "0"),
        ],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = queue.SimpleQueue()
    threading.Thread(target=_read_lines, args=(process.stdout, log, lines), daemon=True).start()
    try:
        description = _wait_until_ready(process, lines, log)
    except BaseException:
        process.terminate()
        process.wait(STOP_SECONDS)
        raise
    tenants = tuple(
        Tenant(
            url=tenant["url"].rstrip("/"),
            company=tenant["company"],
            users=tuple(Person(user["username"], user["password"], user["name"]) for user in tenant["users"]),
        )
        for tenant in description["tenants"]
    )
    return Demo(
        base_url=description["baseURL"].rstrip("/"),
        simulator=description["simulator"].rstrip("/"),
        tenants=tenants,
        log=log,
        process=process,
        environment=environment | {"DATABASE_URL": (directory / "database-url").read_text()},
        binary=binary,
    )


def stop(demo):
    """Ends a demo as Ctrl-C would; the exit status of the command."""
    demo.process.send_signal(signal.SIGTERM)
    try:
        return demo.process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        demo.process.kill()
        raise
