"""### Looks after the platform's database, each week; reviews it each month

Every Sunday at 05:00 (UTC) tables are analyzed and vacuumed where it pays, and the report says how large
tables are, how they grow, and when the disk will be full. On the first Sunday of a month, or when the form
says so, the report is a review too: indexes that nobody uses or that repeat each other, tables that are read
from end to end, slow statements.

| task | what |
|---|---|
| `note_sizes` | today's size of each table, for the growth |
| `tend` | VACUUM and ANALYZE where it pays; neither keeps anybody waiting, what is locked is left out |
| `report` | the report: in the menu under **Database upkeep**, and a row of `maintenance_reports` |

Any task may be cleared and run again. What each finding means: `docs/maintenance.md`.

A form filled in, as `conf`: `{"review": true}`
"""

import logging
from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, dag, get_current_context

from include.airflow.connections import load_settings, open_database, run_url
from include.airflow.dag import dag_defaults, explained
from include.airflow.forms import Form, read_form
from include.airflow.tags import Subject, tagged
from include.airflow.task import task

DAG_ID = "maintain_database"
TIME_LIMIT = timedelta(minutes=45)
NEXT_STEP = "Nothing is lost; clear the failed task, or wait for the next run. docs/maintenance.md explains."

logger = logging.getLogger(__name__)


class ReviewForm(Form):
    """Whether the report is a review, whatever the day."""

    review: bool


@task(area="database")
def note_sizes() -> int:
    """Write down today's sizes."""
    from include.maintenance import note_table_sizes

    with open_database("maintenance") as engine:
        return note_table_sizes(engine)


@task(area="database", execution_timeout=timedelta(minutes=59))
def tend() -> list[dict[str, str | float]]:
    """Vacuum and analyze; give what was done."""
    from dataclasses import asdict

    from include.maintenance import vacuum_tables

    with open_database("maintenance") as engine:
        return [asdict(one) for one in vacuum_tables(engine, time_limit=TIME_LIMIT)]


@task(area="database")
def report(vacuumed: list[dict[str, str | float]]) -> dict[str, int]:
    """Inspect the database and store the report; give the number of findings."""
    from include.files import free_bytes_of_volume
    from include.maintenance import VacuumedTable, inspect_database, store_report

    context = get_current_context()
    first_sunday = context["dag_run"].run_after.day <= 7
    kind = "monthly" if first_sunday or read_form(ReviewForm).review else "weekly"
    with open_database("maintenance") as engine:
        free = free_bytes_of_volume(load_settings().database_volume)
        done = [VacuumedTable(**one) for one in vacuumed]
        found = inspect_database(engine, kind, run_url(DAG_ID, context["run_id"]), done, free)
        store_report(engine, found)
    for one in found.findings:
        logger.info("%s: %s -> %s", one.severity, one.words, one.remedy)
    return {"findings": len(found.findings)}


@dag(
    dag_id=DAG_ID,
    schedule="0 5 * * 0",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=2),
    params={
        "review": Param(
            False,
            type="boolean",
            title="Review",
            description="Look at indexes and statements as well.",
        )
    },
    **explained(__doc__),
    **tagged(Subject.SAFEKEEPING),
    **dag_defaults(owner="data", area="database", freezes_with="work", next_step=NEXT_STEP),
)
def maintain_database() -> None:
    """Wire the steps."""
    vacuumed = tend()
    note_sizes() >> vacuumed
    report(vacuumed)


maintain_database()
