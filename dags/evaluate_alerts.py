"""### Evaluates every alert rule, each minute

One task, one transaction: **sample** this machine's CPU, memory and disks, **read** what all rules look at
with a few statements, **step** the state of every alert, and **write down** what people must be notified of
(`alert_notices`); delivery takes it from there.

| reads | writes |
|---|---|
| the rule file; metrics, errors, trades, probes, quotas, `system_samples` | `alert_states`, `alert_events` |
| | `alert_notices`, `alert_evaluations` |

A run that dies has changed nothing, and the next one does its work. Runs that overlap or come late say so and
change nothing. Missed minutes are not made up for: a gap proves nothing. A broken rule file is an alert
too, and the last good one stays in force; so do the rules while the settings cannot be read, and the run
fails then and says why. Rules, states and sources: `docs/alert-rules.md`.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.airflow.connections import load_settings_or_defaults, open_database
from include.airflow.dag import WATCHER_PRIORITY, dag_defaults, explained
from include.airflow.tags import Subject, tagged
from include.airflow.task import task

NEXT_STEP = (
    "No state is lost: the next minute's run takes up all of it. If this repeats, nobody is alerted of "
    "anything: open the task's log; docs/alert-rules.md says what to do."
)


@task(
    area="database",
    priority_weight=WATCHER_PRIORITY,
    retries=1,
    retry_delay=timedelta(seconds=5),
    execution_timeout=timedelta(seconds=90),
)
def evaluate() -> dict[str, int]:
    """Evaluate the rules in force once; count rules, alerts, changes and notices."""
    from include.alerts.evaluate import evaluate_rules
    from include.alerts.rule_file import RulesRefusedError
    from include.alerts.system import sample_system
    from include.freeze import note_ended_freezes
    from include.telemetry.totals import fold_changes

    settings, trouble = load_settings_or_defaults()
    with open_database("alerts", measured=False) as engine:
        sample_system(engine)
        with engine.begin() as connection:
            fold_changes(connection)  # also where nobody scrapes /metrics
        note_ended_freezes(engine)
        try:
            done = evaluate_rules(engine, settings.alert_rules_path, adopt=trouble is None)
        except RulesRefusedError as refused:
            raise AirflowFailException(f"No rules are in force. {refused}") from refused
    if trouble:
        raise AirflowFailException(
            f"The rules were evaluated that were in force before, for the settings are broken: {trouble}"
        )
    if done.skipped:
        raise AirflowSkipException(done.skipped)
    return {
        "rules": done.rules,
        "alerts": done.instances,
        "changes": done.changes,
        "notices": done.notices,
        "failed": len(done.failed),
    }


@dag(
    schedule="* * * * * 35",  # the seconds come last: what probe_platform began to ask at the minute is known
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=3),
    **explained(__doc__),
    **tagged(Subject.ALERTS),
    **dag_defaults(
        owner="platform",
        area="database",
        freezes_with="alerts",
        next_step=NEXT_STEP,
        severity="critical",
        watches=True,
    ),
)
def evaluate_alerts() -> None:
    """Wire the one step."""
    evaluate()


evaluate_alerts()
