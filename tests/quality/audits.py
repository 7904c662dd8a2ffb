"""The audit in tests: a day, trades settled on it, and what a suite found."""

from datetime import UTC, date, datetime

from sqlalchemy import Engine

from include.quality import read_day
from include.settings import Settings
from include.trades.claim import claim_due
from include.trades.settle import settle_batch
from tests.support.trades import SETTINGS, run

DAY = date(2026, 3, 3)
RUN = "http://airflow/dags/audit_data_quality/runs/one"


def settle(database: Engine, settings: Settings = SETTINGS, day: date = DAY) -> None:
    """Settle what is due, as the sweep does, and let it be done on the audited day."""
    for batch in claim_due(database, "sweep", settings).batches:
        settle_batch(database, "sweep", batch, settings)
    run(
        database,
        "UPDATE trade_signals SET completed_at = :at",
        at=datetime.combine(day, datetime.min.time(), UTC),
    )


def unmet(database: Engine, suite: str, day: date = DAY) -> dict[str, tuple[str, ...]]:
    """The faults that a suite found on a day, each with its examples."""
    return {
        check.fault: check.examples
        for result in read_day(database, day, limit=1000)
        if result.validation.suite == suite
        for check in result.validation.checks
        if not check.success
    }
