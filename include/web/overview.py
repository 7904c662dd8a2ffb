"""What the overview shows: how trading, the data, the model's budget and the backups stand, at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, Row

from include.alerts.overview import OpenAlert, read_overview
from include.database import DatabaseError, sql
from include.llm.costs import MonthForecast, read_costs
from include.probes.ages import DagSchedule, DataAge, compare_ages, read_newest
from include.settings import Settings
from include.settings.reader import SettingsError
from include.trades.ratios import wilson_interval
from include.web.host import DeskHost

WEEKS = 8  # shown, the running one included
RATE_DAYS = 30  # over which the success rate is counted, today included


@dataclass(frozen=True)
class DaysOfTrades:
    """The trades that were won or lost on the days from `first` to `last` (UTC); net in US dollars."""

    first: date
    last: date
    trades: int
    wins: int
    net: Decimal

    @property
    def loses(self) -> bool:
        """Whether they lost money together; False where the sum is no number."""
        return not self.net.is_nan() and self.net < 0

    @property
    def rate(self) -> float | None:
        """The share of trades that were won, in percent; None without a trade."""
        return 100 * self.wins / self.trades if self.trades else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of that share (Wilson), in percent."""
        return wilson_interval(self.wins, self.trades)


@dataclass(frozen=True)
class DeskOverview:
    """All of it. Times are UTC, money is US dollars, shares are percent.

    Attributes:
        at: when it was read.
        open: alerts that fire and failures that are not healed, the worst first.
        today: what waits, what was settled and how late; the columns of `web/measure_today`.
        results: today.
        weeks: the last weeks, the oldest first; the last one is unfinished.
        month: the last RATE_DAYS days.
        waiting: days of these weeks whose kept figures are behind their trades, until roll_up_stats runs.
        ages: of each kind of data, what is late first; none without the settings.
        costs: of the model, this month; `budget` is for a day, None: there is none, or no settings.
        backup, drill: the newest of each; None: there is none.
        unreadable: why the settings cannot be read; empty: they are.
        away: why nobody knows when data is due; empty: it is known.
    """

    at: datetime
    open: Sequence[OpenAlert]
    today: Row[Any]
    results: DaysOfTrades
    weeks: Sequence[DaysOfTrades]
    month: DaysOfTrades
    waiting: int
    ages: Sequence[DataAge]
    costs: MonthForecast
    budget: Decimal | None
    backup: Row[Any] | None
    drill: Row[Any] | None
    unreadable: str
    away: str

    @property
    def late(self) -> list[DataAge]:
        """Data that is older than promised, or is not there."""
        return [age for age in self.ages if age.is_lacking]


def read_desk_overview(engine: Engine, host: DeskHost) -> DeskOverview:
    """Read it all; what needs settings or schedules that are not there is left out. Raises DatabaseError."""
    unreadable = away = ""
    settings: Settings | None = None
    schedules: Mapping[str, DagSchedule] = {}
    try:
        settings = host.settings()
    except SettingsError as error:
        unreadable = str(error)
    try:
        schedules = host.schedules()
    except DatabaseError as error:
        away = str(error)
    alerts = read_overview(engine)
    with engine.connect() as connection:
        now = connection.execute(sql("web/measure_today")).one()
        day = now.at.astimezone(UTC).date()
        newest = {row.what: row for row in connection.execute(sql("web/read_newest_backup"))}
        ages = compare_ages(read_newest(connection), schedules, settings) if settings else []
        costs = read_costs(connection, day, 1)
        monday = day - timedelta(days=day.weekday())
        rate_from = day - timedelta(days=RATE_DAYS - 1)
        first = min(monday - timedelta(weeks=WEEKS - 1), rate_from)
        kept = connection.execute(sql("trades/find_rolled_up"), {"first": first, "last": day}).one()
        window = {"first": first, "live_from": kept.live_from}
        days = {row.day: row for row in connection.execute(sql("web/sum_days"), window)}
    return DeskOverview(
        at=now.at,
        open=alerts.open,
        today=now,
        results=_sum(days, day, day),
        weeks=[
            _sum(days, begin, min(begin + timedelta(days=6), day))
            for begin in (monday - timedelta(weeks=back) for back in range(WEEKS - 1, -1, -1))
        ],
        month=_sum(days, rate_from, day),
        waiting=kept.waiting,
        ages=ages,
        costs=costs.month,
        budget=settings.llm_daily_budget_usd if settings else None,
        backup=newest.get("backup"),
        drill=newest.get("drill"),
        unreadable=unreadable,
        away=away,
    )


def _sum(days: Mapping[date, Row[Any]], first: date, last: date) -> DaysOfTrades:
    rows = [row for day, row in days.items() if first <= day <= last]
    return DaysOfTrades(
        first,
        last,
        sum(int(row.trades) for row in rows),
        sum(int(row.wins) for row in rows),
        sum((row.net for row in rows), Decimal(0)),
    )
