"""### Looks at SEC, FRED, BLS and Census

Every hour, all four at once: does each answer, how fast, is its newest filing or observation there when its
publication calendar says so, is anything missing, and how much of its quota have all machines used? The
answer is healthy, degraded or down with a reason: a row of `probe_results`, a line in the task's log, and
**Probes** in the menu.

A look costs little of what it watches: one request (FRED three), BLS a few times a day; in between, the last
answer counts and its age is said. An API without a connection is not asked, and that is said too. A service
that is down fails nothing here: alert rules read the rows. Calendars, limits and traps: `docs/probes.md`.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag

from include.airflow.connections import endpoint_if_any, load_settings, open_database, run_url
from include.airflow.dag import dag_defaults, explained
from include.airflow.tags import Subject, tagged
from include.airflow.task import task

DAG_ID = "probe_government"
EVERY = timedelta(hours=1)
NEXT_STEP = (
    "Nothing was changed; the next round is in an hour. That a service is down fails no task: this is about "
    "the looking itself. The task's log has the results and the reason; docs/probes.md explains them."
)


@task(area="api", outside=True, pool="probes", execution_timeout=timedelta(minutes=5))
def ask_government(this_run: str) -> dict[str, list[str]]:
    """Ask all at once, store the results; give the names by status."""
    from include.probes import ProbeContext, make_probes, run_round, summarise

    settings = load_settings()
    with open_database("probes") as engine:
        probes = make_probes(ProbeContext("government", engine, settings, endpoint_if_any))
        share = settings.probe_quota_share
        return summarise(
            run_round(engine, probes, every=EVERY, quota_share=share, run_url=run_url(DAG_ID, this_run))
        )


@dag(
    dag_id=DAG_ID,
    schedule="7 * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=20),
    **explained(__doc__),
    **tagged(Subject.PROBES),
    **dag_defaults(owner="platform", area="api", freezes_with="probes", next_step=NEXT_STEP),
)
def probe_government() -> None:
    """Wire the one step."""
    ask_government("{{ run_id }}")


probe_government()
