"""A run that has not finished when it should have: whether it is late, and the failure that says so."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from include.alerts.failures import Failure
from include.freeze import Freeze
from include.humanize import count_text

PUNCTUALITY = timedelta(minutes=1)  # a run that was made so long after it was due was made too late
CATCHING_UP = timedelta(minutes=30)  # after a freeze, in which sweeps take what has waited
STARTING_TIME = timedelta(minutes=10)  # in which everything that has just been started is slow


def excuse_of(run: Mapping[str, Any], process_began: datetime, freezes: Iterable[Freeze] = ()) -> str | None:
    """Say why a run that missed its deadline is not late; None: it is.

    Args:
        run: as Airflow describes it: run_type, logical_date, queued_at.
        process_began: when the process that asks was started, with the rest of the stack.
        freezes: the last ones, times tz-aware UTC.
    """
    if run.get("run_type", "scheduled") != "scheduled":
        return f"it is a {run['run_type']} run, and due at no time"
    if run.get("queued_at") is None:
        return None
    made = time_of(run["queued_at"])
    if made - time_of(run["logical_date"]) > PUNCTUALITY:
        return f"it was made at {made:%H:%M:%S} UTC, after its time: the stack was down, or the scheduler"
    if process_began <= made <= process_began + STARTING_TIME:
        return f"the stack was starting: this process began at {process_began:%H:%M:%S} UTC"
    for freeze in freezes:
        if freeze.begins_at <= made <= freeze.over_at + CATCHING_UP:
            return f"it was {freeze.words}"
    return None


def late_failure(
    run: Mapping[str, Any],
    deadline: datetime,
    *,
    waiting: int | Exception,
    owner: str,
    url: str,
    next_step: str,
) -> Failure:
    """Write down that a sweep is late.

    Args:
        run: as Airflow describes it: dag_id, dag_run_id, logical_date, state.
        deadline: the time by which it should have ended.
        waiting: how many trades wait, or why they could not be counted.
        owner: who looks after it.
        url: opens the run.
        next_step: what happens now, or what to do.
    """
    due = time_of(run["logical_date"])
    doing = {"queued": "has not started", "running": "is still running"}.get(run["state"], "has ended since")
    return Failure(
        dag_id=run["dag_id"],
        run_id=run["dag_run_id"],
        error=f"the sweep due at {due:%Y-%m-%d %H:%M} UTC was not finished {_minutes_text(deadline - due)} "
        f"later; it {doing}. {_waiting_text(waiting)}",
        area="backtesting",
        late=True,
        severity="critical",  # sent from here: the workers that deliver other alerts may be what is stuck
        owner=owner,
        url=url,
        next_step=next_step,
    )


def time_of(value: datetime | str) -> datetime:
    """The triggerer's context holds the run's times as text and the deadline as a time."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def _waiting_text(waiting: int | Exception) -> str:
    if isinstance(waiting, Exception):
        return f"How many trades wait could not be counted: {waiting}"
    return f"{count_text(waiting, 'trade')} {'is' if waiting == 1 else 'are'} waiting"


def _minutes_text(interval: timedelta) -> str:
    minutes = interval.total_seconds() / 60
    return "1 minute" if minutes == 1 else f"{minutes:g} minutes"
