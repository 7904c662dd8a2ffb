"""The DAGs that people trigger by hand: what the forms take, and what is refused in words."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.alerts import record_failure
from tests.alerts.told import FAILURE, fire, scalar

DAGS = Path(__file__).parents[2] / "dags"
RUN = SimpleNamespace(triggering_user_name="anna")


@pytest.fixture
def task(database, database_url, monkeypatch):
    """The function of a DAG's one task, with its form filled in but for what is given."""
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)

    def find(dag_id):
        from airflow.dag_processing.dagbag import DagBag

        dag = DagBag(dag_folder=str(DAGS / f"{dag_id}.py"), load_op_links=False).dags[dag_id]
        (only,) = dag.tasks

        def run(by=RUN, **filled_in):
            return only.python_callable(params={**dag.params.dump(), **filled_in}, dag_run=by)

        return run

    return find


def test_a_silence_is_made_and_ended_by_the_form(database, task):
    form = task("silence_alerts")
    said = form(matchers="rule=cpu_*, host=db1", hours=2.5, reason="new disks")
    assert "host=db1, rule=cpu_*, until" in said
    assert scalar(database, "SELECT author FROM alert_silences") == "anna"
    assert scalar(database, "SELECT ends_at - starts_at FROM alert_silences").total_seconds() == 9_000
    number = scalar(database, "SELECT id FROM alert_silences")
    assert form(end=number) == f"silence {number} (host=db1, rule=cpu_*) has ended"


@pytest.mark.parametrize(
    ("filled_in", "words"),
    [
        ({}, "name at least one label"),
        ({"matchers": "rule=x"}, "reason"),
        ({"matchers": "rule=*", "reason": "x"}, "every alert"),
        ({"end": 99}, "no silence 99"),
    ],
)
def test_a_form_that_makes_no_sense_is_refused_in_words(task, filled_in, words):
    with pytest.raises(AirflowFailException, match=words):
        task("silence_alerts")(**filled_in)


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
        with pytest.raises(AirflowFailException, match="Nothing was acknowledged"):
            form(fingerprint=fingerprint)
