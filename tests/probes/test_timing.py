"""A dead endpoint is reported within two minutes: by the schedules and the rule as they are written."""

from datetime import UTC, datetime, timedelta

import pytest
from croniter import croniter
from sqlalchemy import text

from include.alerts.evaluate import evaluate_rules
from include.alerts.rule_file import DEFAULT_RULES, read_rules
from include.probes import Probe, ProbeAnswer, ServiceDownError, run_round
from include.probes.probe import PROBE_SECONDS
from tests.support.dag_files import load_dag

START = timedelta(seconds=5)  # from a run's time until its task has begun, and from there to what it writes
PROMISED = timedelta(minutes=2)


def ticks_from(dag_id, at):
    """The runs of a DAG from this moment on, by its schedule."""
    times = croniter(load_dag(dag_id).timetable.expression, at - timedelta(microseconds=1))
    return (times.get_next(datetime) for _ in range(20))


@pytest.fixture(scope="module")
def chain():
    """Runs of the three DAGs from a whole hour on."""
    began = datetime(2026, 3, 2, tzinfo=UTC)
    names = ("probe_platform", "evaluate_alerts", "deliver_alerts")
    return began, [list(ticks_from(name, began)) for name in names]


@pytest.mark.parametrize("hangs", [False, True])
def test_the_schedules_and_the_rule_keep_the_promise_whenever_it_dies(chain, hangs):
    began, (looks, evaluations, deliveries) = chain
    (rule,) = [rule for rule in read_rules(DEFAULT_RULES).rules if rule.name == "service_down"]
    confirm = load_dag("probe_platform").get_task("ask_platform").python_callable.__globals__["CONFIRM"]
    finding = timedelta(seconds=PROBE_SECONDS) if hangs else confirm
    worst = timedelta(0)
    for second in range(60):
        died = began + START + timedelta(seconds=second)  # at worst just after it was asked
        asked = next(look + START for look in looks if look + START > died)
        seen = next(each for each in evaluations if each + START >= asked + finding)
        fired = next(each for each in evaluations if each >= seen + rule.for_)
        told = next(each for each in deliveries if each >= fired + START) + START
        worst = max(worst, told - died)
    assert timedelta(minutes=1) < worst <= PROMISED


def test_the_longest_round_ends_before_the_rules_look(chain):
    _, (looks, evaluations, deliveries) = chain
    assert looks[0] + START + timedelta(seconds=PROBE_SECONDS) <= evaluations[0]
    assert evaluations[0] + START <= deliveries[0]


def test_one_round_and_one_pass_of_the_rules_are_enough_for_a_notice(database):
    def refuse():
        raise ServiceDownError("connection refused")

    def look(ask):
        run_round(
            database,
            [Probe("market", "platform", ask)],
            every=timedelta(minutes=1),
            quota_share=1.0,
            run_url="x",
            confirm=timedelta(milliseconds=1),
        )

    look(refuse)
    evaluate_rules(database)
    with database.connect() as connection:
        (notice,) = connection.execute(
            text("SELECT severity, kind, fingerprint FROM alert_notices WHERE cause = 'service_down'")
        ).all()
    assert (notice.severity, notice.kind) == ("critical", "firing")


def test_who_answers_when_asked_again_was_never_down(database):
    asked = []

    def recover():
        asked.append(1)
        if len(asked) == 1:
            raise ServiceDownError("connection refused")
        return ProbeAnswer("answers")

    (result,) = run_round(
        database,
        [Probe("market", "platform", recover)],
        every=timedelta(minutes=1),
        quota_share=1.0,
        run_url="x",
        confirm=timedelta(milliseconds=1),
    )
    assert (result.status, len(asked)) == ("healthy", 2)
