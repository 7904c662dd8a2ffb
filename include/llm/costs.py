"""What the language models cost by day, model and purpose, and what the month may come to."""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from sqlalchemy import text

from include.database import sql

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from include.llm.ledger import Choice

CostGroup = Literal["purpose", "model", "choice"]

MEAN_DAYS = 7  # whole days whose mean the forecast takes
NEVER_MADE = (
    "budget_spent",
    "unpriced",
    "paused",
)  # outcomes of calls that were refused before they were made
NOTHING = Decimal(0)


@dataclass
class CostSums:
    """Sums over calls; US dollars."""

    calls: int = 0
    answered: int = 0  # with a usable answer
    refused: dict[str, int] = field(default_factory=dict)  # never made, by outcome
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: Decimal = NOTHING  # that is known
    unknown: Decimal = NOTHING  # that calls whose cost is not known may have cost at most
    unpriced: int = 0  # calls of which not even that is known

    @property
    def cost_of_answer(self) -> Decimal | None:
        """What a usable answer cost, failed tries included; None: there is none."""
        return self.cost / self.answered if self.answered else None

    def add(self, row: DayOfModel) -> None:
        """Add the calls of a row."""
        self.calls += row.calls
        self.answered += row.outcomes.get("answered", 0)
        for outcome in NEVER_MADE:
            if count := row.outcomes.get(outcome, 0):
                self.refused[outcome] = self.refused.get(outcome, 0) + count
        self.prompt_tokens += row.prompt_tokens
        self.completion_tokens += row.completion_tokens
        self.cost += row.cost
        self.unknown += row.unknown
        self.unpriced += row.unpriced


@dataclass(frozen=True)
class DayOfModel:
    """The calls of a day (UTC), purpose, model and choice; US dollars."""

    day: date
    purpose: str
    model: str
    choice: Choice
    calls: int
    outcomes: Mapping[str, int]
    prompt_tokens: int
    completion_tokens: int
    cost: Decimal
    unknown: Decimal
    unpriced: int


@dataclass(frozen=True)
class MonthForecast:
    """A month so far (UTC), and what it may come to; US dollars that count against the budget.

    What is spent up to yesterday, and for today and each day that is left the mean of the last whole days;
    for today what is spent already, if that is more.
    """

    spent: Decimal  # so far, today included
    today: Decimal
    mean: Decimal | None  # of a day; None: there is no whole day since the first call
    mean_days: int
    forecast: Decimal | None
    days: int  # of the month


@dataclass(frozen=True)
class ModelCosts:
    """The costs of days `first` to `last` (UTC), and the month of `last`.

    `month` is that of the first model's budget, `second_month` of the second's; None: it was never asked.
    """

    first: date
    last: date
    rows: Sequence[DayOfModel]
    month: MonthForecast
    second_month: MonthForecast | None

    def total(self) -> CostSums:
        """All of it."""
        sums = CostSums()
        for row in self.rows:
            sums.add(row)
        return sums

    def by(self, *columns: CostGroup) -> dict[tuple[str, ...], CostSums]:
        """Sums by purpose, model, choice or some of them; the dearest first."""
        groups: defaultdict[tuple[str, ...], CostSums] = defaultdict(CostSums)
        for row in self.rows:
            groups[tuple(getattr(row, column) for column in columns)].add(row)
        return dict(sorted(groups.items(), key=lambda item: (-item[1].cost, -item[1].calls, item[0])))

    def days(self) -> list[date]:
        """Each day of the window, the oldest first."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    def cost_of_days(self, group: CostGroup) -> dict[str, dict[date, Decimal]]:
        """What is known to be spent, by group and day."""
        costs: defaultdict[str, defaultdict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        for row in self.rows:
            costs[getattr(row, group)][row.day] += row.cost
        return {name: dict(days) for name, days in costs.items()}


def read_costs(connection: Connection, today: date, days: int) -> ModelCosts:
    """Read the costs of the last `days` days (UTC) up to `today`, from totals that are kept by day."""
    first = today - timedelta(days=days - 1)
    found = connection.execute(sql("llm/read_daily_costs"), {"first": first, "last": today})
    rows = [
        DayOfModel(
            row.day,
            row.purpose,
            row.model,
            row.choice,
            int(row.calls or 0),
            row.outcomes,
            int(row.prompt_tokens),
            int(row.completion_tokens),
            row.cost_usd,
            row.unknown_usd,
            int(row.unpriced_calls),
        )
        for row in found
    ]
    begin = min(today.replace(day=1), today - timedelta(days=MEAN_DAYS))
    spent = connection.execute(sql("llm/read_budget_days"), {"first": begin, "last": today}).all()
    began = connection.execute(
        text("SELECT choice, min(day) AS day FROM llm_budget_days GROUP BY choice")
    ).all()
    first_days: dict[str, date] = {row.choice: row.day for row in began}

    def forecast(choice: Choice) -> MonthForecast:
        by_day = {row.day: row.spent_usd for row in spent if row.choice == choice}
        return forecast_month(by_day, today, first_days.get(choice, today))

    second = forecast("second") if "second" in first_days else None
    return ModelCosts(first, today, rows, forecast("first"), second)


def forecast_month(spent: Mapping[date, Decimal], today: date, began: date) -> MonthForecast:
    """Say what the month of `today` comes to.

    `spent`: US dollars by day, also of the week before; `began`: the day of the first call ever.
    """
    whole = [today - timedelta(days=n) for n in range(1, MEAN_DAYS + 1)]
    whole = [day for day in whole if day >= began]
    of_today = spent.get(today, NOTHING)
    before = sum((usd for day, usd in spent.items() if today.replace(day=1) <= day < today), NOTHING)
    mean = sum((spent.get(day, NOTHING) for day in whole), NOTHING) / len(whole) if whole else None
    length = monthrange(today.year, today.month)[1]
    forecast = None if mean is None else before + max(of_today, mean) + mean * (length - today.day)
    return MonthForecast(before + of_today, of_today, mean, len(whole), forecast, length)
