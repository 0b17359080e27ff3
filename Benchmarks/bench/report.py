"""Results as a table for the terminal, as Markdown, JSON and a picture, and as a section of the README."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path

from .fleet import MEGABYTE, ROOT, Fleet
from .goals import Goal, cell, goals
from .machine import machine
from .measure import USUAL
from .picture import picture

RESULTS = ROOT / "Benchmarks" / "results"
BEGIN, END = "<!-- benchmark: written by Scripts/bench -->", "<!-- benchmark: end -->"
CALLS = {"1kb": "1 KB", "1mb": "1 MB"}
UPSTREAMS = {"plain": "HTTP", "tls": "TLS"}


class Report:
    """One run's results."""

    def __init__(self, results: dict, fleet: Fleet):
        self.date = datetime.datetime.now(datetime.timezone.utc)
        self.results = {"date": self.date.isoformat(timespec="seconds"), "machine": machine(fleet), **results}
        self.labels = {proxy.name: proxy.label for proxy in fleet.proxies}
        self.goals = goals(self.results)
        self.results["labels"] = self.labels
        self.results["goals"] = [vars(goal) for goal in self.goals]

    # MARK: Files

    @property
    def stem(self) -> str:
        found = self.results["machine"]
        name = re.sub(r"\(.*?\)|CPU|Processor|\d+-Core|@.*", "", str(found["processor"]))
        words = "-".join(re.findall(r"[a-z0-9]+", name.lower()))
        return f"{self.date:%Y-%m-%d}-{words}-{found['processors']}-cores"

    def write(self) -> list[Path]:
        RESULTS.mkdir(exist_ok=True)
        stem = self.stem + ("-quick" if self.results["plan"]["name"] == "quick" else "")
        paths = [RESULTS / f"{stem}.{ending}" for ending in ("md", "json", "svg")]
        paths[0].write_text(self.markdown(f"{stem}.svg"))
        # Runs of one proxy on one line each: a file that can be read and compared.
        text = json.dumps(self.results, indent=1, ensure_ascii=False)
        paths[1].write_text(re.sub(r"\{\s+(\"requests\"[^{}]*?)\s+\}", _one_line, text) + "\n")
        paths[2].write_text(picture(self.results))
        return paths

    def write_readme(self) -> None:
        """Rewrites what stands between the marks."""
        path = ROOT / "README.md"
        text = path.read_text()
        if BEGIN not in text or END not in text:
            raise SystemExit(f"README.md has no section between {BEGIN} and {END}")
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        path.write_text(f"{before}{BEGIN}\n{self.readme()}{END}{after}")

    # MARK: Texts

    def terminal(self) -> str:
        parts = ["", self._heading(), ""]
        for call, upstream in self._tables():
            parts += [f"{CALLS[call]} answers over {UPSTREAMS[upstream]}", _aligned(self._table(call, upstream)), ""]
        parts += [f"at {self.results['half_load']['rate']:,.0f} requests/s", _aligned(self._half_load()), ""]
        parts += ["memory, MB", _aligned(self._memory()), "", "beside slow clients", _aligned(self._slow()), ""]
        parts += ["database size", _aligned(self._scale()), "", "goals", _aligned(self._goals())]
        parts += [f"WARNING: {warning}" for warning in self.results["warnings"]]
        return "\n".join(parts) + "\n"

    def markdown(self, svg: str) -> str:
        parts = [f"# Benchmark of {self.date:%Y-%m-%d}", self._heading(), f"![CPU time per request]({svg})", "## Goals",
                 "Ratios are taken within each round, the gateway's to the peer's: median (least–most). "
                 "Less is better.", _pipes(self._goals())]
        parts += ["## Requests", "CPU µs are processor time of the proxy per answered request; the rest is what wrk "
                  "saw with so many connections, each of which asks again at once. “ours ÷ this” is the gateway's CPU "
                  "time in relation to this proxy's."]
        for call, upstream in self._tables():
            parts += [f"### {CALLS[call]} answers, upstream over {UPSTREAMS[upstream]}",
                      _pipes(self._table(call, upstream))]
        half = self.results["half_load"]
        parts += [f"### All at {half['rate']:,.0f} requests/s",
                  "Half of what the slowest reaches; requests come at random times, whatever the proxy does.",
                  _pipes(self._half_load())]
        plan = self.results["plan"]
        parts += ["## Memory", f"Resident, in MB, over what the process had at rest: with {plan['idle']:,} kept-alive "
                  f"connections after a call each; while a client reads {plan['stream_bytes'] // MEGABYTE:,} MB at "
                  f"{plan['stream_rate'] // MEGABYTE} MB/s; while {plan['upload_bytes'] // MEGABYTE} MB go up to an "
                  "upstream that takes 40 MB/s. (nginx and its Lua variant put what they buffer into files.)",
                  _pipes(self._memory())]
        parts += ["## One fast client beside slow ones", f"200 requests/s on one connection, alone and beside "
                  f"{plan['slow_clients']:,} clients that read 4 KB or send one byte a second.", _pipes(self._slow())]
        parts += ["## Size of the database", f"1 KB, {USUAL} connections; each gateway has a database of its own.",
                  _pipes(self._scale())]
        if self.results["warnings"]:
            parts += ["## Warnings", "\n".join(f"- {warning}" for warning in self.results["warnings"])]
        return "\n\n".join(parts) + "\n"

    def readme(self) -> str:
        rows = [["", *self._names("1kb")]]
        for call, upstream in self._tables():
            one = cell(self.results, call, upstream, USUAL)
            if one is not None:
                rows.append([f"{CALLS[call]}, upstream over {UPSTREAMS[upstream]}",
                             *(f"{one['proxies'][name]['cpu_us']:.1f}" for name in self._keys("1kb"))])
        half = self.results["half_load"]
        rows.append([f"p99 at {half['rate']:,.0f} requests/s", *(
            f"{half['proxies'][name]['p99_us']:.0f}" for name in self._keys("1kb"))])
        found = self.results["machine"]
        return (f"\nCPU time per request in µs, one thread each, {USUAL} connections ({found['processor']}, "
                f"{self.date:%Y-%m-%d}; [all figures](Benchmarks/results/{self.stem}.md)):\n\n{_pipes(rows)}\n\n"
                f"{_pipes(self._goals())}\n")

    # MARK: Tables

    def _heading(self) -> str:
        found = self.results["machine"]
        versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
        pinned = "proxies on processors of their own" if found["pinned"] else "all on the same processors"
        virtual = ", a virtual machine" if found["hypervisor"] else ""
        dirty = " with changes" if found["is_dirty"] else ""
        return (f"{found['processor']}, {found['processors']} processors, {found['memory_gb']} GB{virtual}; "
                f"{found['system']}, Linux {found['kernel']}. {found['threads']} thread each, {pinned}; "
                f"load before: {found['load_before']:.1f}. Revision {found['revision']}{dirty}; {versions}. "
                f"{self.results['plan']['name'].capitalize()} run of {self.results['seconds'] / 60:.0f} minutes.")

    def _tables(self) -> list[tuple[str, str]]:
        return [(call, upstream) for call in CALLS for upstream in UPSTREAMS]

    def _keys(self, call: str) -> list[str]:
        return [name for name in self.labels if call == "1mb" or name != "nginx-tuned"]

    def _names(self, call: str) -> list[str]:
        return [self.labels[name] for name in self._keys(call)]

    def _table(self, call: str, upstream: str) -> list[list[str]]:
        rows = [["connections", "", "CPU µs", "requests/s", "p50 ms", "p99 ms", "ours ÷ this"]]
        for one in self.results["cells"]:
            if (one["call"], one["upstream"]) != (call, upstream):
                continue
            for name, values in one["proxies"].items():
                median, least, most = values["cpu_ratio"]
                rows.append([
                    f"{one['connections']:,}", self.labels[name], f"{values['cpu_us']:.1f}", f"{values['rate']:,.0f}",
                    f"{values['p50_us'] / 1000:.2f}", f"{values['p99_us'] / 1000:.2f}",
                    "" if name == "formation" else f"{median:.2f} ({least:.2f}–{most:.2f})"])
        return rows

    def _half_load(self) -> list[list[str]]:
        rows = [["", "CPU µs", "p50 µs", "p99 µs", "p99, ours ÷ this"]]
        for name, values in self.results["half_load"]["proxies"].items():
            median, least, most = values["p99_ratio"]
            rows.append([self.labels[name], f"{values['cpu_us']:.1f}", f"{values['p50_us']:.0f}",
                         f"{values['p99_us']:.0f}",
                         "" if name == "formation" else f"{median:.2f} ({least:.2f}–{most:.2f})"])
        return rows

    def _memory(self) -> list[list[str]]:
        rows = [["", "at rest", "idle connections", "streaming down", "streaming up"]]
        for name, values in self.results["memory"].items():
            rows.append([self.labels[name], f"{values['rest'] / MEGABYTE:.1f}", *(
                f"{values[key] / MEGABYTE:+.1f}" for key in ("idle", "download", "upload"))])
        return rows

    def _slow(self) -> list[list[str]]:
        rows = [["", "p50 µs alone", "p99 µs alone", "p50 µs beside", "p99 µs beside"]]
        for name, values in self.results["slow"].items():
            rows.append([self.labels[name], *(
                f"{values[key]:.0f}" for key in ("alone_p50_us", "alone_p99_us", "beside_p50_us", "beside_p99_us"))])
        return rows

    def _scale(self) -> list[list[str]]:
        rows = [["tenants", "sessions", "in use", "CPU µs", "to one tenant", "resident MB"]]
        for one in self.results["scale"]:
            median, least, most = one["ratio"]
            rows.append([f"{one['tenants']:,}", f"{one['sessions']:,}", f"{one['used']:,}", f"{one['cpu_us']:.1f}",
                         f"{median:.2f} ({least:.2f}–{most:.2f})", f"{one['resident'] / MEGABYTE:.0f}"])
        return rows

    def _goals(self) -> list[list[str]]:
        return [["goal", "limit", "measured", ""], *(
            [goal.text, goal.limit, goal.measured, "met" if goal.is_met else "**missed**"] for goal in self.goals)]


def _one_line(match: re.Match[str]) -> str:
    return "{" + re.sub(r"\s+", " ", match[1]) + "}"


def _pipes(rows: list[list[str]]) -> str:
    """A table in Markdown; all columns but those of words to the right."""
    lines = [_row(rows[0]), _row(["---" if _is_text(rows, column) else "--:" for column in range(len(rows[0]))])]
    return "\n".join(lines + [_row(row) for row in rows[1:]])


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _is_text(rows: list[list[str]], column: int) -> bool:
    return any(re.match(r"[A-Za-z*≤]", row[column]) for row in rows[1:])


def _aligned(rows: list[list[str]]) -> str:
    """A table for the terminal."""
    rows = [[text.replace("**", "") for text in row] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  " + "  ".join(
        text.ljust(width) if _is_text(rows, column) else text.rjust(width)
        for column, (text, width) in enumerate(zip(row, widths))).rstrip() for row in rows)
