"""The picture: bars of CPU time per request, drawn without a library, legible on white and on black."""

from __future__ import annotations

from xml.sax.saxutils import escape

WIDTH = 860
LEFT, RIGHT = 170, 70
BAR, GAP = 18, 5
PANEL_GAP = 46
# Mid-tones: they stand out on light and on dark pages alike.
OURS, PEER, WORDS, LINES = "#e4572e", "#7a92ad", "#808890", "#80889055"
TITLES = {
    ("1kb", "plain"): "1 KB answers", ("1kb", "tls"): "1 KB answers, upstream over TLS",
    ("1mb", "plain"): "1 MB answers", ("1mb", "tls"): "1 MB answers, upstream over TLS",
}


def picture(results: dict) -> str:
    """Panels for each kind of call at the usual connection count, and one for latency at half load."""
    panels = []
    for call, upstream in TITLES:
        found = [one for one in results["cells"] if (one["call"], one["upstream"]) == (call, upstream)]
        usual = next((one for one in found if one["connections"] == 64), found[0] if found else None)
        if usual is not None:
            title = f"{TITLES[call, upstream]}: CPU µs per request, {usual['connections']} connections"
            panels.append((title, [(name, one["cpu_us"], [run["cpu_seconds"] / run["requests"] * 1e6
                                                          for run in one["runs"] if run["requests"]])
                                   for name, one in usual["proxies"].items()]))
    half = results["half_load"]
    panels.append((f"Latency at {half['rate']:,.0f} requests/s: p99 in µs", [
        (name, one["p99_us"], [run["p99_us"] for run in one["runs"]]) for name, one in half["proxies"].items()]))
    body, top = [], 34
    for title, bars in panels:
        drawn, height = _panel(title, bars, results["labels"], top)
        body += drawn
        top += height + PANEL_GAP
    machine = results["machine"]
    caption = (f"{machine['processor']}, one thread each, {results['date'][:10]}. Bar: median; line: least to most of "
               "all runs. Shorter is better.")
    body.append(_text(10, top - 14, caption, WORDS, 12))
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}" '
        'font-family="system-ui, sans-serif" role="img">',
        "<title>The gateway beside nginx, nginx with Lua, HAProxy and Envoy</title>", *body, "</svg>", ""])


def _panel(title: str, bars: list[tuple[str, float, list[float]]], labels: dict[str, str], top: int):
    drawn = [_text(10, top - 10, title, WORDS, 14, weight="600")]
    scale = (WIDTH - LEFT - RIGHT) / max(max([value, *runs]) for _, value, runs in bars)
    for number, (name, value, runs) in enumerate(bars):
        y = top + number * (BAR + GAP)
        middle = y + BAR / 2
        is_ours = name == "formation"
        drawn.append(_text(LEFT - 10, middle + 4.5, labels[name], OURS if is_ours else WORDS, 13, anchor="end",
                           weight="600" if is_ours else "400"))
        drawn.append(f'<rect x="{LEFT}" y="{y}" width="{value * scale:.1f}" height="{BAR}" rx="2" '
                     f'fill="{OURS if is_ours else PEER}"/>')
        least, most = min(runs) * scale + LEFT, max(runs) * scale + LEFT
        drawn.append(f'<path d="M{least:.1f} {middle}H{most:.1f}M{least:.1f} {middle - 4}v8M{most:.1f} {middle - 4}v8" '
                     f'stroke="{WORDS}" stroke-width="1.5" fill="none"/>')
        drawn.append(_text(max(most, LEFT + value * scale) + 7, middle + 4.5, _told(value), WORDS, 12))
    height = len(bars) * (BAR + GAP)
    drawn.append(f'<path d="M{LEFT} {top - 3}v{height + 1}" stroke="{LINES}"/>')
    return drawn, height


def _told(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _text(x: float, y: float, text: str, fill: str, size: int, anchor: str = "start", weight: str = "400") -> str:
    return (f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" font-size="{size}" text-anchor="{anchor}" '
            f'font-weight="{weight}">{escape(text)}</text>')
