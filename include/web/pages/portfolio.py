"""The page on portfolios: value, what is held, forecasts beside what came, verdicts, stress."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from sqlalchemy import Engine, Row

from include.humanize import decimal_text, money_text
from include.portfolio.overview import (
    read_failures,
    read_forecast_days,
    read_holdings,
    read_risk,
    read_states,
    read_stress,
    read_values,
)
from include.portfolio.value_at_risk import CONFIDENCES, METHODS
from include.portfolio.verdicts import TESTS
from include.web.charts import Chart, linear_scale, time_scale
from include.web.host import DeskHost
from include.web.rendering import render

ROWS = 50  # of each list
DAYS = 250  # of the charts
VERDICT_KINDS = {
    "green": "met", "passed": "met", "yellow": "warning", "failed": "critical", "red": "critical",
}  # fmt: skip


def portfolio_page(open_database: Callable[[], AbstractContextManager[Engine]], host: DeskHost) -> APIRouter:
    """Make the route `/portfolio`; `?portfolio=` chooses one, `?method=&confidence=` what the chart shows."""
    router = APIRouter()

    @router.get("/portfolio", response_class=HTMLResponse)
    def show_portfolio(
        request: Request, portfolio: str = "", method: str = METHODS[0], confidence: str = "0.99"
    ) -> HTMLResponse:
        wrong = ""
        if method not in METHODS:
            wrong = f"method is none of {', '.join(METHODS)}"
        elif confidence not in map(str, CONFIDENCES):
            wrong = f"confidence is none of {', '.join(map(str, CONFIDENCES))}"
        elif "\x00" in portfolio:
            wrong = "portfolio is none that is known"
        if wrong:
            portfolio, method, confidence = "", METHODS[0], "0.99"
        with open_database() as engine, engine.connect() as connection:
            states = read_states(connection, rows=ROWS)
            names = [one.portfolio_id for one in states]
            if portfolio and portfolio not in names:
                wrong = "portfolio is none that is known"
            chosen = portfolio if portfolio in names else names[0] if names else ""
            state = next((one for one in states if one.portfolio_id == chosen), None)
            holdings = read_holdings(connection, chosen, rows=ROWS)
            values = read_values(connection, chosen, rows=DAYS)
            days = read_forecast_days(connection, chosen, method, float(confidence), rows=DAYS)
            risk = read_risk(connection, [chosen])
            failures = read_failures(connection)
            scenarios = host.settings().stress_scenarios
            stress = read_stress(connection, [chosen], datetime.now(UTC), scenarios)
        return render(
            "portfolio.html",
            request,
            status=422 if wrong else 200,
            wrong=wrong,
            states=states,
            names=names,
            state=state,
            holdings=holdings,
            risk=risk,
            stress=stress,
            measures=[one for one in risk.measures if not one.measure.startswith("stress: ")],
            failures=failures,
            verdicts={(one.method, one.confidence, one.test): one for one in risk.verdicts},
            tests=TESTS,
            kinds=VERDICT_KINDS,
            chosen={"portfolio": chosen, "method": method, "confidence": confidence},
            methods=METHODS,
            confidences=[str(one) for one in CONFIDENCES],
            value_chart=draw_values(values) if len(values) > 1 else None,
            risk_chart=draw_forecasts(days) if len(days) > 1 else None,
            exceptions=[day for day in days if day.exception],
            judged=sum(day.exception is not None for day in days),
            shown=ROWS,
            share=_share,
            amount=lambda value: decimal_text(value, 4).rstrip("0").rstrip("."),
            money=lambda value: money_text(value, state.currency if state else "USD"),
        )

    return router


def draw_values(values: Sequence[Row[Any]]) -> Markup:
    """Draw what a portfolio was worth, by day."""
    days, worth = [one.day for one in values], [one.value for one in values]
    unit = values[-1].currency
    first, last = (money_text(one, unit) for one in (worth[0], worth[-1]))
    chart = Chart(
        time_scale(days),
        linear_scale(worth, unit=unit),
        label=f"Value: {first} on {days[0]}, {last} on {days[-1]}.",
    )
    chart.line(days, worth)
    chart.tips(days, [f"{one.day}: {money_text(one.value, unit)}" for one in values])
    return chart.draw()


def draw_forecasts(days: Sequence[Row[Any]]) -> Markup:
    """Draw the loss that was forecast not to be passed, below 0, and what each day brought."""
    xs = [one.day for one in days]
    returns = [None if one.loss is None else -100 * one.loss for one in days]
    limits, worse = [-100 * one.var for one in days], [-100 * one.es for one in days]
    found = [(one.day, -100 * one.loss) for one in days if one.exception]
    chart = Chart(
        time_scale([xs[0], xs[-1] + timedelta(days=1)]),
        linear_scale(
            [*(one for one in returns if one is not None), *limits, *worse], include=[0.0], unit="%"
        ),
        label=f"Daily returns and value at risk from {xs[0]} to {xs[-1]}: {len(found)} exceptions.",
        height=260,
    )
    known = [(x, y) for x, y in zip(xs, returns, strict=True) if y is not None]
    lefts, heights = [x for x, _ in known], [y for _, y in known]
    chart.bars(lefts, [x + timedelta(days=1) for x in lefts], heights, "one")
    chart.line(xs, limits, "two", name="value at risk")
    chart.line(xs, worse, "three", name="expected shortfall")
    chart.points([x for x, _ in found], [y for _, y in found], "bad", name="exception")
    chart.tips(xs, [_said(one) for one in days])
    return chart.draw("Bars are the days' returns.")


def _said(day: Row[Any]) -> str:
    came = (
        "no outcome" if day.loss is None else f"{_share(-day.loss)}{' (exception)' if day.exception else ''}"
    )
    return f"{day.day}: {came}; value at risk {_share(day.var)}, expected shortfall {_share(day.es)}"


def _share(value: float | Decimal | None) -> str:
    """A share as percent."""
    return "–" if value is None else f"{decimal_text(float(value) * 100)} %"
