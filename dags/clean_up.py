"""### Takes old rows out of the database: into the archive first, and only then away

Every day at 02:00 (UTC), table by table: rows that are over their time go into Parquet files below the
setting `archive_location`, are read back and compared, and then deleted, in short transactions that stop
nobody. Errors are kept for 90 days, metrics and probe results for 30, audit results for a year; feedback and
trades are kept for good, candles too unless `keep_candles` says otherwise (then whole months are detached and
dropped).

| task | what |
|---|---|
| `choose` | which tables have rows over their time, and how many |
| `clean` | one table each; stops after 45 minutes, and the next run goes on |
| `report` | what was archived and deleted |

The nightly run cleans. Every other run, by hand, by the API, by another DAG or as a backfill, does what its
form or `conf` says, and is a **dry run** where they say nothing. A run that dies, or is cleared, goes on
where it stopped: nothing is deleted before its archive is proven. How to query the archive and to load rows
back: `docs/retention.md`.

A form filled in, as `conf`: `{"dry_run": false}`
"""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import dag, get_current_context
from airflow.sdk.exceptions import AirflowFailException
from airflow.task.trigger_rule import TriggerRule

from include.airflow.connections import load_settings, open_database, open_storage, run_url
from include.airflow.dag import dag_defaults, explained
from include.airflow.forms import dry_run, is_dry_run
from include.airflow.tags import Effect, Subject, tagged
from include.airflow.task import task

DAG_ID = "clean_up"
TIME_LIMIT = timedelta(minutes=45)
NEXT_STEP = (
    "Nothing is lost: rows are deleted only when their archive has been read back. The next run goes on; to "
    "do it now, clear the failed task. docs/retention.md says what to do when an archive is damaged."
)


logger = logging.getLogger(__name__)


@task(area="database")
def choose() -> list[dict[str, Any]]:
    """Count what is over its time; give the tables to clean, and how many rows of each."""
    from include.retention import count_due, retention_rules

    context = get_current_context()
    settings = load_settings()
    if not settings.archive_location:
        raise AirflowFailException(
            "no archive is set, so nothing is deleted: name a folder or s3://bucket/prefix in the setting "
            "archive_location (docs/retention.md)"
        )
    now = context["dag_run"].run_after
    with open_database("retention") as engine:
        counted = [count_due(engine, rule, now) for rule in retention_rules(settings)]
    due = [one for one in counted if one is not None and one.rows]
    for one in due:
        logger.info("%s: %d rows before %s, the oldest of %s", one.table, one.rows, one.cutoff, one.oldest)
    return [{"table": one.table, "rows": one.rows} for one in due]


@task(
    area="database",
    outside=True,
    effect=Effect.DESTROYS,
    max_active_tis_per_dagrun=2,
    map_index_template="{{ task.op_kwargs['due']['table'] }}: {{ task.op_kwargs['due']['rows'] }} rows",
    execution_timeout=timedelta(minutes=59),
)
def clean(due: dict[str, Any]) -> dict[str, Any]:
    """Archive and delete the rows of one table; in a dry run only pass on how many they are."""
    from include.retention import clean_table, retention_rules

    context = get_current_context()
    if only_counts():
        return due
    settings = load_settings()
    (rule,) = (rule for rule in retention_rules(settings) if rule.table == due["table"])
    storage = open_storage(settings.archive_location or "")
    url = run_url(DAG_ID, context["run_id"])
    with open_database("retention") as engine:
        done = clean_table(
            engine, storage, rule, context["dag_run"].run_after, run_url=url, time_limit=TIME_LIMIT
        )
    return {"archived": done.archived, "deleted": done.deleted, "left": done.left} if done else {}


@task(area="database", trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
def report(cleaned: list[dict[str, Any]] | None) -> str:
    """Say in one line what was done, or what a dry run would do."""
    cleaned = list(cleaned or [])
    if only_counts():
        tables = "".join(f"; {one['table']}: {one['rows']}" for one in cleaned)
        rows = sum(one["rows"] for one in cleaned)
        return f"dry run, nothing was touched; rows over their time: {rows}{tables}"
    rows = sum(one.get("deleted", 0) for one in cleaned)
    left = sum(one.get("left", 0) for one in cleaned)
    return f"rows archived and deleted: {rows}; tables left for the next run: {left}"


def only_counts() -> bool:
    """Only the nightly run cleans of itself; every other does what its form or conf says."""
    return get_current_context()["dag_run"].run_type != "scheduled" and is_dry_run()


@dag(
    dag_id=DAG_ID,
    schedule="0 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=4),
    params=dry_run("Only count what would go. The nightly run really deletes."),
    **explained(__doc__),
    **tagged(Subject.SAFEKEEPING, Effect.DESTROYS),
    **dag_defaults(owner="data", area="database", freezes_with="work", next_step=NEXT_STEP),
)
def clean_up() -> None:
    """Wire the steps."""
    due = choose()
    due >> report(clean.expand(due=due))


clean_up()
