"""Pictures of a report as PNG, for mail and Slack, which draw no SVG.

altair and vl-convert take some 270 MB and a second: only the task that draws imports them. Days are drawn on
UTC scales; a naive time would be drawn in the zone of the machine.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from include.humanize import count_text, size_text
from include.reports.build import Report
from include.reports.words import value_text

if TYPE_CHECKING:
    import altair as alt

WIDTH, HEIGHT = 520, 170  # points; pictures have twice as many pixels
SCALE = 2
FONT = "Helvetica, Arial, sans-serif"
INK, GRID = "#334155", "#e2e8f0"
GOOD, BAD, LINE = "#0f766e", "#b91c1c", "#1d4ed8"
SEVERITIES = {"critical": "#7f1d1d", "high": "#dc2626", "medium": "#f59e0b", "low": "#cbd5e1"}
MIB = 1 << 20
EXPECTED = "expected, with 95 % interval"

Points = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class ReportChart:
    """A kind of picture: how it is called, of which series it is, how it is drawn and said in words."""

    name: str
    title: str
    section: str
    draw: "Callable[[Mapping[str, Points]], alt.TopLevelMixin | None]"
    words: Callable[[Mapping[str, Points]], str]


@dataclass(frozen=True)
class Picture:
    """A drawn chart; `words` say its result to those who do not see it."""

    name: str
    title: str
    words: str
    png: bytes

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.name}.png"


def draw_charts(report: Report) -> list[Picture]:
    """Draw every chart that has something to show."""
    import vl_convert

    pictures = []
    for chart in CHARTS:
        series = report.section(chart.section).series
        drawn = chart.draw(series)
        if drawn is not None:
            png = vl_convert.vegalite_to_png(_styled(drawn).to_json(), scale=SCALE)
            pictures.append(Picture(chart.name, chart.title, chart.words(series), png))
    return pictures


def describe_charts(report: Report) -> dict[str, tuple[str, str, str]]:
    """ReportSection, title and words of every chart, by its name; without drawing."""
    return {
        chart.name: (chart.section, chart.title, chart.words(report.section(chart.section).series))
        for chart in CHARTS
    }


@cache
def _altair() -> Any:
    import altair as alt

    return alt


def _styled(chart: Any) -> Any:
    return (
        chart.configure(font=FONT, background="white", padding=12)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK, titleColor=INK, gridColor=GRID, domainColor=GRID, tickColor=GRID,
            labelFontSize=12, titleFontSize=12, titleFontWeight="normal",
        )
        .configure_legend(labelColor=INK, titleColor=INK, labelFontSize=12, orient="top", title=None)
    )  # fmt: skip


def _chart(points: Points, **size: Any) -> Any:
    alt = _altair()
    return alt.Chart(alt.InlineData(values=[dict(point) for point in points])).properties(
        **{"width": WIDTH, "height": HEIGHT} | size
    )


def _days(field: str = "day", **axis: Any) -> Any:
    alt = _altair()
    style = {"format": "%-d %b", "labelOverlap": True, "grid": False, "tickCount": 8, "title": None}
    return alt.X(f"utcyearmonthdate({field}):T", scale=alt.Scale(type="utc"), axis=alt.Axis(**style | axis))


def _draw_equity(series: Mapping[str, Points]) -> Any:
    points = [point for point in series["equity"] if point["net"] is not None and point["equity"] is not None]
    if not points:
        return None
    alt = _altair()
    bars = (
        _chart(points, height=HEIGHT * 0.6)
        .mark_bar()
        .encode(
            x=_days(labels=False, ticks=False),
            y=alt.Y("net:Q", title="net a day, USD", axis=alt.Axis(tickCount=4, format=",~f")),
            color=alt.condition("datum.net >= 0", alt.value(GOOD), alt.value(BAD)),
        )
    )
    line = (
        _chart(points, height=HEIGHT)
        .mark_line(color=LINE, strokeWidth=2, point={"filled": True, "size": 18, "color": LINE})
        .encode(
            x=_days(),
            y=alt.Y(
                "equity:Q",
                title="sum so far, USD",
                scale=alt.Scale(zero=False),
                axis=alt.Axis(tickCount=5, format=",~f"),
            ),
        )
    )
    return alt.vconcat(line, bars, spacing=8).resolve_scale(x="shared")


def _say_equity(series: Mapping[str, Points]) -> str:
    points = [point for point in series["equity"] if point["equity"] is not None]
    if not points:
        return "No trade was settled in the days that the picture would show."
    first, last = points[0], points[-1]
    return (
        f"The sum of net results ends at {_usd(last['equity'])} on {last['day']}; on {first['day']} it was "
        f"{_usd(first['equity'])}."
    )


def _draw_symbols(series: Mapping[str, Points]) -> Any:
    points = [point for point in series["symbols"] if point["net"] is not None]
    if not points:
        return None
    alt = _altair()
    return (
        _chart(points, height=alt.Step(24))
        .mark_bar()
        .encode(
            y=alt.Y("symbol:N", sort="-x", title=None, axis=alt.Axis(labelLimit=140)),
            x=alt.X("net:Q", title="net, USD", axis=alt.Axis(tickCount=6, format=",~f")),
            color=alt.condition("datum.net >= 0", alt.value(GOOD), alt.value(BAD)),
        )
    )


def _say_symbols(series: Mapping[str, Points]) -> str:
    points = sorted(
        (point for point in series["symbols"] if point["net"] is not None),
        key=lambda point: float(point["net"]),
    )
    if not points:
        return "No trade was settled in the period."
    worst, best = points[0], points[-1]
    if worst is best:
        return f"{_name(best)} brought {_usd(best['net'])}."
    return f"{_name(best)} brought most, {_usd(best['net'])}, {_name(worst)} least, {_usd(worst['net'])}."


def _draw_errors(series: Mapping[str, Points]) -> Any:
    if not series["errors"]:
        return None
    alt = _altair()
    ranked = list(SEVERITIES)
    points = [dict(point) | {"rank": ranked.index(point["severity"])} for point in series["errors"]]
    return (
        _chart(points)
        .mark_bar()
        .encode(
            x=_days(),
            y=alt.Y("sum(errors):Q", title="errors a day", axis=alt.Axis(tickMinStep=1, tickCount=5)),
            color=alt.Color("severity:N", scale=alt.Scale(domain=ranked, range=list(SEVERITIES.values()))),
            order=alt.Order("rank:Q"),
        )
    )


def _say_errors(series: Mapping[str, Points]) -> str:
    points = series["errors"]
    if not points:
        return "No error was recorded in the days that the picture would show."
    days: dict[str, int] = {}
    for point in points:
        days[point["day"]] = days.get(point["day"], 0) + point["errors"]
    worst = max(days, key=lambda day: (days[day], day))
    return f"{count_text(sum(days.values()), 'error')} in all; the most on {worst}, {days[worst]}."


def _draw_capacity(series: Mapping[str, Points]) -> Any:
    if len(series["sizes"]) < 2:
        return None
    alt = _altair()
    sizes = [
        {"day": point["day"], "mib": point["bytes"] / MIB, "what": "measured"} for point in series["sizes"]
    ]
    ahead = [
        {"day": point["day"], "what": EXPECTED}
        | {name: point[field] / MIB for name, field in (("mib", "size"), ("low", "low"), ("high", "high"))}
        for point in series["forecast"]
    ]
    size = alt.Y("mib:Q", title="all tables, MiB", axis=alt.Axis(tickCount=5, format="~s"))
    kind = alt.Color(
        "what:N",
        scale=alt.Scale(domain=["measured", EXPECTED], range=[LINE, "#9333ea"]),
    )
    layers = [_chart(sizes).mark_line(strokeWidth=2).encode(x=_days(), y=size, color=kind)]
    if ahead:
        base = _chart(ahead)
        layers += [
            base.mark_area(opacity=0.2, color="#9333ea").encode(x=_days(), y=alt.Y("low:Q"), y2="high:Q"),
            base.mark_line(strokeDash=[6, 4], strokeWidth=2).encode(x=_days(), y=size, color=kind),
        ]
    return alt.layer(*layers)


def _say_capacity(series: Mapping[str, Points]) -> str:
    if not series["sizes"]:
        return "No size of the database was noted yet."
    newest = series["sizes"][-1]
    words = f"All tables take {size_text(newest['bytes'])} on {newest['day']}"
    if not series["forecast"]:
        return f"{words}; there are too few sizes for a forecast."
    last = series["forecast"][-1]
    return (
        f"{words}; {size_text(last['size'])} are expected on {last['day']} "
        f"(95 % interval {size_text(last['low'])} to {size_text(last['high'])})."
    )


def _usd(amount: float) -> str:
    return value_text(amount, "USD")


def _name(point: Mapping[str, Any]) -> str:
    return value_text(point["symbol"], "text")


CHARTS = (
    ReportChart("equity", "Equity and net result by day", "business", _draw_equity, _say_equity),
    ReportChart("symbols", "Net result by symbol", "business", _draw_symbols, _say_symbols),
    ReportChart("errors", "Errors by day and severity", "errors", _draw_errors, _say_errors),
    ReportChart("capacity", "Size of the database", "capacity", _draw_capacity, _say_capacity),
)
