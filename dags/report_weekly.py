"""### Reports on the week that is over, from Monday to Sunday

Every Monday at 06:20 (UTC): the week against the one before it and the mean of the four before it,
sent by the channels that the setting `report_channels` names for `weekly`.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag

from include.airflow.dag import dag_defaults, explained
from include.airflow.report_tasks import NEXT_REPORT_STEP, REPORT_DOC, make_report, report_form
from include.airflow.tags import Effect, Subject, tagged

DAG_ID = "report_weekly"


@dag(
    dag_id=DAG_ID,
    schedule="20 6 * * 1",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=8),
    params=report_form(),
    **explained(f"{__doc__}{REPORT_DOC}"),
    **tagged(Subject.REPORTS, Effect.SENDS, Effect.DESTROYS),  # its last task deletes old reports
    **dag_defaults(owner="operations", area="database", freezes_with="work", next_step=NEXT_REPORT_STEP),
)
def report_weekly() -> None:
    """Wire the steps."""
    make_report("weekly", DAG_ID)


report_weekly()
