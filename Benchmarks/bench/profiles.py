"""Where the gateway's time goes: samples by perf under load."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

from .fleet import Fleet
from .load import Load
from .measure import USUAL, WARM_UP_CONNECTIONS
from .processes import Failure

SECONDS = 8
SYMBOLS = 40
INCLUSIVE_SYMBOLS = 100


def profile(fleet: Fleet) -> int:
    """Samples the gateway over plain HTTP, TLS, and with 1 MB answers; prints shares by library and symbol."""
    if shutil.which("perf") is None:
        raise Failure("perf is not there: apt-get install linux-perf")
    load, proxy = Load(fleet), fleet.proxy("formation")
    for call, upstream in (("1kb", "plain"), ("1kb", "tls"), ("1mb", "plain")):
        requests = load.requests(upstream, call)
        load.walk(proxy, load.requests(upstream, "1kb"), WARM_UP_CONNECTIONS, upstream)
        data = fleet.directory / f"perf-{call}-{upstream}"
        runs = []
        worker = threading.Thread(target=lambda: runs.append(
            load.fastest(proxy, requests, USUAL, SECONDS + 2, upstream)))
        worker.start()
        time.sleep(1)
        # Virtual machines often have no counters of their own: the clock samples everywhere.
        _perf("record", "-q", "-F", "999", "-g", "-e", "cpu-clock", "-o", str(data), "-p", str(proxy.process.pids()[0]),
              "--", "sleep", str(SECONDS))
        worker.join()
        if not runs:
            raise Failure("the load broke off")
        print(f"\n== {call}, {upstream} upstream, {USUAL} connections: {runs[0].cpu_us:.1f} µs per request, "
              f"{runs[0].rate:,.0f} requests/s (slowed by sampling)")
        print("by library:\n" + _report(data, "dso", 12))
        print("by function:\n" + _report(data, "dso,symbol", SYMBOLS))
        print("by function of ours, with what it calls:\n" + _report(
            data, "symbol", INCLUSIVE_SYMBOLS, "--children", "--dsos", fleet.formation.name))
    return 0


def _report(data: Path, keys: str, lines: int, *options: str) -> str:
    """Shares of the samples; without the callers of each."""
    text = _perf("report", "-i", str(data), "--stdio", "-g", "none", "--sort", keys, "-q", "--percent-limit", "0.3",
                 *(options or ("--no-children",)))
    if shutil.which("swift"):
        demangled = subprocess.run(
            ["swift", "demangle", "--simplified"], input=text, capture_output=True, text=True, check=False)
        text = demangled.stdout or text
    kept = [line[:180].rstrip(" -") for line in text.splitlines() if re.match(r"\s*\d", line)]
    return "\n".join(kept[:lines]) + "\n"


def _perf(*arguments: str) -> str:
    result = subprocess.run(["perf", *arguments], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise Failure(f"perf {arguments[0]} failed:\n{result.stderr[-2000:]}")
    return result.stdout
