"""### Looks at what the platform stands on

Every minute, all at once: PostgreSQL, Airflow's parts, workers and broker, the object store, the sources of
candles, the language model, BingX, the IBKR gateway and a Solana node. The answer is healthy, degraded or
down with a reason: a row of `probe_results`, a line in the task's log, and **Probes** in the menu.

Nothing is traded, no token is spent, and nobody is logged in anywhere. What has no connection, or is not in
use, is not asked, and that is said. Who fails is asked once more after 15 seconds. The rules look at the
results 35 seconds after the minute, and messages go out 15 seconds later: so an endpoint that dies is
reported within two minutes. A service that is down fails nothing here: alert rules read the rows.
With PostgreSQL down nothing can be stored: the task fails and says so. More: `docs/probes.md`.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag

from include.airflow.connections import (
    airflow_url,
    broker_url,
    database_url,
    endpoint_if_any,
    load_settings,
    open_database,
    open_storage_if_any,
    run_url,
)
from include.airflow.dag import WATCHER_PRIORITY, dag_defaults, explained
from include.airflow.tags import Subject, tagged
from include.airflow.task import task

DAG_ID = "probe_platform"
EVERY = timedelta(minutes=1)
CONFIRM = timedelta(seconds=15)
STARTING = timedelta(minutes=1)  # in the first round: parts that are still starting are asked again
NEXT_STEP = (
    "Nothing was changed; the next round is in a minute. That a service is down fails no task: this is "
    "about the looking itself, and mostly about PostgreSQL. docs/probes.md explains what the log says."
)


@task(
    area="api",
    outside=True,
    pool="probes",
    priority_weight=WATCHER_PRIORITY,
    execution_timeout=timedelta(minutes=5),
)
def ask_platform(this_run: str) -> dict[str, list[str]]:
    """Ask all at once, store the results; give the names by status."""
    from include.probes import ProbeContext, make_probes, run_round, summarise

    settings = load_settings()
    with open_database("probes") as engine:
        context = ProbeContext(
            "platform",
            engine,
            settings,
            endpoint_if_any,
            database_url=database_url(),
            broker_url=broker_url(),
            airflow_url=airflow_url(),
            open_storage=open_storage_if_any,
        )
        probes = make_probes(context)
        share = settings.probe_quota_share
        return summarise(
            run_round(
                engine,
                probes,
                every=EVERY,
                quota_share=share,
                run_url=run_url(DAG_ID, this_run),
                patience=STARTING,
                confirm=CONFIRM,
            )
        )


@dag(
    dag_id=DAG_ID,
    schedule="* * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=20),
    **explained(__doc__),
    **tagged(Subject.PROBES),
    **dag_defaults(owner="platform", area="api", freezes_with="probes", next_step=NEXT_STEP),
)
def probe_platform() -> None:
    """Wire the one step."""
    ask_platform("{{ run_id }}")


probe_platform()
