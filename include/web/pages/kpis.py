"""The page on KPIs: each with its target, today so far, yesterday, and 90 days as a line."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from sqlalchemy import Engine

from include.humanize import count_text, duration_text, figure_text
from include.trades.kpis import KPI_DAYS, KpiDay, KpiHistory, read_kpi_history
from include.web.charts import Chart, linear_scale, time_scale
from include.web.rendering import render

# What each figure is and where it comes from: its name up to the unit, or to the limit that stands in it.
MEANINGS = {
    "trades settled": "Trades that the sweep has finished: won, lost or not entered. From the trades.",
    "success rate": "Trades won, of those won or lost. From the trades.",
    "data quality": "Mean score of the candles of trades settled or given up. From results.",
    "analysis success": "Settled trades that the model has analysed, also late. From their results.",
    "sweep latency p50": "From a trade's expiry until it is settled: half of the trades need this at most.",
    "sweep latency p95": "The same, for 95 of 100 trades.",
    "sweep latency p99": "The same, for 99 of 100 trades.",
    "generation": "Attempts at a signal that went well and took less than the limit. From the measurements.",
    "backtest": "Batches that were settled well in less than the limit. From the measurements.",
    "analysis": "Analyses that went well and took less than the limit. From the measurements.",
    "error rate": "Operations and calls of the model that failed. From measurements and the model's ledger.",
    "uptime": "Share of the time looked at in which no part of the platform was down. From the probes.",
    "of the day looked at": "How much of the day the probes looked; what nobody saw is neither up nor down.",
    "average rating": "Mean of the day's ratings, 1 to 5. From feedback.",
    "positive ratings": "Ratings of 4 and 5, of all ratings of the day. From feedback.",
    "answered by the second model": "Of the models' usable answers of the day. From the model's ledger.",
}


@dataclass(frozen=True)
class KpiCard:
    """A KPI as the page shows it."""

    title: str
    meaning: str
    target: str
    today: str
    today_state: str
    yesterday: str
    yesterday_state: str
    summary: str
    picture: Markup | None


def kpis(open_database: Callable[[], AbstractContextManager[Engine]]) -> APIRouter:
    """Make the route `/kpis`."""
    router = APIRouter()

    @router.get("/kpis", response_class=HTMLResponse)
    def show_kpis(request: Request) -> HTMLResponse:
        with open_database() as engine:
            histories = read_kpi_history(engine)
        today = datetime.now(UTC).date()
        return render(
            "kpis.html",
            request,
            cards=[_card(one, today) for one in histories],
            rolled_up=any(not day.unfinished for one in histories for day in one.days),
            days=KPI_DAYS,
        )

    return router


def _card(history: KpiHistory, today: date) -> KpiCard:
    name, unit = _name_and_unit(history.kpi)
    now, before = history.on(today), history.on(today - timedelta(days=1))
    judged = [day for day in history.days if day.met is not None and not day.unfinished]
    met = sum(bool(day.met) for day in judged)
    return KpiCard(
        title=name[:1].upper() + name[1:],
        meaning=next((words for begin, words in MEANINGS.items() if _is_about(begin, name)), ""),
        target=f"{history.target} {unit}".strip() if history.target else "",
        today=_value(now, unit),
        today_state=_state(now),
        yesterday=_value(before, unit),
        yesterday_state=_state(before),
        summary=f"met on {met} of {count_text(len(judged), 'day')}" if judged else "",
        picture=_draw(history, name, unit),
    )


def _draw(history: KpiHistory, name: str, unit: str) -> Markup | None:
    """The days as a line from the first to the last; days without a measurement are gaps."""
    known = [day for day in history.days if day.value is not None]
    if len(known) < 2:
        return None
    first, last = known[0].day, known[-1].day
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    values = {day.day: day.value for day in known}
    finite = [value for value in values.values() if value is not None and value.is_finite()]
    limit = history.limit
    between = (
        f"between {_number(min(finite), unit)} and {_number(max(finite), unit)}" if finite else "no number"
    )
    chart = Chart(
        time_scale(days, most=4),
        linear_scale(values.values(), include=[] if limit is None else [limit], unit=unit, ticks=3),
        label=f"{name}, {first} to {last}: {between}"
        + (f", target {history.target} {unit}." if history.target else "."),
        height=90,
    )
    if limit is not None:
        chart.target(limit, "target")
    before: date | None = None
    runs: list[list[date]] = []
    for day in sorted(values):
        if before is None or day - before > timedelta(days=1):
            runs.append([])
        runs[-1].append(day)
        before = day
    for run in runs:
        chart.line(run, [values[day] for day in run])
    missed = [day for day in known if day.met is False]
    chart.points(
        [day.day for day in missed],
        [day.value for day in missed],
        "bad",
        titles=[f"{day.day}: {_value(day, unit)}, missed" for day in missed],
        name="missed" if missed else "",
    )
    chart.tips([day.day for day in known], [f"{day.day}: {_value(day, unit)}" for day in known])
    return chart.draw()


def _name_and_unit(kpi: str) -> tuple[str, str]:
    """`uptime, %` is uptime in percent; `average rating, 1 to 5` has no unit that can be written behind."""
    name, _, unit = kpi.partition(", ")
    return (name, unit) if unit in ("%", "s") else (kpi, "")


def _is_about(begin: str, name: str) -> bool:
    return name == begin or name.startswith((f"{begin} under", f"{begin},"))


def _number(value: Decimal, unit: str) -> str:
    return duration_text(float(value)) if unit == "s" else figure_text(float(value), unit)


def _value(day: KpiDay | None, unit: str) -> str:
    if day is None:
        return "not rolled up"
    return "not measured" if day.value is None else _number(day.value, unit)


def _state(day: KpiDay | None) -> str:
    if day is None or day.met is None:
        return ""
    return "met" if day.met else "warning" if day.unfinished else "critical"
