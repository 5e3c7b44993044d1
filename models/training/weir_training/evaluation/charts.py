"""Line, point and bar charts as SVG text. Colours are classes: the page's style gives them, by day
and by night. Small on purpose: 440 units wide, so that a phone shows them at nearly full size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from html import escape
from typing import Sequence

_WIDTH, _HEIGHT = 440, 290
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 30, 44  # above: the legend


@dataclass(frozen=True)
class Axis:
    """`low` to `high`, linear or logarithmic; `unit` is % for shares."""

    title: str
    low: float
    high: float
    is_log: bool = False
    unit: str = ""

    def share(self, value: float) -> float:
        """0 at `low`, 1 at `high`; beyond, at the edge."""
        value = min(max(value, self.low), self.high)
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        if self.is_log:
            first = math.ceil(math.log10(self.low) - 1e-9)
            last = math.floor(math.log10(self.high) + 1e-9)
            return [10.0**power for power in range(first, last + 1)]
        rough = (self.high - self.low) / 5
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= rough - 1e-12)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [step * i for i in range(first, last + 1)]

    def label(self, value: float) -> str:
        if self.unit == "%":
            return f"{value * 100:.4g}%"
        return f"{value:,.4g}"


@dataclass
class Chart:
    """Draws in the order of the calls, legend first."""

    x: Axis
    y: Axis
    title: str  # what a screen reader says
    _parts: list[str] = field(default_factory=list)
    _legend: list[tuple[str, str]] = field(default_factory=list)

    def line(
        self, points: Sequence[tuple[float, float]], series: int, name: str = "", dashed: bool = False
    ) -> None:
        path = " ".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y in points)
        dash = ' stroke-dasharray="4 4"' if dashed else ""
        self._parts.append(f'<polyline class="line s{series}" points="{path}"{dash}/>')
        if name:
            self._legend.append((f"s{series}", name))

    def steps(self, points: Sequence[tuple[float, float]], series: int, name: str = "") -> None:
        """A line that keeps its height until the next point."""
        corners: list[tuple[float, float]] = []
        for x, y in points:
            if corners:
                corners.append((x, corners[-1][1]))
            corners.append((x, y))
        self.line(corners, series, name)

    def point(
        self, x: float, y: float, series: int, told: str, bar: tuple[float, float] | None = None
    ) -> None:
        """With what a pointer on it tells, and an interval upright through it."""
        if bar:
            self._parts.append(
                f'<line class="line s{series}" x1="{self._x(x):.1f}" x2="{self._x(x):.1f}" '
                f'y1="{self._y(bar[0]):.1f}" y2="{self._y(bar[1]):.1f}"/>'
            )
        self._parts.append(
            f'<circle class="dot s{series}" cx="{self._x(x):.1f}" cy="{self._y(y):.1f}" r="4">'
            f"<title>{escape(told)}</title></circle>"
        )

    def note(self, x: float, y: float, text: str) -> None:
        """Text beside a place, on the side where there is room."""
        left = self.x.share(x) > 0.55
        self._parts.append(
            f'<text x="{self._x(x) + (-9 if left else 9):.1f}" y="{self._y(y) + 15:.1f}" '
            f'text-anchor="{"end" if left else "start"}" class="strong">{escape(text)}</text>'
        )

    def svg(self) -> str:
        return "".join(
            [
                f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(self.title)}">',
                *self._grid(),
                *self._parts,
                *self._drawn_legend(),
                "</svg>",
            ]
        )

    def _x(self, value: float) -> float:
        return _LEFT + self.x.share(value) * (_WIDTH - _LEFT - _RIGHT)

    def _y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - self.y.share(value) * (_HEIGHT - _TOP - _BOTTOM)

    def _grid(self) -> list[str]:
        bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
        parts = []
        for tick in self.y.ticks():
            at = self._y(tick)
            parts.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}"/>')
            parts.append(
                f'<text x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">'
                f"{self.y.label(tick)}</text>"
            )
        for tick in self.x.ticks():
            at = self._x(tick)
            parts.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{bottom}"/>')
            parts.append(
                f'<text x="{at:.1f}" y="{bottom + 16}" text-anchor="middle">'
                f"{self.x.label(tick)}</text>"
            )
        middle = (_LEFT + right) / 2
        parts.append(
            f'<text x="{middle}" y="{_HEIGHT - 8}" text-anchor="middle" class="title">'
            f"{escape(self.x.title)}</text>"
        )
        height = (_TOP + bottom) / 2
        parts.append(
            f'<text x="11" y="{height}" text-anchor="middle" class="title" '
            f'transform="rotate(-90 11 {height})">{escape(self.y.title)}</text>'
        )
        return parts

    def _drawn_legend(self) -> list[str]:
        if len(self._legend) < 2:
            return []
        parts, at = [], float(_LEFT)
        for css, name in self._legend:
            parts.append(f'<line class="line {css}" x1="{at:.0f}" x2="{at + 14:.0f}" y1="12" y2="12"/>')
            parts.append(f'<text x="{at + 18:.0f}" y="16">{escape(name)}</text>')
            at += 32 + 6.3 * len(name)
        return parts


def nice_ceiling(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(max(value, 1e-12)))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)


def heat_table(
    columns: Sequence[str], rows: Sequence[tuple[Sequence[str], Sequence[float]]], heads: Sequence[str]
) -> str:
    """An HTML table whose last cells are shaded by a weight from 0 to 1."""
    head = "".join(f"<th>{escape(name)}</th>" for name in [*columns, *heads])
    body = []
    for texts, weights in rows:
        cells = "".join(f"<td>{escape(text)}</td>" for text in texts)
        cells += "".join(
            f'<td class="heat" style="--w:{weight:.3f}" title="{weight:.3f}">'
            f"{'' if weight < 0.005 else f'{weight:.2f}'}</td>"
            for weight in weights
        )
        body.append(f"<tr>{cells}</tr>")
    return f'<div class="wide"><table class="heats"><tr>{head}</tr>{"".join(body)}</table></div>'
