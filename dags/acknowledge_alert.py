"""### Takes over an alert: says that somebody is at it

**Acknowledge**, a button on the page [Alerts](/tradeops/alerts), opens its form filled in; by hand,
**trigger** it with the alert's fingerprint, as that page shows it, and for how many hours. The alert does
not escalate in that time, and a cause of failures brings no further message until it ends. Whoever was
notified of the alert is notified of this too; an incident in PagerDuty becomes acknowledged. The name is
that of whoever triggers the run. More: `docs/alerts.md`.

A form filled in, as `conf`: `{"fingerprint": "service_down/critical/kraken", "hours": 4}`
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Param, dag

from include.airflow.connections import open_database
from include.airflow.dag import dag_defaults, explained
from include.airflow.forms import Form, form_refused_on, listed_on, read_form
from include.airflow.tags import Effect, Subject, tagged
from include.airflow.task import task

NEXT_STEP = "Nothing was acknowledged. Read the reason in the task's log, and trigger the DAG again."

FORM = {
    "fingerprint": Param(
        "",
        type="string",
        maxLength=600,
        title="Which alert",
        description_md="Its fingerprint: service_down/critical/…, or failure/…. "
        + listed_on("alerts", "Alerts"),
    ),
    "hours": Param(
        4,
        type="number",
        minimum=0.1,
        maximum=168,
        title="For how many hours",
        description="Then it escalates again if it still fires.",
    ),
}


class AcknowledgementForm(Form):
    """Which alert, and for how long."""

    fingerprint: str
    hours: float


@task(area="database", effect=Effect.SILENCES, retries=1)
def acknowledge(dag_run: Any = None) -> str:
    """Write down who takes care, and until when."""
    from include.alerts.acknowledgement import acknowledge_by_fingerprint

    form, by = read_form(AcknowledgementForm), dag_run.triggering_user_name or "a program"
    with open_database("acknowledge") as engine, form_refused_on(ValueError, LookupError):
        acknowledge_by_fingerprint(engine, form.fingerprint, by, timedelta(hours=form.hours))
    in_hours = "1 hour" if form.hours == 1 else f"{form.hours:g} hours"
    return f"{form.fingerprint}: acknowledged by {by} for {in_hours}"


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=4,
    dagrun_timeout=timedelta(minutes=10),
    params=FORM,
    **explained(__doc__),
    **tagged(Subject.ALERTS, Effect.SILENCES),
    **dag_defaults(
        owner="platform", area="database", freezes_with=None, next_step=NEXT_STEP, severity="info"
    ),
)
def acknowledge_alert() -> None:
    """Wire the one step."""
    acknowledge()


acknowledge_alert()
