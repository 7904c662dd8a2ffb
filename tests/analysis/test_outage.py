"""Whole sweeps while the language model is down: every trade is settled, every analysis comes by itself."""

from include.analysis import analyse_settled
from include.settings import Endpoint, Settings
from include.trades.claim import claim_due
from include.trades.settle import settle_batch
from tests.support.trades import insert, rising, rows, run, store

SETTINGS = Settings(candle_sources=("archive",))


def sweep(database, number, endpoint):
    """One run of the sweep, as its DAG wires it; give whether there was anything to do."""
    claim_id = f"run {number}"
    claimed = claim_due(database, claim_id, SETTINGS)
    if not claimed.batches and not claimed.other_work:
        return False
    for batch in claimed.batches:
        settle_batch(database, claim_id, batch, SETTINGS)
    analyse_settled(database, endpoint, claim_id, SETTINGS)
    return True


def five_minutes_pass(database):
    run(database, "UPDATE analysis_claims SET next_attempt_at = next_attempt_at - interval '5 minutes'")


def counts(database):
    return rows(
        database,
        "SELECT count(*) FILTER (WHERE status LIKE 'completed%'), count(ai_analysis) "
        "FROM trade_signals LEFT JOIN trade_results ON trade_signal_id = trade_signals.id",
    )[0]


def test_a_sweep_settles_all_and_later_ones_complete_the_analyses(database, sandbox, monkeypatch):
    monkeypatch.setattr("include.llm.client.FIRST_RETRY_WAIT", 0.01)
    store(database, rising())
    insert(database, *[{} for _ in range(12)])
    up, down = Endpoint(f"{sandbox.url}/llm/v1", "sandbox"), Endpoint("http://127.0.0.1:9/v1")
    assert sweep(database, 0, down)
    assert counts(database) == (12, 0)
    for number in range(1, 4):
        five_minutes_pass(database)
        sweep(database, number, down)
    assert counts(database) == (12, 0)
    assert rows(database, "SELECT DISTINCT attempts, state FROM missing_analyses WHERE attempts > 0") == []
    assert rows(database, "SELECT * FROM missing_analyses WHERE state = 'given_up'") == []
    assert rows(database, "SELECT DISTINCT cost_usd FROM llm_calls") == [(0,)]
    number = 4
    while counts(database) != (12, 12):
        five_minutes_pass(database)
        sweep(database, number, up)
        number += 1
        assert number < 25, "an hour and a half after the outage"
    run(database, "DELETE FROM performance_refreshes")
    assert sweep(database, number, up) is False, "nothing is left to do"
    assert rows(database, "SELECT count(*) FROM trade_analyses") == [(12,)]


def test_a_trade_that_is_settled_anew_is_analysed_anew(database, sandbox):
    endpoint = Endpoint(f"{sandbox.url}/llm/v1", "sandbox")
    store(database, rising())
    insert(database, {})
    sweep(database, 0, endpoint)
    run(database, "UPDATE trade_signals SET status = 'active'")
    sweep(database, 1, endpoint)
    assert rows(
        database, "SELECT requested_by, superseded_at IS NULL FROM trade_analyses ORDER BY created_at"
    ) == [("settle_trades run 0", False), ("settle_trades run 1", True)]  # fmt: skip
