"""The sweep's deadline: one alert for a run that has not finished in time, whatever keeps it.

The scheduler notices the miss and the triggerer runs the callback, so that it needs no free worker: the sweep
may be waiting for one. (A SyncCallback runs in a worker, where Airflow 3.3.2 lets it read neither connections
nor variables.) Only what the schedule has made in time can be late: a run by hand, a backfill, and the run
that a starting stack makes for a time that has passed have a deadline in Airflow's books as well, and nobody
waited for them. That trades wait all the same, the alert rule sweep_stalled says.
"""

import asyncio
import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
from airflow.sdk import (  # type: ignore[attr-defined]  # Airflow's own stub lacks them
    AsyncCallback,
    DeadlineAlert,
    DeadlineReference,
)

from include.airflow.callbacks import PLATFORM
from include.airflow.connections import open_database, run_url
from include.alerts import Failure
from include.alerts.reporting import report_failure
from include.words import in_numbers

logger = logging.getLogger(__name__)

PUNCTUAL = timedelta(minutes=1)  # after it was due; a run that was made later than that was made too late
STARTING = timedelta(minutes=10)  # in which everything that has just been started is slow


def finish_within(interval: timedelta, *, owner: str, next_step: str) -> DeadlineAlert:
    """Make the `deadline` of a DAG that settles trades: `interval` after each run was due.

    A run that is queued and never started is late too. `owner` and `next_step` are for the message.
    """
    return DeadlineAlert(
        name=f"finished {interval} after it was due",
        reference=DeadlineReference.DAGRUN_LOGICAL_DATE,
        interval=interval,
        callback=AsyncCallback(report_late_sweep, kwargs={"owner": owner, "next_step": next_step}),
    )


async def report_late_sweep(context: Mapping[str, Any], owner: str, next_step: str) -> None:
    """Tell that a run missed its deadline, unless it had ended by then; Airflow's triggerer calls this.

    A failed run keeps its deadline (only success takes it away), so its end decides. Called again, after a
    restart of the triggerer, it finds its row in `atge_error_logs` and tells nothing.
    """
    run, deadline = context["dag_run"], _time(context["deadline"]["deadline_time"])
    if run["end_date"] is not None and _time(run["end_date"]) <= deadline:
        logger.info("%s ended in time, as %s: nothing to tell", run["dag_run_id"], run["state"])
        return
    if why := _excuse(run):
        logger.info("%s is not late: %s", run["dag_run_id"], why)
        return
    # The database and Slack are asked in a thread: the triggerer has other triggers to attend to.
    await asyncio.to_thread(_report, run, deadline, owner, next_step)


def _excuse(run: Mapping[str, Any]) -> str | None:
    """Why a run that missed its deadline is not late; None: it is."""
    if run.get("run_type", "scheduled") != "scheduled":
        return f"it is a {run['run_type']} run, and due at no time"
    if run.get("queued_at") is None:
        return None
    made = _time(run["queued_at"])
    if made - _time(run["logical_date"]) > PUNCTUAL:
        return f"it was made at {made:%H:%M:%S} UTC, after its time: the stack was down, or the scheduler"
    began = datetime.fromtimestamp(psutil.Process(os.getpid()).create_time(), UTC)
    if began <= made <= began + STARTING:
        return f"the stack was starting: this process began at {began:%H:%M:%S} UTC"
    return None


def _report(run: Mapping[str, Any], deadline: datetime, owner: str, next_step: str) -> None:
    due = _time(run["logical_date"])
    doing = {"queued": "has not started", "running": "is still running"}.get(run["state"], "has ended since")
    message = (
        f"the sweep due at {due:%Y-%m-%d %H:%M} UTC was not finished {_minutes(deadline - due)} later; "
        f"it {doing}. {_waiting()}"
    )
    report_failure(
        PLATFORM,
        Failure(
            dag_id=run["dag_id"],
            run_id=run["dag_run_id"],
            owner=owner,
            error=message,
            url=run_url(run["dag_id"], run["dag_run_id"]),
            next_step=next_step,
            area="backtesting",
            late=True,
            severity="critical",  # told from here: the workers that deliver other alerts may be what is stuck
        ),
    )


def _waiting() -> str:
    from include.trades.claim import count_waiting

    try:
        with open_database("deadline") as engine:
            count = count_waiting(engine)
    except Exception as error:
        # The alert matters more than its number; report_failure copes with a database that is away.
        logger.exception("the waiting trades could not be counted")
        return f"How many trades wait could not be counted: {error}"
    return f"{in_numbers(count, 'trade')} {'is' if count == 1 else 'are'} waiting"


def _minutes(interval: timedelta) -> str:
    minutes = interval.total_seconds() / 60
    return "1 minute" if minutes == 1 else f"{minutes:g} minutes"


def _time(value: datetime | str) -> datetime:
    """The triggerer's context holds the run's times as text and the deadline as a time."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)
