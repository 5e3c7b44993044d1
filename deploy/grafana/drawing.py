"""Panels of a dashboard as SVG and HTML text: what preview.py puts on its page. Nothing here asks anybody anything.

Series are what Prometheus answers, with the panel's legend: (name, [(unix seconds, value), ...]). Colours are custom properties
of the page's style sheet, so that light and dark are its concern.
"""
import math
import re
from datetime import datetime, timezone
from html import escape

COLORS = 8  # --c0 to --c7 of the style sheet, in turn
Series = list[tuple[str, list[tuple[float, float]]]]

_SCALED = {"bytes": (1024, ("B", "KiB", "MiB", "GiB", "TiB")), "short": (1000, ("", "K", "M", "G")), "cps": (1000, ("/s", "K/s", "M/s"))}


def shown(value: float | None, unit: str) -> str:
    """A value as Grafana would write it in this unit, near enough."""
    if value is None or math.isnan(value):
        return "-"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if unit == "percentunit":
        return f"{digits(value * 100)} %"
    if unit == "s":
        for factor, name in ((1e-6, "µs"), (1e-3, "ms"), (1, "s"), (60, "min"), (3600, "h"), (86400, "d")):
            if abs(value) < {1e-6: 1e-3, 1e-3: 1, 1: 120, 60: 7200, 3600: 172800}.get(factor, math.inf):
                return f"{digits(value / factor)} {name}" if value else "0 s"
    if unit in _SCALED:
        factor, names = _SCALED[unit]
        step = 0
        while abs(value) >= factor and step + 1 < len(names):
            value, step = value / factor, step + 1
        return f"{digits(value)} {names[step]}".strip().replace(" /", "/")
    return digits(value)


def digits(value: float) -> str:
    """Three significant ones, without an exponent and without zeros that say nothing."""
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}"
    places = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    text = f"{value:,.{min(places, 8)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def ticks(low: float, high: float, count: int, unit: str) -> list[float]:
    """Round numbers between the two: of bytes powers of two, of long times whole days."""
    if not high > low:
        return [low]
    rough = (high - low) / count
    if unit == "bytes":
        step = 2.0 ** math.ceil(math.log2(rough))
    elif unit == "s" and rough > 43_200:
        step = 86_400.0 * math.ceil(rough / 86_400)
    else:
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    return [n * step for n in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def clock(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).strftime("%H:%M:%S")


class Plot:
    """A frame with axes in a box of `width` by `height` pixels; maps values to places in it."""

    def __init__(self, width: int, height: int, start: float, end: float, low: float, high: float, unit: str, log: bool = False):
        self.left, self.top, self.right, self.bottom = 64, 6, width - 8, height - 20
        self.start, self.end, self.low, self.high, self.log = start, max(end, start + 1), low, high, log
        self.parts = [f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">']
        marks = self._decades() if log else ticks(low, high, max(2, height // 45), unit)
        for mark in marks:
            y = self.y(mark)
            self.parts.append(f'<line class="grid" x1="{self.left}" x2="{self.right}" y1="{y:.1f}" y2="{y:.1f}"/>'
                              f'<text class="axis" x="{self.left - 6}" y="{y + 3.5:.1f}" text-anchor="end">{escape(shown(mark, unit))}</text>')
        for n in range(4):
            at = self.start + (self.end - self.start) * (n + 0.5) / 4
            self.parts.append(f'<text class="axis" x="{self.x(at):.1f}" y="{height - 4}" text-anchor="middle">{clock(at)}</text>')

    def _decades(self) -> list[float]:
        return [10.0 ** n for n in range(math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9) + 1)]

    def x(self, at: float) -> float:
        return self.left + (at - self.start) / (self.end - self.start) * (self.right - self.left)

    def y(self, value: float) -> float:
        low, high = self.low, self.high
        if self.log:
            value, low, high = math.log10(max(value, low)), math.log10(low), math.log10(high)
        share = (value - low) / (high - low) if high > low else 0.5
        return self.bottom - min(max(share, 0), 1) * (self.bottom - self.top)

    def svg(self) -> str:
        return "".join(self.parts) + "</svg>"


def lines(panel: dict, series: Series, width: int, height: int, start: float, end: float) -> str:
    """A time series panel: its lines, stacked where the panel says so, and a legend with the last and the highest value."""
    defaults = panel["fieldConfig"]["defaults"]
    unit, custom = defaults.get("unit", "short"), defaults.get("custom", {})
    stacked = custom.get("stacking", {}).get("mode") == "normal"
    log = custom.get("scaleDistribution", {}).get("type") == "log"
    drawn = _stacked(series) if stacked else [(name, points, None) for name, points in series]
    values = [v for _, points, _ in drawn for _, v in points if math.isfinite(v)]
    low, high = _range(values, defaults, log)
    legend_rows = min(len(series), max(1, height // 3 // 18))
    hidden = len(series) - legend_rows
    plot = Plot(width, height - 18 * (legend_rows + (hidden > 0)) - 4, start, end, low, high, unit, log)
    for index, (_, points, floor) in reversed(list(enumerate(drawn))):
        places = [(plot.x(at), plot.y(v)) for at, v in points if math.isfinite(v)]
        if not places:
            continue
        color = f"var(--c{index % COLORS})"
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        base = [(plot.x(at), plot.y(v)) for at, v in floor] if floor else [(places[0][0], plot.bottom), (places[-1][0], plot.bottom)]
        back = " ".join(f"{x:.1f},{y:.1f}" for x, y in (reversed(base) if floor else (base[1], base[0])))
        opacity = 0.28 if stacked else 0.06
        plot.parts.append(f'<polygon points="{path} {back}" fill="{color}" opacity="{opacity}"/>'
                          f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.4"/>')
    highest = {name: max((v for _, v in points if math.isfinite(v)), default=-math.inf) for name, points in series}
    named = sorted(enumerate(series), key=lambda each: -highest[each[1][0]])[:legend_rows]  # the largest, if not all
    rows = "".join(
        f'<tr><td><i class="k{index % COLORS}"></i>{escape(name)}</td><td>{shown(_last(points), unit)}</td>'
        f'<td>{shown(highest[name] if math.isfinite(highest[name]) else None, unit)}</td></tr>' for index, (name, points) in named)
    more = f'<p class="more">and {hidden} more</p>' if hidden else ""
    return plot.svg() + f'<table class="legend"><tbody>{rows}</tbody></table>{more}'


def _last(points: list[tuple[float, float]]) -> float | None:
    return next((v for _, v in reversed(points) if not math.isnan(v)), None)


def _range(values: list[float], defaults: dict, log: bool) -> tuple[float, float]:
    if log:
        positive = [v for v in values if v > 0] or [1]
        return 10.0 ** math.floor(math.log10(min(positive))), 10.0 ** math.ceil(math.log10(max(positive)) - 1e-9)
    low = defaults.get("min", min(values, default=0))
    high = defaults.get("max", max(values, default=1))
    return (low, high * 1.05) if high > low else (low, low + 1)


def _stacked(series: Series) -> list[tuple[str, list, list]]:
    below: dict[float, float] = {}
    result = []
    for name, points in series:
        finite = [(at, v) for at, v in points if math.isfinite(v)]
        floor = [(at, below.get(at, 0.0)) for at, _ in finite]
        top = [(at, v + base) for (at, v), (_, base) in zip(finite, floor)]
        below.update(top)
        result.append((name, top, floor))
    return result


def number(panel: dict, value: float | None) -> str:
    """A stat panel, in the colour of the threshold that the value has passed."""
    defaults = panel["fieldConfig"]["defaults"]
    color = "text"
    for step in defaults.get("thresholds", {}).get("steps", []):
        if step["value"] is None or (value is not None and value >= step["value"]):
            color = step["color"]
    mapped = next((options[digits(value)]["text"] for mapping in defaults.get("mappings", ()) if value is not None
                   and digits(value) in (options := mapping["options"])), None)
    return f'<div class="number {escape(color)}">{escape(mapped or shown(value, defaults.get("unit", "short")))}</div>'


def table(panel: dict, found: list[dict]) -> str:
    """A table panel: a row for each sample, a column for each label."""
    hidden = {name for change in panel.get("transformations", ()) for name in change["options"].get("excludeByName", {})}
    names = sorted({label for sample in found for label in sample["metric"]} - hidden)
    head = "".join(f"<th>{escape(name)}</th>" for name in names) + ("" if "Value" in hidden else "<th>value</th>")
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(_short(sample['metric'].get(name, '')))}</td>" for name in names)
        + ("" if "Value" in hidden else f"<td>{digits(float(sample['value'][1]))}</td>") + "</tr>" for sample in found)
    return f'<table class="table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _short(label: str) -> str:
    return label[:24] + "…" if len(label) > 28 else label


def heat(panel: dict, series: Series, width: int, height: int, start: float, end: float) -> str:
    """A heatmap panel: a column for each time, a cell for each bucket of the histogram, darker for more."""
    buckets = sorted(series, key=lambda each: math.inf if each[0] == "+Inf" else float(each[0]))
    times = sorted({at for _, points in buckets for at, _ in points})
    unit = panel["options"]["yAxis"]["unit"]
    plot = Plot(width, height, start, end, 0, len(buckets), "hidden")
    plot.parts = plot.parts[:1] + [part for part in plot.parts if "middle" in part]
    row = (plot.bottom - plot.top) / max(1, len(buckets))
    column = (plot.right - plot.left) / max(1, len(times))
    below: dict[float, float] = {}
    cells = []
    for index, (name, points) in enumerate(buckets):
        for at, value in points:
            inside = max(0.0, value - below.get(at, 0.0))
            below[at] = value
            cells.append((times.index(at), index, inside))
        if index % max(1, len(buckets) // 6) == 0 or name == "+Inf":
            label = "∞" if name == "+Inf" else shown(float(name), unit)
            plot.parts.append(f'<text class="axis" x="{plot.left - 6}" y="{plot.bottom - (index + 1) * row + 3.5:.1f}" '
                              f'text-anchor="end">{escape(label)}</text>')
    most = max((inside for *_, inside in cells), default=0) or 1
    plot.parts += [f'<rect x="{plot.left + x * column:.1f}" y="{plot.bottom - (y + 1) * row:.1f}" width="{column + 0.5:.1f}" '
                   f'height="{row:.1f}" fill="var(--c1)" opacity="{math.sqrt(inside / most):.2f}"/>' for x, y, inside in cells if inside > 1e-9]
    return plot.svg()


def states(series: Series, width: int, height: int, start: float, end: float) -> str:
    """A state timeline: a bar for each series, green while 1."""
    parts = [f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">']
    row = min(34.0, (height - 20) / max(1, len(series)))
    for index, (name, points) in enumerate(series):
        y = index * row + 4
        parts.append(f'<text class="axis" x="122" y="{y + row / 2:.1f}" text-anchor="end">{escape(_short(name))}</text>')
        for (at, value), (until, _) in zip(points, points[1:] + [(end, 0.0)]):
            left, right = (130 + (t - start) / max(1, end - start) * (width - 138) for t in (at, until))
            parts.append(f'<rect x="{left:.1f}" y="{y:.1f}" width="{right - left + 0.3:.1f}" height="{row - 6:.1f}" '
                         f'class="{"good" if value == 1 else "bad"}"/>')
    return "".join(parts) + "</svg>"


def markdown(text: str) -> str:
    """As much of it as dashboards.py writes: a table with links, whose targets need Grafana."""
    rows = [[re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", cell.strip()) for cell in line.strip("| ").split("|")]
            for line in text.splitlines() if line.startswith("|") and not set(line) <= set("|-: ")]
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows[1:])
    head = "".join(f"<th>{escape(cell)}</th>" for cell in rows[0]) if rows else ""
    return f'<table class="table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
