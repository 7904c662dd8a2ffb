"""### Reports on the week that is over, from Monday to Sunday

Every Monday at 06:20 (UTC): figures of business, health, errors, performance, cost, capacity with a
forecast, and security, against the week before and the mean of the four before it. Stored first, as JSON,
HTML and pictures below the setting `report_location`; then sent by the channels that the setting
`report_channels` names for `weekly`.

| task | what |
|---|---|
| `build` | figures everything at one moment of the database, and keeps it as the one report on the week |
| `draw` | draws the charts into the storage |
| `store` | stores figures and HTML beside them |
| `send` | one for each channel: what was sent is not sent again, and one that fails holds up no other |
| `forget` | deletes reports that are over `keep_reports` |

Run twice, there is one report, sent once. With **build again** the form makes a new version of one that is
there, with what came later; with **send again** it sends once more. Past reports: the page **Reports** of
the desk. More: `docs/reports.md`.

A form filled in, as `conf`: `{"day": "2026-11-20", "build_again": true}`
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag

from include.airflow.dag import dag_defaults, explained
from include.airflow.report_tasks import NEXT_REPORT_STEP, make_report, report_form
from include.airflow.tags import Effect, Subject, tagged

DAG_ID = "report_weekly"


@dag(
    dag_id=DAG_ID,
    schedule="20 6 * * 1",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=8),
    params=report_form(),
    **explained(__doc__),
    **tagged(Subject.REPORTS, Effect.SENDS, Effect.DESTROYS),  # its last task deletes old reports
    **dag_defaults(owner="operations", area="database", freezes_with="work", next_step=NEXT_REPORT_STEP),
)
def report_weekly() -> None:
    """Wire the steps."""
    make_report("weekly", DAG_ID)


report_weekly()
