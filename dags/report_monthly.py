"""### Reports on the month that is over

On the first of each month at 06:40 (UTC): the month against the one before it and the mean of the four
before it, sent by the channels that the setting `report_channels` names for `monthly`.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag

from include.airflow.dag import dag_defaults, explained
from include.airflow.report_tasks import NEXT_REPORT_STEP, REPORT_DOC, make_report, report_form
from include.airflow.tags import Effect, Subject, tagged

DAG_ID = "report_monthly"


@dag(
    dag_id=DAG_ID,
    schedule="40 6 1 * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=8),
    params=report_form(),
    **explained(f"{__doc__}{REPORT_DOC}"),
    **tagged(Subject.REPORTS, Effect.SENDS, Effect.DESTROYS),  # its last task deletes old reports
    **dag_defaults(owner="operations", area="database", freezes_with="work", next_step=NEXT_REPORT_STEP),
)
def report_monthly() -> None:
    """Wire the steps."""
    make_report("monthly", DAG_ID)


report_monthly()
