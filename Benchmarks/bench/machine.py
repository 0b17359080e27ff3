"""Where a measurement was made, and of what."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path

from .fleet import ROOT, Fleet, envoy_path

GIT = ["git", "-C", str(ROOT)]


def machine(fleet: Fleet) -> dict[str, object]:
    """Processor, kernel, and the versions of everything that took part."""
    processor = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    memory = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(), re.M)
    return {
        "processor": processor[1].strip() if processor else platform.machine(),
        "processors": os.cpu_count(),
        "memory_gb": round(int(memory[1]) / 1024 / 1024) if memory else None,
        "system": _system(),
        "kernel": platform.release(),
        "hypervisor": "hypervisor" in Path("/proc/cpuinfo").read_text(),
        "pinned": fleet.processors.are_apart,
        "threads": fleet.threads,
        "open_files": os.sysconf("SC_OPEN_MAX"),
        "load_before": os.getloadavg()[0],
        "revision": _said([*GIT, "rev-parse", "--short=12", "HEAD"], r"(\w+)"),
        "is_dirty": bool(_output([*GIT, "status", "--porcelain", "Sources", "Package.swift"]).strip()),
        "versions": {
            "Swift": _said(["swift", "--version"], r"Swift version (\S+)"),
            "nginx": _said(["nginx", "-v"], r"nginx/(\S+)"),
            "Lua module": _said(["dpkg-query", "-W", "-f", "${Version}", "libnginx-mod-http-lua"], r"(\S+)"),
            "HAProxy": _said(["haproxy", "-v"], r"version (\S+)"),
            "Envoy": _said([str(envoy_path()), "--version"], r"/(\d+\.\d+\.\d+)/"),
            "wrk": _said(["wrk", "-v"], r"wrk (\S+)"),
            "PostgreSQL": _said(["psql", "--version"], r"(\d[\d.]*)"),
        },
    }


def _system() -> str:
    found = re.search(r'^PRETTY_NAME="?([^"\n]+)', Path("/etc/os-release").read_text(), re.M)
    return found[1] if found else platform.system()


def _output(command: list[str]) -> str:
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout + result.stderr


def _said(command: list[str], pattern: str) -> str:
    found = re.search(pattern, _output(command))
    return found[1] if found else "unknown"
