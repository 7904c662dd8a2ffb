"""replay_trades and export_trades: their forms, and their tasks' own functions over a real database."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, ParamValidationError

from tests.support import tasks
from tests.support.dag_files import load_dag
from tests.support.replays import correct, settle
from tests.support.trades import insert, rising, rows, store

RUN = "manual__2026-11-20T09:30:00+00:00"


@pytest.fixture(scope="module")
def dags():
    return {name: load_dag(name) for name in ("replay_trades", "export_trades")}


@pytest.fixture
def call(dags, database, database_url, monkeypatch, tmp_path):
    """Call a task's function as a worker does, with a form filled in by a person."""
    settings = {
        "candle_sources": ["archive"],
        "archive_path": str(tmp_path),
        "export_locations": [str(tmp_path)],
    }
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    monkeypatch.setenv("AIRFLOW_VAR_TRADEOPS_SETTINGS", json.dumps(settings))
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://airflow:8080/")

    return lambda dag_id, task_id, *arguments, **form: tasks.call(
        dags[dag_id], task_id, RUN, *arguments, **form
    )


@pytest.fixture
def settled(database):
    store(database, rising())
    insert(database, {}, {"symbol": "ETH"})
    settle(database)
    correct(database)
    return database


SHARED_FIELDS = [
    ("first_day", "yesterday"),
    ("last_day", "2026-02-30"),
    ("users", ["ann"]),
    ("trade_ids", ["0f8fad5b-d9cb-469f-a165-70867728950e", "1"]),
    ("symbols", [""]),
    ("symbols", "BTC"),
]


@pytest.mark.parametrize(
    ("dag_id", "field", "value"),
    [
        *(("replay_trades", *wrong) for wrong in SHARED_FIELDS),
        *(("export_trades", *wrong) for wrong in SHARED_FIELDS),
        ("replay_trades", "dry_run", "no"),
        ("replay_trades", "redo", ["profits"]),
        ("replay_trades", "redo", []),
        ("export_trades", "format", "xlsx"),
        ("export_trades", "location", 1),
    ],
)
def test_the_form_refuses_what_has_the_wrong_form(dags, dag_id, field, value):
    with pytest.raises(ParamValidationError):
        dags[dag_id].params.get_param(field).resolve(value)


def test_an_untouched_form_is_dry_and_refused_because_nothing_is_chosen(call, settled):
    with pytest.raises(AirflowFailException, match="nothing is chosen"):
        call("replay_trades", "choose")


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"first_day": "2026-03-02", "last_day": "2026-03-01"}, "ends before it starts"),
        ({"last_day": str((datetime.now(UTC) + timedelta(days=2)).date())}, "lies in the future"),
        ({"symbols": ["DOGE"]}, "no trade has the symbol DOGE"),
        ({"users": ["ann"]}, "'ann' is no UUID"),
    ],
    ids=str,
)
def test_the_first_task_says_what_to_correct_and_is_not_tried_again(call, settled, form, words):
    with pytest.raises(AirflowFailException, match=words):
        call("replay_trades", "choose", **form)
    with pytest.raises(AirflowFailException, match=words):
        call("export_trades", "export", **form)
    assert rows(settled, "SELECT * FROM replays") == []


def test_a_place_outside_the_allowed_ones_is_refused(call, settled):
    with pytest.raises(AirflowFailException, match="outside of the places for exports"):
        call("export_trades", "export", location="/etc")


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_replay_from_the_form_to_the_report(call, settled, dry_run):
    form = {"first_day": "2026-03-01", "dry_run": dry_run, "reason": "the archive was wrong"}
    assert call("replay_trades", "choose", **form) == [0]
    with pytest.raises(AirflowSkipException):
        call("replay_trades", "fetch_again")
    assert call("replay_trades", "replay", 0) == 1
    report = call("replay_trades", "report")
    assert report["outcomes"] == {"changed": 1, "poor_data": 1}
    ((who, run_url),) = rows(settled, "SELECT requested_by, run_url FROM replays")
    assert who == "ann"
    assert run_url.startswith("http://airflow:8080/dags/replay_trades/runs/manual")
    assert rows(settled, "SELECT count(*) FROM trade_result_history") == [(0 if dry_run else 1,)]


def test_nobody_is_said_to_be_nobody(call, settled):
    call("replay_trades", "choose", symbols=["BTC"], triggered_by=None)
    assert rows(settled, "SELECT requested_by FROM replays") == [("nobody: a manual run",)]


def test_candles_are_fetched_again_when_they_are_to_be(call, settled, tmp_path):
    """The archive's file was corrected once more: what is stored follows it, and then the result."""
    rising("ETH").drop(columns="symbol").to_csv(tmp_path / "ETH-1m.csv", index=False)
    form = {
        "symbols": ["ETH"],
        "dry_run": False,
        "reason": "the file was late",
        "redo": ["candles", "settlement"],
    }
    assert call("replay_trades", "choose", **form) == [0]
    assert call("replay_trades", "fetch_again") == {"candles": 60, "symbols_short": 0}
    call("replay_trades", "replay", 0)
    report = call("replay_trades", "report")
    assert [(change["from"], change["to"]) for change in report["changes"]] == [
        ("incomplete_data", "completed_success")
    ]
    assert report["fetched"] == {"candles": 60, "missing": {}}


def test_an_export_says_where_it_is(call, settled, tmp_path):
    done = call("export_trades", "export", symbols=["BTC"], format="parquet", location=f"{tmp_path}/tax")
    folder = tmp_path / "tax" / "manual__2026-11-20T09-30-00-00-00"
    assert done == {"location": f"{tmp_path}/tax/{folder.name}", "rows": 1, "files": 1}
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["requested_by"] == "ann"
    assert (tmp_path / manifest["files"][0]["key"]).stat().st_size == manifest["files"][0]["bytes"]
