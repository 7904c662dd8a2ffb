"""Candles in a chart, with the levels of a trade, what happened at them, and what nobody saw."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from include.web.charts.axes import short, title_of
from include.web.charts.chart import Chart
from include.web.charts.scale import Value

LINE = 15  # pixels that a name of a level needs
MARKER = 19  # pixels that a marker needs; on a telephone they are about MARKER_SHARE of the width
MARKER_SHARE = 6.0  # percent
NAMED_SHARE = 14.0  # percent of the width from which an unseen stretch has its name in it


@dataclass(frozen=True)
class Candle:
    """From `opened` on; `title` is said where a pointer rests."""

    opened: datetime
    open: Value
    high: Value
    low: Value
    close: Value
    title: str


@dataclass(frozen=True)
class Level:
    """A price with a name, drawn across the chart. `css` is a colour of charts.css."""

    name: str
    price: Value
    css: str


@dataclass(frozen=True)
class Marker:
    """What happened at a time and a price: a letter in a circle."""

    letter: str
    at: datetime
    price: Value
    css: str
    title: str


def draw_candles(chart: Chart, candles: Iterable[Candle], length: timedelta) -> None:
    """Draw candles: the body from open to close, filled where it fell, and the wick from low to high."""
    for candle in candles:
        left, right = candle.opened + length * 0.15, candle.opened + length * 0.85
        top, bottom = chart.place(candle.opened + length / 2, candle.high), chart.place(right, candle.low)
        one, other = chart.place(left, candle.open), chart.place(right, candle.close)
        if top is None or bottom is None or one is None or other is None:
            continue
        rose = other[1] <= one[1]
        chart.add(
            Markup(
                '<g class="candle {}"><line x1="{x}%" x2="{x}%" y1="{}" y2="{}"/>'
                '<rect x="{}%" width="{}%" y="{}" height="{}"/>{}</g>'
            ).format(
                "good" if rose else "bad",
                short(top[1]),
                short(bottom[1]),
                short(one[0]),
                short(max(other[0] - one[0], 0.1)),
                short(min(one[1], other[1])),
                short(max(abs(one[1] - other[1]), 1)),
                title_of(candle.title),
                x=short(top[0]),
            )
        )


def draw_levels(chart: Chart, levels: Sequence[Level], at: Value) -> None:
    """Draw lines across the chart with their names at the right, moved apart where they would overlap."""
    placed = [(place[1], level) for level in levels if (place := chart.place(at, level.price))]
    placed.sort(key=lambda one: one[0])
    heights = spread([height for height, _ in placed], LINE, chart.height)
    for (height, level), shown in zip(placed, heights, strict=True):
        chart.add(
            Markup(
                '<g class="level {css}"><line x1="0" x2="100%" y1="{y}" y2="{y}"/>'
                '<text x="100%" y="{text}" dy="-.3em" text-anchor="end">{name}</text></g>'
            ).format(css=level.css, y=short(height), text=short(shown), name=level.name)
        )


def spread(heights: Sequence[float], room: float, most: float) -> list[float]:
    """Move heights apart, which rise, so that each has its room, as little as needed and within 0 to `most`.

    What is near each other is a group that moves as one around its middle.
    """
    groups: list[list[float]] = []  # wanted heights; a group stands with its middle in the middle of these
    tops: list[float] = []

    def top_of(group: list[float]) -> float:
        size = room * (len(group) - 1)
        middle = sum(group) / len(group)
        return min(max(middle - size / 2, room), max(most - size, room))

    for height in heights:
        groups.append([height])
        tops.append(top_of(groups[-1]))
        while len(groups) > 1 and tops[-2] + room * len(groups[-2]) > tops[-1]:
            last = groups.pop()
            tops.pop()
            groups[-1] = groups[-1] + last
            tops[-1] = top_of(groups[-1])
    return [
        top + room * place for group, top in zip(groups, tops, strict=True) for place in range(len(group))
    ]


def draw_markers(chart: Chart, markers: Iterable[Marker]) -> None:
    """Draw what happened; a marker that would cover another moves up, with a line to its place."""
    taken: list[tuple[float, float]] = []
    for marker in markers:
        place = chart.place(marker.at, marker.price)
        if place is None:
            continue
        across, height = place
        shown = height
        while any(abs(across - x) < MARKER_SHARE and abs(shown - y) < MARKER for x, y in taken):
            shown -= MARKER
        taken.append((across, shown))
        chart.add(
            Markup(
                '<g class="marker {css}">{title}<line x1="{x}%" x2="{x}%" y1="{y}" y2="{shown}"/>'
                '<circle cx="{x}%" cy="{shown}" r="8.5"/>'
                '<text x="{x}%" y="{shown}" dy=".35em" text-anchor="middle">{letter}</text></g>'
            ).format(
                css=marker.css,
                title=title_of(marker.title),
                x=short(across),
                y=short(height),
                shown=short(shown),
                letter=marker.letter,
            )
        )


def draw_unseen(chart: Chart, stretches: Iterable[tuple[datetime, datetime, str]], at: Value) -> None:
    """Shade what nobody saw, each from one time to another with a title; the wide ones are named."""
    for starts, ends, title in stretches:
        left, right = chart.place(starts, at), chart.place(ends, at)
        if left is None or right is None:
            continue
        width = max(right[0] - left[0], 0.3)
        chart.add(
            Markup('<g class="unseen"><rect x="{}%" y="0" width="{}%" height="{}"/>{}</g>').format(
                short(left[0]), short(width), chart.height, title_of(title)
            )
        )
        if width >= NAMED_SHARE:
            chart.add(
                Markup('<text class="word" x="{}%" y="{}" text-anchor="middle">unseen</text>').format(
                    short(left[0] + width / 2), chart.height - 6
                )
            )
