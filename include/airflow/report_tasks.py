"""The tasks that all DAGs of reports have: figure, draw, store, send by each channel, forget old ones."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Param, get_current_context
from airflow.sdk.exceptions import AirflowFailException

from include.airflow.connections import (
    load_settings,
    open_database,
    open_storage,
    public_url,
    read_connection_if_any,
    run_url,
)
from include.airflow.forms import Form, form_refused_on, read_form
from include.airflow.tags import Effect
from include.airflow.task import note_done, task
from include.settings import Settings
from include.settings.reader import SETTINGS_VARIABLE

if TYPE_CHECKING:
    from include.reports.build import ReportKey
    from include.reports.periods import Kind
    from include.reports.send import ReportChannel
    from include.storage import Storage

REPORTS_POOL = "reports"
REPORT_TIMEOUT = timedelta(minutes=20)
SEND_RETRIES: dict[str, Any] = {  # a mail server that is away for an hour or two
    "retries": 6,
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=40),
}
NEXT_REPORT_STEP = (
    "A report that is stored is kept, and was sent by the channels whose tasks are green. Clear the failed "
    "task: it goes on, and sends nothing twice. docs/reports.md says what each message means."
)

REPORT_DOC = """
Figures of business, health, errors, performance, cost, capacity with a forecast, and security. Stored first,
as JSON, HTML and pictures below the setting `report_location`; then sent.

| task | what |
|---|---|
| `build` | figures everything at one moment of the database, and keeps it as the one report on the period |
| `draw` | draws the charts into the storage |
| `store` | stores figures and HTML beside them |
| `send` | one for each channel: what was sent is not sent again, and one that fails holds up no other |
| `forget` | deletes reports that are over `keep_reports` |

Run twice, there is one report, sent once. With **build again** the form makes a new version of one that is
there, with what came later; with **send again** it sends once more. Past reports: the page **Reports** of
the desk. More: `docs/reports.md`.

A form filled in, as `conf`: `{"day": "2026-11-20", "build_again": true}`
"""


class ReportForm(Form):
    """Which period, and whether a report that is there is built or sent again."""

    day: date | None
    build_again: bool
    send_again: bool


def report_form() -> dict[str, Param]:
    """The form of a report's DAG."""
    return {
        "day": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Day",
            description="A day (UTC) of the period to report on; empty: the last period that is over.",
        ),
        "build_again": Param(
            False,
            type="boolean",
            title="Build again",
            description="Make a new version of one that is there, with what is known by now, and send it.",
        ),
        "send_again": Param(
            False,
            type="boolean",
            title="Send again",
            description="Send it once more by every channel, although it was sent.",
        ),
    }


@task(area="database", execution_timeout=REPORT_TIMEOUT)
def build(kind: "Kind", this_dag: str, this_run: str) -> dict[str, Any]:
    """Figure the report and keep it; one that is there stays, unless the form asks for a new version."""
    from datetime import UTC, datetime

    from include.files import free_bytes_of_volume
    from include.reports import ReportPeriodError, find_period, last_period
    from include.reports.build import build_report

    form, settings = read_form(ReportForm), load_settings()
    _location(settings)
    with form_refused_on(ReportPeriodError):
        period = (
            find_period(kind, form.day, datetime.now(UTC))
            if form.day
            else last_period(kind, get_current_context()["dag_run"].run_after)
        )
    with open_database("report") as engine:
        key = build_report(
            engine,
            period,
            settings,
            free_bytes=free_bytes_of_volume(settings.database_volume),
            run_url=run_url(this_dag, this_run),
            again=form.build_again,
        )
    return {"id": str(key.id), "version": key.version}


@task(area="database", outside=True, pool=REPORTS_POOL, execution_timeout=REPORT_TIMEOUT)
def draw(report: dict[str, Any]) -> list[str]:
    """Draw the charts into the storage; give the names of their files."""
    from include.reports.store import draw_report

    with open_database("report") as engine:
        return draw_report(engine, _open_reports(), _key(report))


@task(area="database", outside=True, pool=REPORTS_POOL, execution_timeout=REPORT_TIMEOUT)
def store(kind: "Kind", report: dict[str, Any], pictures: list[str]) -> list[str]:
    """Store figures and HTML beside the pictures; give the channels by which the report is sent."""
    from include.reports.store import store_report

    with open_database("report") as engine:
        store_report(engine, _open_reports(), _key(report), pictures, desk_url=desk_url())
    return list(load_settings().report_channels.get(kind, ()))


@task(
    area="api",
    outside=True,
    pool="alerts",
    effect=Effect.SENDS,
    map_index_template="{{ task.op_kwargs['channel'] }}{{ ': ' ~ done if done is defined else '' }}",
    execution_timeout=timedelta(minutes=10),
    **SEND_RETRIES,
)
def send(report: dict[str, Any], channel: "ReportChannel", this_dag: str, this_run: str) -> str:
    """Send the report by one channel, unless it was; say what happened."""
    from include.reports.send import send_report

    with open_database("report") as engine:
        said = send_report(
            engine,
            _open_reports(),
            _key(report),
            channel,
            read_connection_if_any,
            desk_url=desk_url(),
            run_url=run_url(this_dag, this_run),
            again=read_form(ReportForm).send_again,
        )
    note_done("sent")
    return said


@task(
    area="database",
    outside=True,
    pool=REPORTS_POOL,
    effect=Effect.DESTROYS,
    execution_timeout=REPORT_TIMEOUT,
)
def forget() -> int:
    """Delete reports that are over their time, with their files; give their number."""
    from datetime import UTC, datetime

    from include.reports.store import forget_reports

    settings = load_settings()
    if settings.keep_reports is None:
        return 0
    with open_database("report") as engine:
        return forget_reports(engine, _open_reports(), datetime.now(UTC).date() - settings.keep_reports)


def make_report(kind: "Kind", dag_id: str) -> None:
    """Wire the tasks of a report's DAG."""
    this_run = "{{ run_id }}"
    report = build(kind, dag_id, this_run)
    channels = store(kind, report, draw(report))
    send.partial(report=report, this_dag=dag_id, this_run=this_run).expand(channel=channels)
    channels >> forget()


def desk_url() -> str:
    """The address of the desk, for links in what is sent: below that under which people open this Airflow."""
    return f"{public_url()}/tradeops"


def _open_reports() -> "Storage":
    return open_storage(_location(load_settings()))


def _location(settings: Settings) -> str:
    if not settings.report_location:
        raise AirflowFailException(
            f"There is no place for reports: set report_location in the Variable {SETTINGS_VARIABLE}, a "
            "folder or s3://bucket/prefix. See docs/reports.md."
        )
    return settings.report_location


def _key(report: dict[str, Any]) -> "ReportKey":
    from uuid import UUID

    from include.reports.build import ReportKey

    return ReportKey(UUID(report["id"]), report["version"])
