"""The KPIs of the platform over the last days: what vw_daily_kpis says, figure by figure."""

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, Engine

from include.database import sql
from include.kept_answers import find_or_make
from include.trades.statistics import KPI_AGE

KPI_DAYS = 90


@dataclass(frozen=True)
class KpiDay:
    """A figure on a day (UTC); `value` None: nothing was measured; `met` None: no target, or no value."""

    day: date
    value: Decimal | None
    met: bool | None
    unfinished: bool


@dataclass(frozen=True)
class KpiHistory:
    """A figure, its newest target in words (None: it has none), and the days that there are, in order."""

    kpi: str
    target: str | None
    days: tuple[KpiDay, ...]

    @property
    def limit(self) -> float | None:
        """The number in the target."""
        return float(self.target.rsplit(" ", 1)[1]) if self.target else None

    def on(self, day: date) -> KpiDay | None:
        """The figure on that day; None: the day was not rolled up."""
        return next((one for one in self.days if one.day == day), None)


def read_kpi_history(engine: Engine) -> tuple[KpiHistory, ...]:
    """Read the figures of the last 90 days. Today's are unfinished, and measured once in a minute at most."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        kept = find_or_make(connection, "kpi history", "all", KPI_AGE, lambda: _measure(connection))
    histories: dict[int, list[list[str | bool | None]]] = {}
    for row in json.loads(kept.body):
        histories.setdefault(row[0], []).append(row[1:])
    return tuple(
        KpiHistory(
            kpi=str(rows[-1][0]),
            target=None if rows[-1][2] is None else str(rows[-1][2]),
            days=tuple(
                KpiDay(
                    date.fromisoformat(str(day)),
                    None if value is None else Decimal(str(value)),
                    None if met is None else bool(met),
                    bool(unfinished),
                )
                for _, value, _, met, day, unfinished in rows
            ),
        )
        for _, rows in sorted(histories.items())
    )


def _measure(connection: Connection) -> str:
    rows = connection.execute(sql("trades/read_kpi_history"), {"days": KPI_DAYS})
    return json.dumps(
        [
            [row.place, row.kpi, None if row.value is None else str(row.value), row.target, row.met,
             row.day.isoformat(), row.unfinished]
            for row in rows
        ]
    )  # fmt: skip
