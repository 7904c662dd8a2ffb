"""### Silences alerts for a while, or ends a silence

**Silence** and **End it**, buttons on the page [Alerts](/tradeops/alerts), open its form filled in; by hand,
**trigger** it and fill in the form. A silence has matchers (labels and what they must be, `*` for
anything), a reason, and an end, which comes by itself; its author is whoever triggers the run. It holds
back messages, nothing else: the page **Alerts** goes on showing what fires, and what still fires at the
end is sent then. To end one early, give its number and leave the rest.

What could never match anything is refused, and how many alerts a silence matches now is said. One that
matches every alert, or all of a severity or a source, needs **Yes, whatever it is about** as well.

| matchers | silences |
|---|---|
| `rule=cpu_busy` | the rule on every machine |
| `rule=service_down, service=kraken` | the rule for one service |
| `dag_id=collect_candles` | failures of the DAG |
| `cause=service:kraken` | failures that the service causes |

Every Monday the silences of the week are listed in Slack. More: `docs/alerts.md`.

A form filled in, as `conf`: `{"matchers": "rule=cpu_busy", "hours": 2, "reason": "a rebuild"}`
"""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Param, dag

from include.airflow.connections import open_database
from include.airflow.dag import dag_defaults, explained
from include.airflow.forms import Form, form_refused_on, listed_on, optional_text, read_form
from include.airflow.tags import Effect, Subject, tagged
from include.airflow.task import task

NEXT_STEP = "Nothing was changed. Read the reason in the task's log, and trigger the DAG again."

logger = logging.getLogger(__name__)

FORM = {
    "matchers": Param(
        None,
        type=["null", "string"],
        maxLength=2_000,
        title="What is silenced",
        description_md="Labels and what they must be, all of them: rule=cpu_*, host=db1. "
        + listed_on("alerts", "Alerts"),
    ),
    "hours": Param(
        2,
        type="number",
        minimum=0.1,
        maximum=720,
        title="For how many hours",
        description="Then it ends by itself.",
    ),
    "reason": optional_text("Why", "For those who wonder later why nothing was sent."),
    "everything": Param(
        False,
        type="boolean",
        title="Yes, whatever it is about",
        description="Needed for a silence that matches every alert, or all of a severity or a source.",
    ),
    "end": Param(
        None,
        type=["integer", "null"],
        minimum=1,
        title="End this silence",
        description="Its number, to end it now; leave the rest empty.",
    ),
}


class SilenceForm(Form):
    """What is silenced, for how long and why; or the silence that is to end."""

    matchers: str | None
    hours: float
    reason: str | None
    everything: bool
    end: int | None


@task(area="database", effect=Effect.SILENCES, retries=1)
def silence(dag_run: Any = None) -> str:
    """Write the silence down, or end one; say what holds now."""
    from include.alerts.preview import preview_silence
    from include.alerts.silences import begin_silence, end_silence

    form, author = read_form(SilenceForm), dag_run.triggering_user_name or "a program"
    with open_database("silences") as engine, form_refused_on(ValueError, LookupError):
        if form.end is not None:
            if form.matchers or form.reason:
                raise ValueError("the form asks for both: end a silence by its number, or make one")
            ended = end_silence(engine, form.end, author)
            return f"silence {ended.id} ({ended.matchers_text}) has ended"
        found = preview_silence(engine, form.matchers or "")
        if found.broad and not form.everything:
            raise ValueError(
                f"this would match every alert, or all of a severity or a source; {found.message}. If that "
                "is meant, say so in the form: Yes, whatever it is about"
            )
        logger.info("%s", found.message)
        made = begin_silence(
            engine,
            found.matchers,
            author=author,
            reason=form.reason or "",
            lasts=timedelta(hours=form.hours),
            everything=form.everything,
        )
    return (
        f"silence {made.id}: {made.matchers_text}, until {made.ends_at:%Y-%m-%d %H:%M} UTC; {found.message}"
    )


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
def silence_alerts() -> None:
    """Wire the one step."""
    silence()


silence_alerts()
