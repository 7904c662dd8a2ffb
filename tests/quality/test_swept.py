"""The suite over what a sweep has settled on: beside the money, once a sweep."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from include.quality.swept import validate_settled
from include.quality.validation import Check, Validation, merge_validations
from include.trades.claim import claim_due
from include.trades.settle import settle_batch
from tests.support.trades import SETTINGS, START, insert, rising, rows, run, store

RUN_URL = "http://localhost:8080/dags/settle_trades/runs/run%201"
A_WHILE = timedelta(minutes=5)


def settle(database, claim_id="run 1"):
    for batch in claim_due(database, claim_id, SETTINGS).batches:
        assert settle_batch(database, claim_id, batch, SETTINGS)


def said(database):
    return rows(
        database,
        "SELECT suite, batch, success, severity, rows, run_url, details "
        "FROM data_quality_results ORDER BY batch",
    )


def spiked(symbol="BTC"):
    candles = rising(symbol)
    candles.loc[30, "high"] = 10_000.0
    return candles


def test_what_the_suite_says_of_the_candles_is_stored_and_changes_no_verdict(database, caplog):
    store(database, spiked())
    insert(database, {})
    settle(database)
    assert said(database) == [], "the money does not wait for it"
    for _ in range(2):  # done again, it replaces its row
        assert validate_settled(database, "run 1", A_WHILE, SETTINGS, RUN_URL) == {"1m": 60}
    ((suite, batch, success, severity, count, link, details),) = said(database)
    assert (suite, batch, count, link) == ("candles", "sweep run 1 1m", 60, RUN_URL)
    assert (success, severity) == (False, "critical")
    unmet = [check["fault"] for check in details["checks"] if not check["success"]]
    assert unmet == ["a price far from the closes before"]
    assert "a price far from the closes before" in caplog.text


def test_a_sweep_of_many_candles_is_looked_at_in_portions_and_told_as_one(database):
    for candles in (spiked("BTC"), rising("ETH"), spiked("SOL")):
        store(database, candles)
    insert(database, *[{"symbol": symbol} for symbol in ("BTC", "ETH", "SOL")])
    settle(database)
    assert validate_settled(database, "run 1", A_WHILE, SETTINGS, RUN_URL, at_once=60) == {"1m": 180}
    ((_, _, _, _, count, _, details),) = said(database)
    (unmet,) = [check for check in details["checks"] if not check["success"]]
    assert (count, unmet["failed"]) == (180, 2)
    assert [example.split()[0] for example in unmet["examples"]] == ["BTC", "SOL"]


def test_each_resolution_has_its_row_and_what_was_settled_before_or_given_up_has_none(database):
    store(database, rising())
    coarse = rising("ETH", minutes=12)
    store(database, coarse.assign(timestamp=START + (coarse["timestamp"] - START) * 5), "5m", "kraken")
    store(database, rising("OLD"))
    insert(database, {"symbol": "OLD"})
    settle(database, "run 0")
    run(
        database, "UPDATE trade_signals SET completed_at = now() - interval '1 hour' WHERE status <> 'active'"
    )
    insert(database, {}, {"symbol": "ETH"}, {"symbol": "NONE"}, {"stop_loss": 101})
    settle(database)
    assert validate_settled(database, "run 1", A_WHILE, SETTINGS, RUN_URL) == {"1m": 60, "5m": 12}
    assert [row.batch for row in said(database)] == ["sweep run 1 1m", "sweep run 1 5m"]


def test_nothing_settled_is_nothing_to_look_at(database):
    assert validate_settled(database, "run 1", A_WHILE, SETTINGS, RUN_URL) == {}
    assert said(database) == []


def test_parts_of_a_batch_are_put_together():
    def part(rows, failed, examples):
        check = Check("whole", "broken", "warning", not failed, failed, examples)
        return Validation("candles", "sweep", rows, "candles", (check,), ("looked at",))

    whole = merge_validations([part(10, 0, ()), part(20, 4, tuple("abcd")), part(5, 3, tuple("efg"))])
    (check,) = whole.checks
    assert (whole.rows, check.success, check.failed) == (35, False, 7)
    assert check.examples == tuple("abcde")
    assert whole.notes == ("looked at",)


def test_neither_gate_nor_settling_imports_great_expectations():
    program = (
        "import sys; import include.trades.collect, include.trades.gate, include.trades.settle; "
        "print(sorted(name for name in sys.modules if name.startswith('great_expectations')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout == "[]\n", done.stderr


def test_gating_and_settling_call_no_suite(database, monkeypatch):
    def refuse():
        raise AssertionError("the suite is out of the way of money")

    monkeypatch.setattr("include.quality.validation.load_expectations", refuse)
    monkeypatch.setattr("include.quality.suites.load_expectations", refuse)
    store(database, rising())
    insert(database, {})
    settle(database)
