"""The picture: small panels of bars, drawn without a library, legible on white and on black."""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape

from .fleet import MEGABYTE

LABELS, COLUMN, BARS = 150, 246, 176
TOP, BAR, STEP, ROW_GAP = 58, 15, 20, 50
COLUMNS = 4
WIDTH = LABELS + COLUMNS * COLUMN
# Mid-tones: they stand out on light and on dark pages alike.
OURS, PEER, WORDS, LINES, MARKS = "#e4572e", "#7a92ad", "#808890", "#80889066", "#808890"
ROWS = {
    ("1kb", "plain"): "1 KB answers: CPU µs per request", ("1kb", "tls"): "1 KB answers, upstream over TLS: CPU µs",
    ("1mb", "plain"): "1 MB answers: CPU µs per request", ("1mb", "tls"): "1 MB answers, upstream over TLS: CPU µs",
}


@dataclass
class Panel:
    """Bars by proxy: what it shows, and between which bounds the runs were."""

    title: str
    values: dict[str, float]
    bounds: dict[str, tuple[float, float]]


def picture(results: dict) -> str:
    """A row for each kind of call, a panel for each number of connections; below, throughput, latency and memory."""
    labels: dict[str, str] = results["labels"]
    body: list[str] = []
    top = TOP
    for (call, upstream), title in ROWS.items():
        panels = [_cpu_panel(one) for one in results["cells"] if (one["call"], one["upstream"]) == (call, upstream)]
        if panels:
            # One scale for the row: its panels are to be compared.
            most = max(_most(panel) for panel in panels)
            top = _row(body, title, panels, labels, top, [most] * len(panels))
    panels = _other_panels(results)
    top = _row(body, "1 KB answers: throughput and latency; memory over rest", panels, labels, top,
               [_most(panel) for panel in panels])
    machine = results["machine"]
    caption = (f"{machine['processor']}, {machine['threads']} thread each, {results['date'][:10]}. Bars: medians; "
               "lines: least to most of all runs.")
    body.append(_text(10, 22, caption, WORDS, 12))
    height = top - ROW_GAP + 20
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="system-ui, sans-serif" role="img">',
        "<title>The gateway beside nginx, nginx with Lua, HAProxy and Envoy</title>", *body, "</svg>", ""])


def _cpu_panel(one: dict) -> Panel:
    values, bounds = {}, {}
    for name, proxy in one["proxies"].items():
        values[name] = proxy["cpu_us"]
        runs = [run["cpu_seconds"] / run["requests"] * 1e6 for run in proxy["runs"] if run["requests"]]
        bounds[name] = (min(runs), max(runs))
    return Panel(f"{one['connections']:,} connections", values, bounds)


def _other_panels(results: dict) -> list[Panel]:
    usual = next((one for one in results["cells"] if one["connections"] == 64), results["cells"][0])
    half, memory, plan = results["half_load"], results["memory"], results["plan"]
    latencies = {name: one["p99_us"] for name, one in half["proxies"].items()}
    bounds = {name: (min(run["p99_us"] for run in one["runs"]), max(run["p99_us"] for run in one["runs"]))
              for name, one in half["proxies"].items()}
    rates = {name: one["rate"] for name, one in usual["proxies"].items()}
    return [
        Panel(f"requests/s, {usual['connections']} connections", rates, {}),
        Panel(f"p99 µs at {half['rate']:,.0f} requests/s", latencies, bounds),
        Panel(f"MB, {plan['idle']:,} idle connections", {n: one["idle"] / MEGABYTE for n, one in memory.items()}, {}),
        Panel(f"MB, streaming {plan['stream_bytes'] // MEGABYTE:,} MB down",
              {n: one["download"] / MEGABYTE for n, one in memory.items()}, {}),
    ]


def _most(panel: Panel) -> float:
    """What a panel has room for: one run that went astray must not make all bars small."""
    return max([1e-9, *(value * 1.3 for value in panel.values.values())])


def _row(body: list[str], title: str, panels: list[Panel], labels: dict[str, str], top: int, most: list[float]) -> int:
    """Draws panels side by side; where the next row begins."""
    names = [name for name in labels if any(name in panel.values for panel in panels)]
    body.append(_text(10, top - 12, title, WORDS, 14, weight="600"))
    top += 20
    for number, name in enumerate(names):
        colour, weight = (OURS, "600") if name == "formation" else (WORDS, "400")
        body.append(_text(LABELS - 10, top + number * STEP + 12, labels[name], colour, 12, "end", weight))
    for column, (panel, largest) in enumerate(zip(panels, most)):
        left = LABELS + column * COLUMN
        body.append(_text(left, top - 8, panel.title, WORDS, 12))
        for number, name in enumerate(names):
            if name in panel.values:
                _bar(body, panel, name, left, top + number * STEP, BARS / largest)
        body.append(f'<path d="M{left} {top - 2}v{len(names) * STEP}" stroke="{LINES}"/>')
    return top + len(names) * STEP + ROW_GAP


def _bar(body: list[str], panel: Panel, name: str, left: int, y: int, scale: float) -> None:
    value = max(0.0, panel.values[name])
    end = left + value * scale
    colour = OURS if name == "formation" else PEER
    body.append(f'<rect x="{left}" y="{y}" width="{value * scale:.1f}" height="{BAR}" rx="2" fill="{colour}"/>')
    if name in panel.bounds:
        low, high = (left + min(bound * scale, BARS) for bound in panel.bounds[name])
        middle = y + BAR / 2
        # A line without its end goes on beyond the panel.
        mark = f"M{high:.1f} {middle - 3}v6" if high < left + BARS else ""
        body.append(f'<path d="M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 3}v6{mark}" '
                    f'stroke="{MARKS}" stroke-width="1.2" fill="none"/>')
        end = max(end, high)
    body.append(_text(end + 6, y + 12, f"{value:.1f}" if value < 100 else f"{value:,.0f}", WORDS, 11))


def _text(x: float, y: float, text: str, fill: str, size: int, anchor: str = "start", weight: str = "400") -> str:
    return (f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" font-size="{size}" text-anchor="{anchor}" '
            f'font-weight="{weight}">{escape(text)}</text>')
