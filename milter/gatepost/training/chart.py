"""A chart in SVG: axes, grid and marks, as text. Nothing but what three small plots need.

Coordinates are data: a `Chart` knows its ranges, linear or logarithmic, and puts what lies outside on its edge. Colours
come from CSS variables of the page around it, so that a dark page has a dark chart. Numbers are written with one
decimal: the same data gives the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

WIDTH: Final = 420
HEIGHT: Final = 320
_LEFT: Final = 56
_RIGHT: Final = 26
_TOP: Final = 12
_BOTTOM: Final = 46


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: its range (`low` < `high`, above 0 where `log`), its ticks with what to write at them, its title."""

    title: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    log: bool = False

    def share(self, value: float) -> float:
        """Give where a value lies between low (0) and high (1); what lies outside is put on the edge."""
        kept = min(max(value, self.low), self.high)
        if self.log:
            return math.log(kept / self.low) / math.log(self.high / self.low)
        return (kept - self.low) / (self.high - self.low)


@dataclass(slots=True)
class Chart:
    """A chart under construction: marks are drawn in the order in which they are added."""

    name: str
    x: Axis
    y: Axis
    marks: list[str] = field(default_factory=list)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Give the point of the picture for a point of the data."""
        across = _LEFT + self.x.share(x) * (WIDTH - _LEFT - _RIGHT)
        return across, HEIGHT - _BOTTOM - self.y.share(y) * (HEIGHT - _TOP - _BOTTOM)

    def steps(
        self, points: Sequence[tuple[float, float]], colour: str, *, fill: bool = False, width: float = 1.5
    ) -> None:
        """Draw a staircase through points whose x only rises: level up to the next point, then up or down to it."""
        path: list[str] = []
        last = (-1.0, -1.0)
        for x, y in points:
            place = self.at(x, y)
            if (round(place[0], 1), round(place[1], 1)) == last:
                continue
            last = (round(place[0], 1), round(place[1], 1))
            path.append(f"H{last[0]}V{last[1]}" if path else f"M{last[0]} {last[1]}")
        if fill and path:
            ends = f"V{HEIGHT - _BOTTOM}H{self.at(points[0][0], 0)[0]:.1f}Z"
            self.marks.append(f'<path d="{"".join(path)}{ends}" fill="{colour}" fill-opacity=".25"/>')
        self.marks.append(f'<path d="{"".join(path)}" fill="none" stroke="{colour}" stroke-width="{width}"/>')

    def line(self, start: tuple[float, float], end: tuple[float, float], colour: str, *, dashed: bool = False) -> None:
        """Draw a straight line."""
        (x1, y1), (x2, y2) = self.at(*start), self.at(*end)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.marks.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="1.5"{dash}/>'
        )

    def dot(self, x: float, y: float, colour: str, *, radius: float = 4, tip: str = "") -> None:
        """Draw a dot; `tip` is shown where the pointer rests on it."""
        cx, cy = self.at(x, y)
        title = f"<title>{escape(tip)}</title>" if tip else ""
        self.marks.append(f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="{radius:.1f}" fill="{colour}">{title}</circle>')

    def svg(self) -> str:
        """Give the chart as one SVG element."""
        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(self.name)}">'
            + "".join((*self._grid(), *self.marks, *self._titles()))
            + "</svg>"
        )

    def _grid(self) -> list[str]:
        """Draw the lines of both axes with their numbers."""
        found = []
        for value, label in self.x.ticks:
            x, low = self.at(value, self.y.low)
            found.append(f'<line class="grid" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{low:.1f}"/>')
            found.append(f'<text x="{x:.1f}" y="{low + 15:.1f}" text-anchor="middle">{escape(label)}</text>')
        for value, label in self.y.ticks:
            left, y = self.at(self.x.low, value)
            found.append(f'<line class="grid" x1="{left:.1f}" y1="{y:.1f}" x2="{WIDTH - _RIGHT}" y2="{y:.1f}"/>')
            found.append(f'<text x="{left - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{escape(label)}</text>')
        return found

    def _titles(self) -> list[str]:
        """Write what the axes show."""
        middle = _TOP + (HEIGHT - _TOP - _BOTTOM) / 2
        across = _LEFT + (WIDTH - _LEFT - _RIGHT) / 2
        return [
            f'<text x="{across:.1f}" y="{HEIGHT - 10}" text-anchor="middle">{escape(self.x.title)}</text>',
            f'<text transform="translate(14 {middle:.1f}) rotate(-90)" text-anchor="middle">{escape(self.y.title)}</text>',
        ]
