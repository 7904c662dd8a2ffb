"""The page on performance: equity, months, distribution, hit rates and calibration of a choice of trades."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from sqlalchemy import Engine

from include.humanize import count_text, decimal_text, figure_text, money_text
from include.trades.outcomes import (
    MOST_TRADES,
    UNKNOWN,
    ChosenOutcomes,
    OutcomeFilter,
    OutcomeFilterError,
    OutcomeSums,
    read_outcome_choices,
    read_outcomes,
)
from include.trades.ratios import annual_sharpe, below_highest, profit_factor, running_sums, wilson_interval
from include.web.pages.performance_charts import (
    calibrate,
    draw_calibration,
    draw_distribution,
    draw_equity,
    draw_months,
    draw_rate,
)
from include.web.rendering import render

FILTERS = ("user", "symbol", "timeframe", "direction", "model", "first", "last")
WINDOWS = (("30 days", 30), ("90 days", 90), ("1 year", 365))
PARTS = {"symbol": "Symbol", "timeframe": "Timeframe", "direction": "Direction", "model": "Model"}
PARTS_SHOWN = 50  # rows of a table, those with most trades


@dataclass(frozen=True)
class PartRow:
    """A row of a table of hit rates: what the trades have in common, and their figures in words."""

    name: str
    href: str
    trades: int
    won: int
    rate: str
    interval: str
    picture: Markup
    net: str


def performance(open_database: Callable[[], AbstractContextManager[Engine]]) -> APIRouter:
    """Make the route `/performance`."""
    router = APIRouter()

    @router.get("/performance", response_class=HTMLResponse)
    def show_performance(request: Request) -> HTMLResponse:
        query = {name: request.query_params.get(name, "") for name in FILTERS}
        today = datetime.now(UTC).date()
        with open_database() as engine:
            choices = read_outcome_choices(engine)
            try:
                chosen = OutcomeFilter.read(query, today)
                results = read_outcomes(engine, chosen)
                refused = None
            except OutcomeFilterError as error:
                chosen, results, refused = OutcomeFilter(), None, str(error)
        return render(
            "performance.html",
            request,
            status=422 if refused else 200,
            refused=refused,
            query=query,
            choices=_options(choices),
            windows=_windows(query, today),
            chosen=chosen,
            shown=_shown(results, query) if results else None,
            most=MOST_TRADES,
        )

    return router


def _shown(results: ChosenOutcomes, query: Mapping[str, str]) -> dict[str, object]:
    total, days = results.total, results.days
    if not total.trades:
        return {"trades": 0, "waiting": results.waiting, "cut": results.cut}
    falls = below_highest(running_sums(sums.net for sums in days.values()))
    finite = [fall for fall in falls if fall.is_finite()]
    rate = wilson_interval(total.wins, total.trades) or (0.0, 0.0)
    calibrated = calibrate(total)
    known = {day: sums.percent for day, sums in days.items() if sums.percents}
    return {
        "trades": total.trades,
        "waiting": results.waiting,
        "cut": results.cut,
        "days": count_text(len(days), "day"),
        "rate": figure_text(100 * total.wins / total.trades, "%"),
        "interval": f"{decimal_text(rate[0], 1)} to {figure_text(rate[1], '%')}",
        "won": total.wins,
        "net": money_text(total.net),
        "kind": _kind(total.net),
        "fees": money_text(total.fees),
        "factor": decimal_text(profit_factor(total.profit, total.loss)),
        "sharpe": decimal_text(annual_sharpe(known)),
        "drawdown": _money(-min(finite) if len(finite) == len(falls) else None),
        "best": (total.best_id, _money(total.best)),
        "worst": (total.worst_id, _money(total.worst)),
        "equity": draw_equity(days),
        "months": draw_months(days),
        "distribution": draw_distribution(total) if any(total.r_counts) else None,
        "without_r": total.trades - sum(total.r_counts),
        "calibration": draw_calibration(calibrated) if calibrated else None,
        "calibrated": calibrated,
        "without_confidence": total.trades - sum(total.confident),
        "parts": {
            kind: [_part(kind, name, sums, query) for name, sums in results.parts.get(kind, ())[:PARTS_SHOWN]]
            for kind in PARTS
        },
        "titles": PARTS,
        "more": {kind: max(0, len(results.parts.get(kind, ())) - PARTS_SHOWN) for kind in PARTS},
    }


def _money(amount: Decimal | None) -> str:
    return "–" if amount is None else money_text(amount)


def _kind(net: Decimal) -> str:
    if not net.is_finite() or net == 0:
        return ""
    return "met" if net > 0 else "critical"


def _part(kind: str, name: str, sums: OutcomeSums, query: Mapping[str, str]) -> PartRow:
    interval = wilson_interval(sums.wins, sums.trades) or (0.0, 0.0)
    return PartRow(
        name=name or "not known",
        href=_address({**query, kind: name or UNKNOWN}),
        trades=sums.trades,
        won=sums.wins,
        rate=figure_text(100 * sums.wins / sums.trades, "%"),
        interval=f"{decimal_text(interval[0], 1)} to {figure_text(interval[1], '%')}",
        picture=draw_rate(sums),
        net=money_text(sums.net),
    )


def _options(choices: Mapping[str, list[tuple[str, int | None]]]) -> dict[str, list[tuple[str, str]]]:
    """Values and words of the choices."""
    offered = {
        kind: [
            (name or UNKNOWN, (name or "not known") + (f" ({count_text(trades, 'trade')})" if trades else ""))
            for name, trades in choices.get(kind, ())
        ]
        for kind in ("user", "symbol", "timeframe", "model")
    }
    return {**offered, "direction": [("LONG", "LONG"), ("SHORT", "SHORT")]}


def _windows(query: Mapping[str, str], today: date) -> list[tuple[str, str, bool]]:
    """Words, address, and whether it is the one shown: windows up to today, and all there is."""
    windows = [(words, (today - timedelta(days=days)).isoformat()) for words, days in WINDOWS]
    windows.append(("all", "all"))
    begin = query["first"] or windows[2][1]
    return [
        (words, _address({**query, "first": first, "last": ""}), not query["last"] and first == begin)
        for words, first in windows
    ]


def _address(query: Mapping[str, str]) -> str:
    return "?" + urlencode({name: value for name, value in query.items() if value})
