"""The page on what the language models cost: by day, model and purpose, against the budget."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Literal, cast

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from sqlalchemy import Engine

from include.humanize import money_text
from include.llm.costs import CostGroup, ModelCosts, MonthForecast, read_costs
from include.web.charts import Chart, linear_scale, time_scale
from include.web.host import DeskHost
from include.web.rendering import render

WINDOWS = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "a year"}
GROUPS = {"purpose": "purpose", "model": "model", "choice": "first or second"}
COLOURS = ("one", "two", "three", "four")
OTHERS = "all others"
BUDGET_SHOWN = 4  # times what a day cost: a budget that lies higher is not drawn, for the days would be flat


def costs(open_database: Callable[[], AbstractContextManager[Engine]], host: DeskHost) -> APIRouter:
    """Make the route `/costs`; `?days=` chooses the window, `?by=` what the bars are cut into."""
    router = APIRouter()

    @router.get("/costs", response_class=HTMLResponse)
    def show_costs(request: Request, days: str = "30", by: str = "purpose") -> HTMLResponse:
        wrong = _wrong(days, WINDOWS, "days") or _wrong(by, GROUPS, "by")
        chosen, group = ("30", "purpose") if wrong else (days, by)
        settings = host.settings()
        budgets = {"first": settings.llm_daily_budget_usd, "second": settings.llm_second_daily_budget_usd}
        with open_database() as engine, engine.connect() as connection:
            found = read_costs(connection, datetime.now(UTC).date(), int(chosen))
        return render(
            "costs.html",
            request,
            status=422 if wrong else 200,
            wrong=wrong,
            costs=found,
            total=found.total(),
            table=found.by("purpose", "model", "choice"),
            purposes=found.by("purpose"),
            chart=draw_days(found, cast(CostGroup, group), budgets["first"]) if found.rows else None,
            months=_months(found, budgets),
            windows=WINDOWS,
            groups=GROUPS,
            days=chosen,
            by=group,
        )

    return router


@dataclass(frozen=True)
class MonthOfModel:
    """What a model spent today and this month, against its daily budget, in US dollars; None: it has none."""

    title: str
    month: MonthForecast
    budget: Decimal | None

    @property
    def of_month(self) -> Decimal | None:
        """What the daily budgets of the month allow together."""
        return None if self.budget is None else self.budget * self.month.days

    @property
    def kind(self) -> str:
        """How today stands to the budget."""
        return _kind(self.month.today, self.budget)

    @property
    def month_kind(self) -> str:
        """How the month is going to stand to it."""
        return _kind(self.month.forecast, self.of_month)


def _months(found: ModelCosts, budgets: Mapping[str, Decimal | None]) -> list[MonthOfModel]:
    months = [MonthOfModel("", found.month, budgets["first"])]
    if found.second_month is not None:
        months.append(MonthOfModel("Second model: ", found.second_month, budgets["second"]))
    return months


def draw_days(found: ModelCosts, group: CostGroup, budget: Decimal | None) -> Markup:
    """Draw the days as bars, cut into the dearest groups, with the daily budget as a line."""
    days = found.days()
    parts = _gather(found.cost_of_days(group), [name for (name,) in found.by(group)])
    sums = {day: sum((costs.get(day, Decimal(0)) for costs in parts.values()), Decimal(0)) for day in days}
    dearest = max(sums, key=lambda day: sums[day])
    drawn = budget is not None and budget <= BUDGET_SHOWN * sums[dearest]
    least = 0.0 if sums[dearest] else 0.01  # where nothing cost anything, the axis has a length all the same
    chart = Chart(
        time_scale([days[0], days[-1] + timedelta(days=1)]),
        linear_scale(sums.values(), include=[0.0, float(budget) if drawn and budget else least], unit="USD"),
        label=f"Cost by day from {days[0]} to {days[-1]}: together {money_text(sum(sums.values()))}, "
        f"most on {dearest}: {money_text(sums[dearest])}.",
    )
    bottoms = dict.fromkeys(days, Decimal(0))
    for colour, (name, costs) in zip(COLOURS, parts.items(), strict=False):
        shown = [day for day in days if costs.get(day)]
        tops = {day: bottoms[day] + costs[day] for day in shown}
        rights = [day + timedelta(days=1) for day in shown]
        words = name.replace("_", " ")
        chart.boxes(shown, rights, [bottoms[day] for day in shown], tops.values(), colour, name=words)
        bottoms |= tops
    if drawn and budget is not None:
        chart.target(budget, f"budget {money_text(budget)} a day", "bad")
    chart.tips(
        [datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=12) for day in days],
        [_tip(day, parts, sums[day]) for day in days],
    )
    above = f"The budget of {money_text(budget)} a day lies above the chart." if budget and not drawn else ""
    return chart.draw(above)


def _gather(
    costs: Mapping[str, Mapping[date, Decimal]], dearest: Sequence[str]
) -> dict[str, Mapping[date, Decimal]]:
    """The dearest groups, one a colour; what is left is one group."""
    if len(dearest) <= len(COLOURS):
        return {name: costs[name] for name in dearest}
    kept, rest = dearest[: len(COLOURS) - 1], dearest[len(COLOURS) - 1 :]
    others: dict[date, Decimal] = {}
    for name in rest:
        for day, cost in costs[name].items():
            others[day] = others.get(day, Decimal(0)) + cost
    return {**{name: costs[name] for name in kept}, OTHERS: others}


def _tip(day: date, parts: Mapping[str, Mapping[date, Decimal]], together: Decimal) -> str:
    said = [f"{name} {money_text(costs[day])}" for name, costs in parts.items() if costs.get(day)]
    return f"{day}: {money_text(together)}" + (f" ({', '.join(said)})" if len(said) > 1 else "")


def _kind(spent: Decimal | None, limit: Decimal | None) -> Literal["", "met", "warning", "critical"]:
    """How a sum stands to its limit: beyond 80 % of it people look, at all of it calls are refused."""
    if spent is None or not limit:
        return ""
    return "critical" if spent >= limit else "warning" if spent >= limit * Decimal("0.8") else "met"


def _wrong(value: str, known: Mapping[str, str], name: str) -> str:
    shown = value if len(value) <= 50 else f"{value[:50]}…"
    return "" if value in known else f"{name} is {shown!r}: choose one of {', '.join(known)}"
