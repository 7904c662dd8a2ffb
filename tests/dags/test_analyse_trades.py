"""The DAG's own functions over a real database and the sandbox: the form, the words, the retries."""

import json

import pytest

from include.airflow.forms import read_form
from include.analysis import Selection
from tests.support.dag_files import load_dag
from tests.support.settled import settled
from tests.support.tasks import call, context_of
from tests.support.trades import rows

RUN = "manual__2026-03-04T09:30:00+00:00"


@pytest.fixture(scope="module")
def dag():
    return load_dag("analyse_trades")


@pytest.fixture
def tasks(dag, database, database_url, sandbox, monkeypatch):
    """The functions behind the tasks, with connections and settings from the environment."""
    monkeypatch.setattr("include.llm.client.FIRST_RETRY_WAIT", 0.01)
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    llm = {"conn_type": "http", "host": f"{sandbox.url}/llm/v1", "password": "sandbox"}
    monkeypatch.setenv("AIRFLOW_CONN_LLM", json.dumps(llm))
    monkeypatch.setenv("AIRFLOW_VAR_TRADEOPS_SETTINGS", "{}")
    functions = {task.task_id: task.python_callable for task in dag.tasks}
    return functions | {
        "choose_trades": lambda **form: call(dag, "choose_trades", RUN, **form),
        "analyse_batch": lambda *given: call(dag, "analyse_batch", *given),
    }


def test_the_form_reaches_the_task_as_it_was_filled_in(dag):
    odd = 'a "quoted" <b>&amp; \u2028 \' text'
    symbol = odd.replace("\u2028", "")  # no trade has a symbol that cannot be seen
    with context_of(dag, model=odd, since="2026-01-01", symbols=[symbol]):
        chosen = read_form(Selection)
    assert (chosen.model, chosen.trades.symbols, chosen.limit, chosen.redo) == (odd, (symbol,), 1000, False)


def test_a_dry_run_is_the_default(tasks, database):
    settled(database, 2)
    report = tasks["choose_trades"](since="2026-01-01")
    assert (report["trades"], report["dry_run"]) == (2, True)
    assert tasks["list_batches"](report) == []
    assert rows(database, "SELECT * FROM analysis_requests") == []


def test_a_run_from_the_form_to_the_outcomes(tasks, database):
    settled(database, 3)
    report = tasks["choose_trades"](since="2026-01-01", dry_run=False)
    for batch in tasks["list_batches"](report):
        assert tasks["analyse_batch"](RUN, batch) == {"stored": 3}
    assert tasks["count_outcomes"](RUN) == {"stored": 3}


def test_bad_input_is_refused_in_words_and_not_tried_again(tasks):
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match="name the trades: ids, or a window"):
        tasks["choose_trades"]()
    with pytest.raises(AirflowFailException, match="has no price"):
        tasks["choose_trades"](since="2026-01-01", model="gpt-9")


def test_an_outage_is_tried_again_and_a_wrong_key_is_not(tasks, database, sandbox):
    from airflow.sdk.exceptions import AirflowFailException

    settled(database)
    tasks["choose_trades"](since="2026-01-01", dry_run=False)
    sandbox.fail("llm", "status", status=500)
    with pytest.raises(RuntimeError, match="stopped, 0 are stored: http_500"):
        tasks["analyse_batch"](RUN, 0)
    sandbox.heal()
    sandbox.fail("llm", "status", status=401)
    with pytest.raises(AirflowFailException, match="stopped: http_401"):
        tasks["analyse_batch"](RUN, 0)
    sandbox.heal()
    assert tasks["analyse_batch"](RUN, 0) == {"stored": 1}


def test_arguments_of_tasks_are_no_words_of_airflow(dag):
    """Airflow refuses such an argument, but only when the task runs."""
    import inspect

    from airflow.sdk.definitions.context import Context

    for task in dag.tasks:
        assert not set(inspect.signature(task.python_callable).parameters) & set(Context.__annotations__)
