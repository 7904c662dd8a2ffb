"""### Notifies people of what they must know, each minute

One task: **decide** for every new notice who gets it and when, **hold back** what a silence or another
alert speaks for, **gather** what belongs together, and **send** it to Slack, e-mail, PagerDuty or a webhook.
What does not arrive stays and is tried again, for three days. Critical failures are sent by their own
callback at once; this run takes what that left.

| reads | writes |
|---|---|
| `alert_notices`, `alert_silences`, `alert_states` | `alert_deliveries`: what became of each notice |
| failures kept on disk while the database was away | `alert_threads`: what a channel knows of a subject |

Runs may overlap or die: a message is claimed under a lease of two minutes. On Mondays the list of silences
goes out. Who was notified of what: the page **Alerts**. Channels, silences and delays: `docs/alerts.md`.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag
from airflow.sdk.exceptions import AirflowFailException

from include.airflow.connections import load_settings_or_defaults, open_database, read_connection_if_any
from include.airflow.dag import WATCHER_PRIORITY, dag_defaults, explained
from include.airflow.tags import Effect, Subject, tagged
from include.airflow.task import task

NEXT_STEP = (
    "No notice is lost: each waits in alert_notices, and the next minute's run takes it up. Until one works, "
    "people are notified of critical failures only: open the task's log; docs/alerts.md says what to do."
)


@task(
    area="api",
    outside=True,
    effect=Effect.SENDS,
    pool="alerts",
    priority_weight=WATCHER_PRIORITY,
    retries=1,
    retry_delay=timedelta(seconds=5),
    execution_timeout=timedelta(minutes=3),
)
def deliver() -> dict[str, int]:
    """Send what is due; count messages by channel, notices held back, messages left."""
    from include.alerts.channels import open_channels
    from include.alerts.delivery import deliver, forget_delivered
    from include.alerts.silences import list_silences

    settings, trouble = load_settings_or_defaults()
    with (
        open_database("delivery", measured=False) as engine,
        open_channels(engine, read_connection_if_any) as open_channel,
    ):
        list_silences(engine, settings.alert_digest_hour)
        done = deliver(engine, open_channel, settings)
        forget_delivered(engine)
    if trouble:
        raise AirflowFailException(
            f"The alerts went out by default settings, for yours are broken: {trouble}"
        )
    return {**done.sent, "held": done.held, "left": done.left, "failing": len(done.not_sent)}


@dag(
    schedule="* * * * * 50",  # the seconds come last: evaluate_alerts has written its notices
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=5),
    **explained(__doc__),
    **tagged(Subject.ALERTS, Effect.SENDS),
    **dag_defaults(
        owner="platform",
        area="api",
        freezes_with="alerts",
        next_step=NEXT_STEP,
        severity="critical",
        watches=True,
    ),
)
def deliver_alerts() -> None:
    """Wire the one step."""
    deliver()


deliver_alerts()
