"""### Freezes the platform's work, or gives it back

By hand: **trigger** it and fill in the form. While a freeze holds, DAGs of the project begin nothing new: a
run that comes ends at once, green, with the skip "frozen by … until …: …". What was begun before goes on to
its end. Pauses of single DAGs stay as they are. It ends by itself, or when somebody ends it here; what has
waited is taken then as usual.

| | while a freeze holds |
|---|---|
| settling, signals, analyses, candles, statistics, replays, exports, retention, upkeep | begin nothing new |
| backups and their drill; alerts; probes | go on, unless the form says otherwise |
| restores, silences, acknowledgements, this form | always work |

Its author is whoever triggers the run. A freeze that holds is replaced by the next one, without a gap. State
and history: the page **Freeze**. More: `docs/freeze.md`.

A form filled in, as `conf`: `{"action": "begin", "hours": 2, "reason": "the exchange is being moved"}`
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, dag

from include.airflow.connections import open_database
from include.airflow.dag import dag_defaults, explained
from include.airflow.forms import Form, form_refused_on, optional_text, read_form, who_triggered
from include.airflow.tags import Effect, Subject, tagged
from include.airflow.task import task

NEXT_STEP = "Nothing was changed. Read the reason in the task's log, and trigger the DAG again."

FORM = {
    "action": Param(
        "begin", enum=["begin", "end"], title="What", description="Begin a freeze, or end the one that holds."
    ),
    "hours": Param(
        2,
        type="number",
        minimum=0.02,
        maximum=720,
        title="For how many hours",
        description="It ends by itself then.",
    ),
    "reason": optional_text("Why", "Shown wherever it holds something up; needed to begin."),
    "backups_go_on": Param(
        True, type="boolean", title="Backups go on", description="By schedule, and the weekly drill."
    ),
    "alerts_go_on": Param(
        True, type="boolean", title="Alerts go on", description="Rules are evaluated, messages are sent."
    ),
    "probes_go_on": Param(True, type="boolean", title="Probes go on", description="Services are looked at."),
}


class FreezeForm(Form):
    """A freeze that is to begin, or the end of the one that holds."""

    action: str
    hours: float
    reason: str | None
    backups_go_on: bool
    alerts_go_on: bool
    probes_go_on: bool


@task(area="database", effect=Effect.FREEZES, retries=1)
def freeze() -> str:
    """Turn the switch; say what holds now."""
    from include.freeze import FreezeError, begin_freeze, end_freeze

    form, author = read_form(FreezeForm), who_triggered()
    with open_database("freeze") as engine, form_refused_on(FreezeError):
        if form.action == "end":
            ended = end_freeze(engine, author)
            return f"freeze {ended.id} has ended; it was {ended.words}"
        go_on = {"backups": form.backups_go_on, "alerts": form.alerts_go_on, "probes": form.probes_go_on}
        begun = begin_freeze(
            engine,
            author=author,
            reason=form.reason or "",
            lasts=timedelta(hours=form.hours),
            groups=["work", *(group for group, goes_on in go_on.items() if not goes_on)],
        )
    return f"freeze {begun.id}, of {', '.join(begun.groups)}: {begun.words}"


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=10),
    params=FORM,
    **explained(__doc__),
    **tagged(Subject.SAFEKEEPING, Effect.FREEZES),
    **dag_defaults(
        owner="platform", area="database", freezes_with=None, next_step=NEXT_STEP, severity="info"
    ),
)
def freeze_work() -> None:
    """Wire the one step."""
    freeze()


freeze_work()
