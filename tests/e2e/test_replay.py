"""A replay and an export from the form to the end, under the real scheduler."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.database import connect
from local.airflow_api import ApiError
from tests.support.trades import LONG, insert, rising, store

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=3)


@pytest.fixture
def settled(stack):
    """Trades that ended unsettled, and the candles that came too late for them."""
    stack.empty()
    stack.configure(candle_sources=["sandbox"])
    engine = connect(stack.database_url, application="test")
    window = {"generated_at": START, "expires_at": datetime.now(UTC) + timedelta(days=1)}  # not due as yet
    store(engine, rising(start=START), source="sandbox")
    insert(engine, *[LONG | window] * 3)
    engine.dispose()
    end = START + timedelta(hours=1)
    change = "UPDATE trade_signals SET status = 'incomplete_data', expires_at = %s, completed_at = %s"
    stack.execute(change, end, end)
    return stack


def test_a_dry_run_then_a_real_one_then_an_export(settled):
    form = {"first_day": str(START.date()), "symbols": ["BTC"]}
    run = settled.run("replay_trades", **form)
    report = run.returned("report")
    assert report["dry_run"] is True
    assert report["outcomes"] == {"changed": 3}
    assert settled.execute("SELECT count(*) FROM trade_results") == [(0,)]

    run = settled.run("replay_trades", **form, dry_run=False, reason="the candles came late")
    assert run.returned("report") == report | {"dry_run": False}
    assert settled.execute("SELECT DISTINCT status FROM trade_signals") == [("completed_success",)]
    assert settled.execute(
        "SELECT DISTINCT replaced_by, reason, replay_id, status FROM trade_result_history"
    ) == [(settled.user, "the candles came late", run.id, "incomplete_data")]
    assert settled.execute("SELECT total_trades FROM atge_performance_cache") == [(3,)]

    run = settled.run("export_trades", format="parquet")
    done = run.returned("export")
    assert (done["rows"], done["files"]) == (3, 1)
    folder = Path(done["location"])
    assert folder.is_relative_to(settled.folder / "exports")
    assert json.loads((folder / "manifest.json").read_text())["requested_by"] == settled.user


def test_what_the_form_cannot_accept_never_becomes_a_run_and_the_rest_fails_in_words(settled):
    with pytest.raises(ApiError, match="users"):
        settled.trigger("replay_trades", users=["ann"])
    run = settled.run("replay_trades", "failed", symbols=["DOGE"])
    (choose,) = (task for task in run.instances() if task["task_id"] == "choose")
    assert choose["try_number"] == 1, "trying again would change nothing"
