"""The page on freshness and holes: ages of all kinds of data, missing candles, what these did."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from sqlalchemy import Connection, Engine

from include.candles.frame import RESOLUTIONS
from include.database import DatabaseError
from include.humanize import count_text, figure_text
from include.probes.ages import compare_ages, read_newest
from include.settings import SANDBOX
from include.trades.holes import (
    MOST_COUNTED,
    MOST_HOLES,
    MapWindow,
    Span,
    SymbolRow,
    count_effects,
    guess_resolution,
    list_asked,
    list_symbols,
    read_map,
)
from include.web.charts import Chart, band_scale, shade
from include.web.host import DeskHost
from include.web.rendering import render

# The length of the map, and that of its cells.
WINDOWS = {
    "24h": (timedelta(hours=24), timedelta(hours=1)),
    "7d": (timedelta(days=7), timedelta(hours=6)),
    "30d": (timedelta(days=30), timedelta(days=1)),
    "90d": (timedelta(days=90), timedelta(days=1)),
}
OTHERWISE = "1h"  # where no source was asked of late
ASKED_OF = 10  # holes whose sources are named
LONGEST_SYMBOL = 200


class MapRequestError(ValueError):
    """What an address asks for cannot be shown; the message says why."""


@dataclass(frozen=True)
class MapRequest:
    """What the map is asked for; `resolution` and `source` may be empty."""

    window: str = "7d"
    resolution: str = ""
    source: str = ""
    symbol: str = ""
    after: str = ""

    def link(self, **changed: str) -> str:
        """The address of the same map with something changed."""
        fields = {**vars(self), "after": "", "symbol": ""} | changed
        return f"?{urlencode({name: value for name, value in fields.items() if value})}#map"


def freshness(open_database: Callable[[], AbstractContextManager[Engine]], host: DeskHost) -> APIRouter:
    """Make the route `/freshness`; `?window=&resolution=&source=&symbol=` choose what the map shows."""
    router = APIRouter()

    @router.get("/freshness", response_class=HTMLResponse)
    def show_freshness(
        request: Request,
        window: str = "7d",
        resolution: str = "",
        source: str = "",
        symbol: str = "",
        after: str = "",
    ) -> HTMLResponse:
        question, wrong = MapRequest(window, resolution, source, symbol, after), ""
        settings, away = host.settings(), ""
        try:
            schedules = host.schedules()
        except DatabaseError as error:
            schedules, away = {}, str(error)
        sandbox = SANDBOX in settings.candle_sources
        with open_database() as engine, engine.connect() as connection:
            ages = compare_ages(read_newest(connection), schedules, settings)
            try:
                shown = _read(connection, question, sandbox)
            except MapRequestError as error:
                wrong, question = str(error), MapRequest()
                shown = _read(connection, question, sandbox)
        return render(
            "freshness.html",
            request,
            status=422 if wrong else 200,
            wrong=wrong,
            away=away,
            ages=ages,
            late=[age for age in ages if age.is_lacking],
            question=question,
            windows=WINDOWS,
            resolutions=list(RESOLUTIONS),
            percent=lambda part, whole: figure_text(100 * part / whole, "%", 0) if whole else "",
            **shown,
        )

    return router


def _read(connection: Connection, question: MapRequest, sandbox: bool) -> dict[str, Any]:
    """What the template shows of the map. Raises MapRequestError."""
    _check(question)
    resolution = question.resolution or guess_resolution(connection, OTHERWISE)
    length, width = WINDOWS[question.window]
    step = RESOLUTIONS[resolution]
    within_a_day = min(step, timedelta(days=1))
    whole = -(-width // within_a_day) * within_a_day  # so that no candle lies in two cells
    try:
        window = MapWindow.before(datetime.now(UTC), length, whole, step, resolution, sandbox=sandbox)
    except ValueError as error:
        raise MapRequestError(f"resolution and window do not fit: {error}") from None
    if question.symbol:
        symbols, more = [question.symbol], False
    else:
        symbols = list_symbols(connection, window, question.after or None, window.rows + 1)
        more = len(symbols) > window.rows
        symbols = symbols[: window.rows]
    rows = read_map(connection, window, symbols)
    holes = _read_holes(connection, rows[0], window) if question.symbol else []
    sources = sorted({source for row in rows for source in row.given})
    return {
        "map_window": window,
        "resolution": resolution,
        "rows": rows,
        "chart": draw_map(rows, window, question.source or None) if rows else None,
        "sources": sources if not question.source else sorted({*sources, question.source}),
        "holes": holes,
        "most_holes": MOST_HOLES,
        "asked_of": ASKED_OF,
        "most_counted": MOST_COUNTED,
        "older": question.link(after=symbols[-1], resolution=resolution) if more else None,
        "first": question.link() if question.after or question.symbol else None,
    }


def _check(question: MapRequest) -> None:
    if question.window not in WINDOWS:
        raise MapRequestError(f"window is none of {', '.join(WINDOWS)}")
    if question.resolution and question.resolution not in RESOLUTIONS:
        raise MapRequestError(f"resolution is none of {', '.join(RESOLUTIONS)}")
    for name in ("source", "symbol", "after"):
        value = getattr(question, name)
        if len(value) > LONGEST_SYMBOL or not value.isprintable():
            raise MapRequestError(f"{name} is too long, or holds characters that cannot be shown")


def _read_holes(
    connection: Connection, row: SymbolRow, window: MapWindow
) -> list[tuple[Span, int, Any, Sequence[Any]]]:
    """The newest holes of a symbol: from and to, candles, what they did, what sources said of the newest."""
    newest = row.holes[: -MOST_HOLES - 1 : -1]
    effects = count_effects(connection, [(row.symbol, hole) for hole in newest], window.resolution)
    return [
        (
            hole,
            (hole[1] - hole[0]) // window.step,
            effects.get(place),
            list_asked(connection, row.symbol, window.resolution, hole) if place < ASKED_OF else (),
        )
        for place, hole in enumerate(newest)
    ]


def draw_map(rows: Sequence[SymbolRow], window: MapWindow, source: str | None) -> Markup:
    """Draw a row for each symbol: the redder a cell, the more of what trades want is missing there.

    With a source: the more of it did not come of that source. What no trade wants is left empty.
    """
    cells = window.cells
    form = "%H:%M" if window.width < timedelta(hours=6) else "%d %b"
    wanted = sum(row.wanted for row in rows)
    lacking = sum(cell.lacking(source) for row in rows for cell in row.cells.values())
    worst = max(rows, key=lambda row: sum(cell.lacking(source) for cell in row.cells.values()))
    missing = "missing" if source is None else f"not of {source}"
    said = f"{lacking:,} of {wanted:,} wanted candles of {window.resolution} are {missing}"
    chart = Chart(
        band_scale([f"{cell:{form}}" for cell in cells], most=8),
        band_scale([row.symbol for row in rows], down=True, most=len(rows)),
        label=f"{said}, most of {worst.symbol}." if lacking else f"{said}.",
        height=len(rows) * 24,
    )
    for down, row in enumerate(rows):
        for across, cell in sorted(row.cells.items()):
            if not cell.wanted or not 0 <= across < len(cells):
                continue
            share = cell.lacking(source) / cell.wanted
            title = f"{row.symbol}, {cells[across]:%Y-%m-%d %H:%M}: {cell.missing} of {cell.wanted} missing"
            given = ", ".join(f"{name} {count}" for name, count in sorted(cell.given.items()))
            title += f"; held: {given}" if given else "; none is held"
            chart.boxes(
                [across], [across + 1], [down], [down + 1], f"heat {shade(-share, 1)}", titles=[title]
            )
    keys = (("level-0", "all there"), ("bad", "the deeper, the more is missing"))
    caption = Markup("").join(Markup('<span class="key {}">{}</span>').format(*key) for key in keys)
    rest = f"Empty: no trade wants candles. {count_text(len(cells), 'column')}, UTC."
    return Markup('<div class="heat-map">{}</div>').format(chart.draw(caption + rest))
