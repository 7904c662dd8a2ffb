"""### Sends a marked test message to each channel of alerts

By hand: **trigger** it, after a connection or the setting `alert_channels` was changed. Without a choice it
tries every channel that the setting names. Each answer is in the log and in what the task returns; one that
fails holds up no other, and the run then fails and names it. PagerDuty's incident is resolved at once.

A form filled in, as `conf`: `{"channels": ["slack:#incidents", "email"]}`

Channels and their connections: `docs/alerts.md`.
"""

import logging
from datetime import UTC, datetime, timedelta

from airflow.sdk import dag
from airflow.sdk.exceptions import AirflowFailException

from include.airflow.connections import load_settings, open_database, read_connection_if_any
from include.airflow.dag import dag_defaults, explained
from include.airflow.forms import Form, form_refused_on, lines, read_form, who_triggered
from include.airflow.tags import Effect, Subject, tagged
from include.airflow.task import task

NEXT_STEP = (
    "The other channels were tried. Mend the connection that the message names, and trigger the DAG again."
)

logger = logging.getLogger(__name__)


class ChannelsForm(Form):
    """Which channels are tried; none: all in force."""

    channels: list[str] | None


@task(area="api", outside=True, effect=Effect.SENDS, pool="alerts", retries=1)
def send() -> dict[str, str]:
    """Send to each; give what it answered."""
    from include.alerts.channel_test import send_test_messages
    from include.alerts.channels import check_channel_names, open_channels

    chosen = read_form(ChannelsForm).channels or list(load_settings().alert_channels)
    with form_refused_on(ValueError):
        check_channel_names(chosen)
        if not chosen:
            raise ValueError("the setting alert_channels names no channel")
    with (
        open_database("channels", measured=False) as engine,
        open_channels(engine, read_connection_if_any) as open_channel,
    ):
        answered, failed = send_test_messages(dict.fromkeys(chosen), open_channel, who_triggered())
    for name, answer in answered.items():
        logger.info("%s took it: %s", name, answer)
    for name, why in failed.items():
        logger.error("%s failed: %s", name, why)
    if failed:
        raise AirflowFailException("; ".join(failed.values()))
    return answered


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=15),
    params={
        "channels": lines(
            "Channels",
            r"^[a-z]+(:#[a-z0-9_-]{1,79})?$(?!\n)",
            "One a line, such as `slack:#incidents` or `email`. None: all that `alert_channels` names.",
        )
    },
    **explained(__doc__),
    **tagged(Subject.ALERTS, Effect.SENDS),
    **dag_defaults(owner="platform", area="api", freezes_with=None, next_step=NEXT_STEP, severity="info"),
)
def test_channels() -> None:
    """Wire the one step."""
    send()


test_channels()
