"""The DAG that generates signals: its form, and its tasks' functions over a real database and HTTP."""

import inspect
import json

import pytest
from sqlalchemy import text

from include.signals.requests import SYMBOLS
from tests.support.dag_files import DAGS, load_dag
from tests.support.tasks import call

USER = "00000000-0000-0000-0000-000000000001"
RUN = "manual__2026-03-04T09:30:00+00:00"
STEPS = ("collect_candles", "take_snapshot", "compute_indicators", "propose", "store")


@pytest.fixture(scope="module")
def dag():
    return load_dag("generate_signals")


@pytest.fixture
def tasks(dag, database, database_url, sandbox, monkeypatch):
    """The functions behind the tasks, with connections and settings from the environment."""
    connections = {
        "SANDBOX": sandbox.url,
        "MARKET_SANDBOX": f"{sandbox.url}/market",
        "LLM": f"{sandbox.url}/llm/v1",
    }
    for name, url in connections.items():
        connection = {"conn_type": "http", "host": url, "password": "a-key"}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://airflow:8080/")
    choose(monkeypatch, {})
    functions = {task.task_id.removeprefix("generate."): task.python_callable for task in dag.tasks}

    def check_input(run, symbol, timeframe, user):
        return call(dag, "check_input", run, symbol=symbol, timeframe=timeframe, user=user)

    return functions | {"check_input": check_input}


def choose(monkeypatch, settings):
    chosen = {"candle_sources": ["sandbox"], **settings}
    monkeypatch.setenv("AIRFLOW_VAR_TRADEOPS_SETTINGS", json.dumps(chosen))


def test_the_form_offers_what_is_declared_and_refuses_the_rest(dag):
    from airflow.sdk.exceptions import ParamValidationError

    dag.params.validate()  # a scheduled DAG needs valid defaults
    assert dag.params.get_param("symbol").schema["enum"] == [None, *SYMBOLS]
    assert "BTC" in SYMBOLS
    for name, value in (("symbol", "NOSUCHCOIN"), ("timeframe", "5m"), ("user", "me"), ("user", USER + "0")):
        with pytest.raises(ParamValidationError):
            dag.params.get_param(name).resolve(value)
    assert dag.params.get_param("user").resolve(USER) == USER


def test_candles_and_snapshot_are_fetched_at_the_same_time(dag):
    """Each step in a row costs a start of a task: what needs nothing of another waits for nothing."""
    first = {"check_input"}  # each task of a mapped group waits for what it is mapped over
    upstream = {task.task_id.removeprefix("generate."): task.upstream_task_ids for task in dag.tasks}
    assert upstream["collect_candles"] == upstream["take_snapshot"] == first
    assert upstream["compute_indicators"] == first | {"generate.collect_candles", "generate.take_snapshot"}
    assert upstream["propose"] == first | {"generate.compute_indicators"}
    assert upstream["store"] == first | {"generate.propose"}


def test_arguments_of_tasks_are_no_words_of_airflow(dag):
    from airflow.sdk.definitions.context import Context

    for task in dag.tasks:
        assert not set(inspect.signature(task.python_callable).parameters) & set(Context.__annotations__)


@pytest.mark.parametrize("cron", [None, "0 * * * *"])
def test_the_schedule_comes_from_the_environment(monkeypatch, cron):
    from airflow.dag_processing.dagbag import DagBag

    if cron:
        monkeypatch.setenv("TRADEOPS_SIGNAL_SCHEDULE", cron)
    bag = DagBag(dag_folder=str(DAGS / "generate_signals.py"), load_op_links=False)
    assert bag.dags["generate_signals"].schedule == cron


def test_a_run_by_hand_from_the_form_to_the_rows(tasks, database):
    batches = tasks["check_input"](RUN, "BTC", "1h", USER)
    assert batches == [0]
    for step in STEPS:
        (line,) = tasks[step](RUN, 0).values()
        assert line
    (report,) = tasks["report"](RUN).values()
    with database.connect() as connection:
        row = connection.execute(text("SELECT * FROM signal_attempts")).one()
        assert connection.execute(text("SELECT id FROM trade_signals")).scalar_one() == row.trade_signal_id
        metrics = text("SELECT count(*) FROM atge_performance_metrics WHERE metric_type = 'generation_time'")
        assert connection.execute(metrics).scalar_one() == 1
    assert report.startswith(f"stored: signal {row.trade_signal_id}: ")
    assert (
        row.run_url
        == "http://airflow:8080/dags/generate_signals/runs/manual__2026-03-04T09%3A30%3A00%2B00%3A00"
    )


@pytest.mark.parametrize(
    ("symbol", "timeframe", "user", "said"),
    [
        (None, "1h", USER, "give symbol and user together"),
        ("BTC", "1h", None, "give symbol and user together"),
        ("NOSUCHCOIN", "1h", USER, "unknown symbol 'NOSUCHCOIN'; there are BTC, ETH"),
        ("BTC", "5m", USER, "timeframe: Input should be '15m', '1h', '4h', '1d' or '1w', got '5m'"),
        ("BTC", "1h", "me", "user_id: Input should be a valid UUID"),
    ],
)
def test_bad_input_is_refused_in_words_and_not_tried_again(tasks, symbol, timeframe, user, said):
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match=said.replace("[", r"\[")):
        tasks["check_input"](RUN, symbol, timeframe, user)


def test_a_scheduled_run_generates_what_the_setting_lists(tasks, monkeypatch):
    from airflow.sdk.exceptions import AirflowSkipException

    with pytest.raises(AirflowSkipException, match="signal_requests is empty"):
        tasks["check_input"]("scheduled__1", None, "1h", None)
    listed = {"user_id": USER, "symbol": "ETH/USDT", "timeframe": "4h"}
    choose(monkeypatch, {"signal_requests": [listed]})
    assert tasks["check_input"]("scheduled__2", None, "1h", None) == [0]
    (name,) = tasks["collect_candles"]("scheduled__2", 0)
    assert name == "ETH 4h for 0000…0001"


def test_too_early_is_skipped_in_words(tasks):
    from airflow.sdk.exceptions import AirflowSkipException

    tasks["check_input"](RUN, "BTC", "1h", USER)
    for step in STEPS:
        tasks[step](RUN, 0)
    with pytest.raises(AirflowSkipException, match="one signal a minute for each user"):
        tasks["check_input"]("manual__2", "ETH", "1h", USER)


def test_a_run_that_came_to_nothing_fails_with_the_reason(tasks, sandbox):
    from airflow.sdk.exceptions import AirflowFailException

    sandbox.fail("llm", "refusal")
    tasks["check_input"](RUN, "BTC", "1h", USER)
    for step in STEPS:
        tasks[step](RUN, 0)
    with pytest.raises(AirflowFailException, match="BTC 1h for 0000…0001: model_failed: refusal: Sandbox"):
        tasks["report"](RUN)


def test_a_schedule_in_the_variable_is_refused_since_nobody_would_read_it(tasks, monkeypatch):
    choose(monkeypatch, {"signal_schedule": "0 * * * *"})
    with pytest.raises(ValueError, match="TRADEOPS_SIGNAL_SCHEDULE in the environment"):
        tasks["check_input"](RUN, "BTC", "1h", USER)
