"""The DAGs that people trigger by hand: what the forms take, and what is refused in words."""

from copy import deepcopy
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.airflow.forms import FormRefusedError
from include.alerts.failures import record_failure, record_success
from tests.support.dag_files import load_dag
from tests.support.notices import FAILURE, fire, scalar
from tests.support.tasks import context_of

RUN = SimpleNamespace(triggering_user_name="anna")


@pytest.fixture
def task(database, database_url, monkeypatch):
    """The function of a DAG's one task, with its form filled in but for what is given."""
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)

    def find(dag_id):
        dag = load_dag(dag_id)
        (only,) = dag.tasks

        def run(by=RUN, **filled_in):
            with context_of(dag, **filled_in):
                return only.python_callable(dag_run=by)

        return run

    return find


def test_a_silence_is_made_and_ended_by_the_form(database, task):
    form = task("silence_alerts")
    fire(database, labels={"host": "db1"})
    fire(database, "disk_full/critical")
    said = form(matchers="rule=cpu_*, host=db1", hours=2.5, reason="new disks")
    assert "host=db1, rule=cpu_*, until" in said
    assert said.endswith("it matches 1 of 2 alerts now")
    assert scalar(database, "SELECT author FROM alert_silences") == "anna"
    assert scalar(database, "SELECT ends_at - starts_at FROM alert_silences").total_seconds() == 9_000
    number = scalar(database, "SELECT id FROM alert_silences")
    assert form(end=number) == f"silence {number} (host=db1, rule=cpu_*) has ended"


@pytest.mark.parametrize(
    ("filled_in", "words"),
    [
        ({}, "name at least one label"),
        ({"matchers": "rule=cpu_busy"}, "reason"),
        ({"matchers": "rule=*", "reason": "x"}, "every alert"),
        ({"matchers": "rule=*", "severity": "critical", "reason": "x"}, "severity is unknown"),
        ({"matchers": "severity=*i*", "reason": "x"}, "every alert"),
        ({"matchers": "source=rule, owner=*", "reason": "x"}, "every alert"),
        ({"matchers": "rul=cpu_busy", "reason": "x"}, "no alert has a label 'rul': there are .*rule"),
        ({"matchers": "rule=cpu_bussy", "reason": "x"}, "no rule 'cpu_bussy': there are .*cpu_busy"),
        ({"matchers": "rule=cpu_busy, severity=crit", "reason": "x"}, "no severity 'crit'"),
        ({"matchers": "rule=cpu_busy, owner=trading", "reason": "x"}, "all of this at once"),
        ({"matchers": "rule=cpu_busy, dag_id=x", "reason": "x"}, "all of this at once"),
        (
            {"matchers": "rule=cpu_busy, rule=disk_full", "reason": "x"},
            "rule stands twice .*a silence for each",
        ),
        ({"matchers": '{"rule": "cpu_busy", "rule": "disk_full"}', "reason": "x"}, "rule stands twice"),
        ({"end": 99}, "no silence 99"),
        ({"end": 1, "matchers": "rule=cpu_busy", "reason": "x"}, "asks for both"),
    ],
)
def test_a_form_that_makes_no_sense_is_refused_in_words(task, filled_in, words):
    with pytest.raises(AirflowFailException, match=words):
        task("silence_alerts")(**filled_in)


def test_what_matches_everything_takes_a_confirmation_of_its_own(database, task):
    form = task("silence_alerts")
    said = form(matchers="severity=*", reason="moving house", everything=True)
    assert "there is no alert now" in said
    form(matchers="dag_id=clean_up", reason="known")  # what has not failed yet may be silenced
    assert scalar(database, "SELECT count(*) FROM alert_silences") == 2


def test_that_a_silence_would_have_matched_nothing_so_far_is_said(database, task):
    record_failure(database, FAILURE)
    form = task("silence_alerts")
    question = "it matches nothing that was reported in 90 days: is it spelt right?"
    assert question in form(matchers="dag_id=settle_trade", reason="a letter is missing")
    assert question not in form(matchers="dag_id=settle_trades", reason="the disk is slow")
    now = {"started_at": datetime.now(UTC), "url": "http://x"}
    same = {name: getattr(FAILURE, name) for name in ("dag_id", "task_id", "run_id", "map_index")}
    record_success(database, **same, **now)  # it has healed: nothing is wrong now
    said = form(matchers="dag_id=settle_trades", reason="the disk is slow")
    assert "there is no alert now" in said and question not in said


def test_the_form_takes_the_number_of_a_silence_and_nothing_else():
    """Airflow's own checks, with what the form sends: empty fields are null."""
    params = deepcopy(load_dag("silence_alerts").params)
    params.update({"end": 7, "matchers": None, "reason": None})
    params.validate()
    for name in ("matchers", "reason", "end"):
        assert "null" in params.get_param(name).schema["type"], f"the form would demand {name}"


def test_a_refused_form_is_no_failure_of_the_platform(task):
    with pytest.raises(FormRefusedError):
        task("silence_alerts")(end=99)
    with pytest.raises(FormRefusedError):
        task("acknowledge_alert")(fingerprint="nothing")


def test_an_alert_and_a_failure_are_acknowledged_by_the_form(database, task):
    form = task("acknowledge_alert")
    fire(database)
    record_failure(database, FAILURE)
    assert "by anna for 4 hours" in form(fingerprint=" cpu_busy/critical ")
    assert scalar(database, "SELECT acknowledged_by FROM alert_states") == "anna"
    form(by=SimpleNamespace(triggering_user_name=None), fingerprint=FAILURE.cause.fingerprint, hours=1)
    body = scalar(
        database, "SELECT body FROM alert_notices WHERE kind = 'acknowledged' AND source = 'failure'"
    )
    assert body["by"] == "a program"
    for fingerprint in ("", "nothing", "failure/nothing"):
        with pytest.raises(AirflowFailException, match="Nothing was done"):
            form(fingerprint=fingerprint)
