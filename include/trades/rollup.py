"""Rolling up days (UTC): `daily_trade_stats` and the KPI row of each, in step with the users' statistics.

The work is done by the function roll_up_day in the database, one transaction a day. Triggers note in
`daily_stats_due` which days have changed since; `due_days` lists them. Definitions: docs/statistics.md.
"""

import logging
from collections.abc import Iterable
from datetime import date, timedelta

import stamina
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from include.database import sql, statement_timeout
from include.humanize import count_text

logger = logging.getLogger(__name__)

MAX_ROLLUP_DAYS = 366  # in one run
DUE_DAYS = 100  # brought up to date by one run, the newest first; the rest waits for the next
ROLLUP_TIME = timedelta(minutes=10)  # for one day
ROLLUP_ATTEMPTS = 5

DAY_NOT_OVER = "TU001"  # see sql/functions/roll_up_day.sql
DISAGREEMENT = "TU002"
SERIALISATION_FAILURE = "40001"
DEADLOCK = "40P01"


class DayNotOverError(ValueError):
    """A day was to be rolled up that has not ended yet; the message says from when on it can be."""


class DisagreementError(RuntimeError):
    """Daily rows that do not add up to the users' statistics were not published; the message says which."""


def due_days(engine: Engine) -> list[date]:
    """List the days whose trades have changed since they were rolled up: up to 100, the newest first."""
    with engine.connect() as connection:
        return list(connection.execute(sql("trades/list_due_days"), {"limit": DUE_DAYS}).scalars())


def roll_up_days(engine: Engine, days: Iterable[date]) -> int:
    """Bring the rows of these days up to date; answer how many rows of `daily_trade_stats` changed.

    One transaction a day: killed in between, the days before are done. A day that was rolled up and has not
    changed since stays as it is, to the row. A day that disagrees with the users' statistics keeps its old
    rows and holds no other day up.

    Raises:
        DayNotOverError: a day has not ended yet; the days before it are done.
        DisagreementError: after all days, when one or more did not agree with `atge_performance_cache`.
    """
    changed, disagreements = 0, []
    for day in days:
        try:
            rows = _roll_up(engine, day)
        except DisagreementError as disagreement:
            logger.error("%s", disagreement)
            disagreements.append(str(disagreement))
        else:
            logger.info("%s: %s changed", day, count_text(rows, "row"))
            changed += rows
    if disagreements:
        raise DisagreementError(" ".join(disagreements[:3]) + _more(disagreements[3:]))
    return changed


def _more(days: list[str]) -> str:
    return f" And {len(days)} more days, see the log." if days else ""


def _roll_up(engine: Engine, day: date) -> int:
    for attempt in stamina.retry_context(on=_may_be_retried, attempts=ROLLUP_ATTEMPTS, wait_initial=0.2):
        one_moment = engine.execution_options(isolation_level="REPEATABLE READ")
        with attempt, one_moment.begin() as connection:
            _wait_for_others(connection)
            changed = _call(connection, day)
    return changed


def _wait_for_others(connection: Connection) -> None:
    """Let one day be rolled up at a time: the days share the users' sums. Waiting takes no snapshot yet."""
    connection.execute(text(f"SET LOCAL lock_timeout = '{ROLLUP_TIME.total_seconds():.0f}s'"))
    connection.execute(text("LOCK TABLE daily_stats_totals IN SHARE ROW EXCLUSIVE MODE"))


def _call(connection: Connection, day: date) -> int:
    statement_timeout(connection, ROLLUP_TIME)
    try:
        return int(connection.execute(text("SELECT roll_up_day(:day)"), {"day": day}).scalar_one())
    except DBAPIError as error:
        kind = {DAY_NOT_OVER: DayNotOverError, DISAGREEMENT: DisagreementError}.get(_sqlstate(error))
        if kind is None:
            raise
        raise kind(error.orig.diag.message_primary) from error  # type: ignore[union-attr]


def _may_be_retried(error: Exception) -> bool:
    """Whether another transaction was quicker: a sweep, a replay, or a run for another day."""
    return isinstance(error, DBAPIError) and _sqlstate(error) in (SERIALISATION_FAILURE, DEADLOCK)


def _sqlstate(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", ""))
