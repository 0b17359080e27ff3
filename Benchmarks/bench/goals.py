"""What must be shown: each goal with what was measured."""

from __future__ import annotations

from dataclasses import dataclass

from .fleet import MEGABYTE


@dataclass(frozen=True)
class Goal:
    text: str
    limit: str
    measured: str
    is_met: bool


def cell(results: dict, call: str, upstream: str, connections: int) -> dict | None:
    """One cell of the table; none where the plan has it not."""
    wanted = (call, upstream, connections)
    return next((c for c in results["cells"] if (c["call"], c["upstream"], c["connections"]) == wanted), None)


def told(ratio: list[float]) -> str:
    """A ratio's median with its least and most."""
    return f"{ratio[0]:.2f} ({ratio[1]:.2f}–{ratio[2]:.2f})"


def goals(results: dict) -> list[Goal]:
    """All goals, at 64 connections where connections matter."""
    found: list[Goal] = []

    def cpu(text: str, call: str, upstream: str, peer: str, limit: float) -> None:
        one = cell(results, call, upstream, 64)
        if one is not None:
            ratio = one["proxies"][peer]["cpu_ratio"]
            found.append(Goal(text, f"≤ {limit:.2f}", told(ratio), ratio[0] <= limit))

    cpu("CPU per request, to nginx + Lua", "1kb", "plain", "nginx-lua", 0.75)
    cpu("CPU per request, to plain nginx", "1kb", "plain", "nginx", 1.0)
    cpu("CPU per request, to Envoy", "1kb", "plain", "envoy", 0.6)
    cpu("CPU per request over TLS, to nginx + Lua", "1kb", "tls", "nginx-lua", 0.85)
    cpu("CPU per 1 MB answer, to nginx with tuned buffers", "1mb", "plain", "nginx-tuned", 1.0)
    ratio = results["half_load"]["proxies"]["nginx-lua"]["p99_ratio"]
    found.append(Goal("p99 at half load, to nginx + Lua", "≤ 1.00", told(ratio), ratio[0] <= 1))
    found += _scale(results) + _memory(results)
    start = results["start"]
    found.append(Goal(
        "start to ready", "≤ 0.3 s", f"{start['median']:.2f} s ({start['min']:.2f}–{start['max']:.2f})",
        start["median"] <= 0.3))
    return found


def _scale(results: dict) -> list[Goal]:
    found = []
    for scale in results["scale"][1:]:
        text = f"CPU per request, {scale['tenants']:,} tenants and {scale['sessions']:,} sessions to one of each"
        if scale["used"] != results["scale"][1]["used"]:
            text += f", {scale['used']:,} sessions in use"
        found.append(Goal(text, "≤ 1.05", told(scale["ratio"]), scale["ratio"][0] <= 1.05))
    return found


def _memory(results: dict) -> list[Goal]:
    plan, ours = results["plan"], results["memory"]["formation"]
    found = []
    for key, text, limit in (
            ("idle", f"memory of {plan['idle']:,} idle connections, over rest", 40),
            ("download", f"memory while {plan['stream_bytes'] // MEGABYTE:,} MB go to a slow reader, over rest", 16),
            ("upload", f"memory while {plan['upload_bytes'] // MEGABYTE} MB stream up, over rest", 16)):
        megabytes = ours[key] / MEGABYTE
        found.append(Goal(text, f"≤ {limit} MB", f"{megabytes:.1f} MB", megabytes <= limit))
    return found
