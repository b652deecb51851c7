"""The chart of a run: one panel of bars for each kind of load, as SVG without any library."""

import html
import pathlib
from dataclasses import dataclass

from bench.results import Results, shown

COLOURS = {"direct": "#9aa0a6", "haproxy": "#5b8fd9", "pgbouncer": "#d98c3f", "odyssey": "#a06bc4",
           "router": "#5fa8a0", "router sharing": "#2f7d74", "sluice epoll": "#c6455a",
           "sluice io_uring": "#8f1d3c"}
WIDTH, BAR, GAP, LABEL, HEAD = 430, 15, 10, 150, 40
COLUMNS = 2


@dataclass(frozen=True)
class Panel:
    title: str
    load: str
    cases: tuple  # of (mode, clients)
    metric: str


_MODES = ("simple", "extended", "prepared")
PANELS = (
    Panel("PostgreSQL, 16 clients: proxy CPU s per 100k transactions", "pg",
          tuple((mode, 16) for mode in _MODES), "cpu_s_per_100k"),
    Panel("PostgreSQL, 64 clients: proxy CPU s per 100k transactions", "pg",
          tuple((mode, 64) for mode in _MODES), "cpu_s_per_100k"),
    Panel("PostgreSQL, 64 clients: transactions per second", "pg",
          tuple((mode, 64) for mode in _MODES), "tps"),
    Panel("PostgreSQL, 500 clients: p99 in ms", "pg", tuple((mode, 500) for mode in _MODES), "p99_ms"),
    Panel("Clients on TLS: proxy CPU s per 100k transactions", "pg-tls",
          (("simple", 16), ("simple", 64)), "cpu_s_per_100k"),
    Panel("MySQL: proxy CPU s per 100k point selects", "mysql",
          (("text", 16), ("text", 64), ("prepared", 64)), "cpu_s_per_100k"),
    Panel("COPY out: proxy CPU s per GB", "copy", (("1000 B rows", 1), ("100 B rows", 1)), "cpu_s_per_gb"),
    Panel("MySQL result: proxy CPU s per GB", "result", (("1000 B rows", 1), ("100 B rows", 1)),
          "cpu_s_per_gb"),
    Panel("Idle PostgreSQL client: bytes each, 5,000 of them", "idle-pg",
          (("plain", 5000), ("tls", 5000)), "bytes_each"),
    Panel("Idle MySQL client: bytes each, 5,000 of them", "idle-mysql",
          (("plain", 5000), ("tls", 5000)), "bytes_each"),
    Panel("Login (SCRAM): proxy CPU ms", "login", (("scram", 8),), "cpu_ms_per_login"),
    Panel("Point selects beside a COPY: p99 in ms", "mixed", (("simple", 8),), "p99_ms"),
)


def _text(x: float, y: float, text: str, **attributes) -> str:
    more = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in attributes.items())
    return f'<text x="{x:.0f}" y="{y:.0f}"{more}>{html.escape(text)}</text>'


def _bars(panel: Panel, results: Results) -> list[tuple[str, str, float]]:
    """(case, target, value), without what costs nothing because it is no proxy."""
    found = []
    for case in panel.cases:
        for key in results.keys(panel.load):
            value = results.median(key, panel.metric)
            proxy = key[3] != "direct" or panel.metric in ("tps", "p99_ms")
            if key[1:3] == case and value is not None and proxy:
                found.append((f"{case[0]}, {case[1]}" if case[1] > 1 else case[0], key[3], value))
    return found


def _draw(panel: Panel, bars: list, left: float, top: float) -> tuple[list[str], float]:
    """The panel's elements and its height."""
    parts = [_text(left, top + 14, panel.title, font_weight="bold")]
    most = max(value for _, _, value in bars) or 1
    y, before = top + HEAD - 12, ""
    for case, target, value in bars:
        if case != before:
            y += GAP
            parts.append(_text(left, y + BAR - 4, case, fill="#555"))
            before = case
        length = max(1.0, value / most * (WIDTH - LABEL - 130))
        x = left + LABEL - 40
        parts.append(f'<rect x="{x}" y="{y:.0f}" width="{length:.0f}" height="{BAR - 3}" '
                     f'fill="{COLOURS.get(target, "#777")}"/>')
        parts.append(_text(x + length + 5, y + BAR - 5, f"{shown(value)}  {target}"))
        y += BAR
    return parts, y - top + 24


def svg(results: Results, caption: str) -> str:
    drawn = [(panel, bars) for panel in PANELS if (bars := _bars(panel, results))]
    parts, top = [], 34.0
    for start in range(0, len(drawn), COLUMNS):
        heights = []
        for column, (panel, bars) in enumerate(drawn[start:start + COLUMNS]):
            found, height = _draw(panel, bars, 16 + column * (WIDTH + 24), top)
            parts += found
            heights.append(height)
        top += max(heights)
    width = 16 * 2 + COLUMNS * (WIDTH + 24)
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top:.0f}" '
        f'viewBox="0 0 {width} {top:.0f}" font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>', _text(16, 20, caption, fill="#555"),
        *parts, "</svg>", ""])


def write(results: Results, caption: str, path: pathlib.Path) -> None:
    path.write_text(svg(results, caption))
