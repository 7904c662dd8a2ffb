"""A user's statistics as programs read them: the kept row, its parts, and the KPIs of the day.

What the figures mean is said in docs/statistics.md. Nothing is made up: what was not measured is null, and
the equity curve has a point for each day on which trades were settled, and for no other.
"""

import functools
import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Engine, TextClause

from include.database import composed_sql
from include.json_rows import Number, ShownRow, object_sql, value_sql
from include.kept_answers import find_or_make, keep

KPI_AGE = timedelta(minutes=1)  # the KPIs of a day under way are measured anew after this


class ShownPerformance(ShownRow):
    """The row of a user in atge_performance_cache; docs/statistics.md has the definitions."""

    user_id: UUID
    total_trades: int
    winning_trades: int
    losing_trades: int
    success_rate: Number | None
    total_profit_loss: Number | None
    total_profit: Number | None
    total_loss: Number | None
    average_win: Number | None
    average_loss: Number | None
    best_trade_id: UUID | None
    best_trade_profit: Number | None
    worst_trade_id: UUID | None
    worst_trade_loss: Number | None
    sharpe_ratio: Number | None
    max_drawdown: Number | None
    profit_factor: Number | None
    win_loss_ratio: Number | None
    avg_galaxy_score_wins: Number | None
    avg_galaxy_score_losses: Number | None
    social_correlation: Number | None
    last_calculated_at: datetime | None
    created_at: datetime | None
    updated_at: datetime | None
    sharpe_ratio_annualised: Number | None


class ShownPart(ShownRow):
    """Settled trades that have something in common."""

    total_trades: int
    winning_trades: int
    losing_trades: int
    success_rate: Number | None
    total_profit_loss: Number | None
    average_profit_loss: Number | None


class ShownSymbolPart(ShownPart):
    """Settled trades of a symbol."""

    symbol: str


class ShownTimeframePart(ShownPart):
    """Settled trades of a timeframe."""

    timeframe: str


class ShownDirectionPart(ShownPart):
    """Settled trades of a direction."""

    direction: str


class ShownModelPart(ShownPart):
    """Settled trades of a model; null: it is not known."""

    ai_model: str | None


class ShownEquityPoint(ShownRow):
    """A day (UTC) on which trades were settled: their profit or loss, and the sum up to its end."""

    day: date | None
    total_trades: int
    profit_loss: Number | None
    equity: Number | None


class ShownKpi(ShownRow):
    """A figure of the platform on a day, its target and whether that was met; null: nothing was measured."""

    kpi: str
    value: Number | None
    target: str | None
    met: bool | None


class ShownKpiDay(ShownRow):
    """The KPIs of a day (UTC)."""

    day: date
    unfinished: bool
    figures: list[ShownKpi]


@dataclass(frozen=True)
class Statistics:
    """A user's statistics, in JSON.

    Attributes:
        performance: the kept row; None: nothing was ever calculated for the user.
        refresh_pending: trades have changed since; the next sweep calculates the row anew.
        breakdown: an object with `bySymbol, byTimeframe, byDirection, byModel, equityCurve`.
        kpis: an array: the KPIs of today so far, and of the last day that was rolled up.
        version: another one whenever any of these is.
        kpis_until: when the KPIs are measured anew, by `time.monotonic()`.
    """

    performance: str | None
    refresh_pending: bool
    breakdown: str
    kpis: str
    version: str
    kpis_until: float


def read_statistics(engine: Engine, user: UUID, *, exact: bool = False) -> Statistics:
    """Read a user's statistics; the parts are worked out when a trade has changed, and then kept."""
    name = "statistics exact" if exact else "statistics"
    began = time.monotonic()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        found = connection.execute(_find_statement(exact), {"user": user, "name": name}).one()
        breakdown = found.breakdown
        if breakdown is None:
            breakdown = connection.execute(_break_down_statement(exact), {"user": user}).scalar_one()
            keep(connection, name, str(user), found.version, breakdown)
        kpis = find_or_make(
            connection,
            "kpis exact" if exact else "kpis",
            "all",
            KPI_AGE,
            lambda: str(connection.execute(_kpi_statement(exact)).scalar_one()),
        )
    version = f"{found.version} {kpis.made_at.isoformat()} {exact}"
    until = began + (KPI_AGE - kpis.age).total_seconds()
    return Statistics(found.performance, found.refresh_pending, breakdown, kpis.body, version, until)


@functools.cache
def _find_statement(exact: bool) -> TextClause:
    return composed_sql(
        "trades/find_statistics", performance=object_sql(ShownPerformance, "cache", exact=exact)
    )


@functools.cache
def _break_down_statement(exact: bool) -> TextClause:
    parts = {
        "symbol": ShownSymbolPart,
        "timeframe": ShownTimeframePart,
        "direction": ShownDirectionPart,
        "model": ShownModelPart,
        "day": ShownEquityPoint,
    }
    return composed_sql(
        "trades/break_down_statistics",
        **{name: object_sql(model, "grouped", exact=exact) for name, model in parts.items()},
    )


@functools.cache
def _kpi_statement(exact: bool) -> TextClause:
    return composed_sql("trades/read_kpis", value=value_sql("value", Decimal, exact=exact))
