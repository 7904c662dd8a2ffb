"""Gate and settlement in the database: one transaction a fact, once, whoever repeats it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from include.candles import UnknownSymbolError
from include.database import sql
from include.settings import Settings
from include.telemetry import Spool, writing_to
from include.trades.claim import ClaimLostError, claim_due
from include.trades.collect import collect_batch, collect_interval
from include.trades.gate import judge_trades
from include.trades.performance import refresh_performance
from include.trades.settle import settle_batch
from tests.support.running_stack import wait_for
from tests.support.trades import SETTINGS, START, USER, insert, rising, rows, run, store


def sweep(database, claim_id="run 1", settings=SETTINGS):
    """Claim, judge and settle all batches, without collecting; give what became of the trades."""
    settled = {}
    for batch in claim_due(database, claim_id, settings).batches:
        settled |= settle_batch(database, claim_id, batch, settings)
    return settled


def status(database, trade):
    ((found,),) = rows(database, "SELECT status FROM trade_signals WHERE id = CAST(:id AS uuid)", id=trade)
    return found


def test_a_trade_is_settled_with_its_result_and_its_origin(database):
    store(database, rising())
    insert(database, {})
    assert sweep(database) == {"completed_success": 1}
    (row,) = rows(
        database,
        "SELECT * FROM trade_signals s JOIN trade_results r ON r.trade_signal_id = s.id",
    )
    assert (row.status, row.status_reason, row.exit_reason) == ("completed_success", "targets", "targets")
    assert row.completed_at is not None
    assert (row.entry_at, row.actual_entry_price) == (START, 100)
    assert (row.tp1_hit, row.tp2_hit, row.tp3_hit, row.sl_hit) == (True, True, True, False)
    assert row.tp1_hit_at == START + timedelta(minutes=9)
    assert row.actual_exit_price == pytest.approx(Decimal("101.9"))  # 40 % at 101, 30 % at 102 and 103
    assert row.gross_profit_loss == pytest.approx(Decimal("19"))
    assert row.net_profit_loss == row.gross_profit_loss - row.fees_paid - row.slippage_cost
    assert row.trade_size_usd == 1000
    assert (row.data_source, row.data_resolution, row.data_quality_score) == ("archive", "1m", 100)
    assert rows(database, "SELECT * FROM settlement_claims") == []


class NothingKnown:
    name = "archive"
    local = True

    def offers(self, symbol, now):
        raise UnknownSymbolError(f"unknown symbol {symbol}")

    def fetch(self, symbol, resolution, start, end):
        raise AssertionError("it offers nothing")


EXTREMES = {
    "generated in the year 1": {"generated_at": "0001-01-01 00:00Z"},
    "generated before Christ": {"generated_at": "4000-01-01 00:00Z BC"},
    "generated before all time": {"generated_at": "-infinity"},
    "generated at zero": {"generated_at": "1970-01-01 00:00Z"},
    "generated in the year 9999": {"generated_at": "9999-12-31 23:59Z"},
    "generated never": {"generated_at": "infinity"},
    "expired before all time": {"expires_at": "-infinity"},
    "a price beyond doubles": {"entry_price": Decimal("1e400")},
    "a price below doubles": {"stop_loss": Decimal("1e-400")},
    "an infinite price": {"take_profit_3": Decimal("Infinity")},
    "no number for a price": {"take_profit_1": Decimal("NaN")},
}


@pytest.mark.parametrize("extreme", EXTREMES.values(), ids=EXTREMES)
def test_a_row_that_no_market_knows_does_not_hold_up_its_batch(database, extreme):
    store(database, rising())
    sound, odd = insert(database, {}, extreme)
    impatient = SETTINGS.model_copy(update={"data_quality_patience": timedelta(0)})
    for batch in claim_due(database, "run 1", impatient).batches:
        collect_batch(database, "run 1", batch, [NothingKnown()], impatient)
        settle_batch(database, "run 1", batch, impatient)
    assert status(database, sound) == "completed_success"
    assert status(database, odd) == "incomplete_data"


@pytest.mark.parametrize("extreme", EXTREMES.values(), ids=EXTREMES)
def test_such_a_row_does_not_widen_what_is_collected(database, extreme, caplog):
    insert(database, {}, extreme)
    counts = collect_interval(
        database, START - timedelta(hours=1), datetime.now(UTC), [NothingKnown()], SETTINGS
    )
    assert counts["symbols_short"] == 1
    assert "366 days" not in caplog.text, "the sound trade's hour is refused with it"


def test_settling_twice_changes_nothing(database):
    store(database, rising())
    insert(database, {}, {"direction": "SHORT", "stop_loss": 102, "take_profit_1": 99, "take_profit_2": 98,
                          "take_profit_3": 97})  # fmt: skip
    sweep(database)
    before = rows(database, "SELECT * FROM trade_results ORDER BY id")
    assert settle_batch(database, "run 1", 0, SETTINGS) == {}
    assert sweep(database, "run 2") == {}
    assert rows(database, "SELECT * FROM trade_results ORDER BY id") == before


def test_a_sweep_that_lost_its_lease_settles_nothing(database):
    store(database, rising())
    insert(database, {})
    claim_due(database, "slow", SETTINGS)
    run(database, "UPDATE settlement_claims SET lease_expires_at = now() - interval '1 second'")
    claim_due(database, "quick", SETTINGS)
    assert settle_batch(database, "slow", 0, SETTINGS) == {}
    assert settle_batch(database, "quick", 0, SETTINGS) == {"completed_success": 1}


def test_two_workers_on_one_batch_settle_each_trade_once(database):
    store(database, rising())
    insert(database, *[{} for _ in range(50)])
    claim_due(database, "run 1", SETTINGS)
    start, counts = threading.Barrier(4), []

    def settle():
        start.wait()
        counts.append(settle_batch(database, "run 1", 0, SETTINGS).get("completed_success", 0))

    threads = [threading.Thread(target=settle) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == [0, 0, 0, 50]
    assert rows(database, "SELECT count(*) FROM trade_results") == [(50,)]


def test_bad_parameters_are_answered_at_once_and_spoil_nobody(database):
    store(database, rising())
    good, wrong_side, no_time, unknown = insert(
        database,
        {},
        {"stop_loss": 101},
        {"generated_at": START + timedelta(hours=2)},
        {"symbol": "NOSUCHCOIN", "stop_loss": 101},
    )
    assert sweep(database) == {"completed_success": 1, "incomplete_data": 3}
    assert status(database, good) == "completed_success"
    reasons = rows(
        database,
        "SELECT id::text, status_reason FROM trade_signals WHERE status = 'incomplete_data'",
    )
    assert {trade for trade, _ in reasons} == {wrong_side, no_time, unknown}
    assert all(reason.startswith("invalid: ") for _, reason in reasons)


class TestTheGate:
    NOW = datetime.now(UTC).replace(second=0, microsecond=0)
    FRESH = {"generated_at": NOW - timedelta(hours=2), "expires_at": NOW - timedelta(hours=1)}  # noqa: RUF012

    def test_a_poor_trade_waits_with_its_reason_and_gives_its_lease_back(self, database):
        store(database, rising(minutes=50, start=self.FRESH["generated_at"]))
        insert(database, self.FRESH)
        assert sweep(database) == {"waiting": 1}
        (row,) = rows(database, "SELECT * FROM trade_signals JOIN settlement_claims ON trade_signal_id = id")
        assert row.status == "active"
        assert row.status_reason.startswith("data quality 83.3 of 90: 50 of 60 candles: 10 missing from ")
        assert row.lease_expires_at <= row.next_attempt_at
        assert claim_due(database, "run 2", SETTINGS).batches == {}, "not due before its next attempt"

    def test_the_delay_doubles_and_ends_with_the_patience(self, database):
        insert(database, self.FRESH)
        delays = []
        for number in range(8):
            run(
                database,
                "UPDATE settlement_claims "
                "SET lease_expires_at = now() - interval '1 second', next_attempt_at = NULL",
            )
            sweep(database, f"run {number}")
            ((delay,),) = rows(database, "SELECT next_attempt_at - lease_expires_at FROM settlement_claims")
            delays.append(delay / timedelta(minutes=1))
        assert delays == [5, 10, 20, 40, 80, 120, 120, 120]

    def test_better_data_settles_a_trade_that_waited(self, database):
        (trade,) = insert(database, self.FRESH)
        assert sweep(database) == {"waiting": 1}
        store(database, rising(start=self.FRESH["generated_at"]))
        run(database, "UPDATE settlement_claims SET next_attempt_at = now() - interval '1 second'")
        assert sweep(database, "run 2") == {"completed_success": 1}
        assert status(database, trade) == "completed_success"

    def test_when_patience_ends_the_trade_ends_incomplete_with_score_and_reason(self, database):
        store(database, rising(minutes=50))
        insert(database, {}, {"symbol": "ETH"})  # expired long ago
        assert sweep(database) == {"incomplete_data": 2}
        some, none = rows(
            database,
            "SELECT s.status_reason, r.* FROM trade_signals s "
            "JOIN trade_results r ON r.trade_signal_id = s.id ORDER BY s.symbol",
        )
        assert some.status_reason.startswith("data quality 83.3 of 90: 50 of 60 candles")
        assert (some.exit_reason, some.data_source, some.data_resolution) == ("poor_data", "archive", "1m")
        assert some.data_quality_score == pytest.approx(Decimal(250) / 3)
        assert none.status_reason == "no candle in the window"
        assert (none.exit_reason, none.data_quality_score) == ("no_candles", 0)
        assert (none.entry_at, none.net_profit_loss, none.tp1_hit) == (None, None, False)

    def test_coarser_candles_serve_where_the_fine_ones_are_too_few(self, database):
        store(database, rising(minutes=30))
        coarse = rising(minutes=12).assign(timestamp=lambda frame: START + (frame["timestamp"] - START) * 5)
        store(database, coarse, "5m", "kraken")
        insert(database, {})
        sweep(database)
        assert rows(database, "SELECT data_resolution, data_source FROM trade_results") == [("5m", "kraken")]

    def test_all_sources_in_the_window_are_named(self, database):
        minutes = rising()
        store(database, minutes[:40], source="kraken")
        store(database, minutes[40:], source="ccxt:coinbase")
        insert(database, {}, {"expires_at": START + timedelta(minutes=30)})
        sweep(database)
        found = rows(
            database,
            "SELECT data_source FROM trade_results r JOIN trade_signals s ON s.id = r.trade_signal_id "
            "ORDER BY s.expires_at",
        )
        assert found == [("kraken",), ("ccxt:coinbase+kraken",)]

    def test_invented_candles_never_settle_a_trade_of_a_real_market(self, database):
        store(database, rising(), source="sandbox")
        insert(database, {})
        assert sweep(database) == {"incomplete_data": 1}

    def test_and_a_sandbox_trade_is_not_settled_on_real_candles(self, database):
        store(database, rising(), source="archive")
        insert(database, {})
        assert sweep(database, settings=Settings(candle_sources=("sandbox",))) == {"incomplete_data": 1}

    def test_a_window_too_short_for_a_candle_is_answered_at_once(self, database):
        insert(database, {"expires_at": START + timedelta(seconds=50)})
        assert sweep(database) == {"incomplete_data": 1}
        assert rows(database, "SELECT exit_reason FROM trade_results") == [("no_candles",)]


def test_what_no_source_could_give_is_repeated_to_the_operator(database):
    insert(database, {"symbol": "NOSUCHCOIN"})
    claim_due(database, "run 1", SETTINGS)
    counts = collect_batch(database, "run 1", 0, [NothingKnown()], SETTINGS)
    assert counts == {"candles": 0, "symbols_short": 1}
    settle_batch(database, "run 1", 0, SETTINGS)
    ((reason,),) = rows(database, "SELECT status_reason FROM trade_signals")
    assert "NOSUCHCOIN" in reason


def test_the_time_that_settling_took_is_measured_where_there_was_something_to_settle(database, tmp_path):
    store(database, rising())
    insert(database, {}, {})
    with writing_to(database, Spool(tmp_path)):
        sweep(database)
        assert settle_batch(database, "run 1", 0, SETTINGS) == {}
    found = rows(database, "SELECT metric_type, metric_name, unit, metadata FROM atge_performance_metrics")
    assert found == [("backtest_time", "settle_batch", "seconds", {"trades": 2, "outcome": "ok"})]


def test_statistics_follow_the_settled_trades(database):
    store(database, rising())
    insert(database, {}, {}, {"user_id": "00000000-0000-0000-0000-000000000002"})
    sweep(database)
    assert refresh_performance(database) == 2
    assert refresh_performance(database) == 0, "nothing is stale any more"
    ((total, won),) = rows(
        database,
        "SELECT total_trades, winning_trades FROM atge_performance_cache WHERE user_id = :user",
        user=USER,
    )
    assert (total, won) == (2, 2)


def test_a_trade_set_back_to_active_by_hand_is_settled_anew(database):
    store(database, rising())
    insert(database, {})
    sweep(database)
    run(database, "UPDATE trade_results SET ai_analysis = 'old', net_profit_loss = 12345")
    run(database, "UPDATE trade_signals SET status = 'active'")
    sweep(database, "run 2")
    ((net, analysis),) = rows(database, "SELECT net_profit_loss, ai_analysis FROM trade_results")
    assert net < 20
    assert analysis is None


def test_the_settings_of_the_money_are_used(database):
    store(database, rising())
    insert(database, {})
    sweep(
        database,
        settings=Settings(candle_sources=("archive",), fee_rate=0, slippage_rate=0, trade_size_usd=500),
    )
    ((net, size),) = rows(database, "SELECT net_profit_loss, trade_size_usd FROM trade_results")
    assert float(net) == pytest.approx(9.5)
    assert size == 500


def test_trades_that_another_sweep_takes_while_they_are_written_are_left_to_it(database, monkeypatch):
    """The other sweep's claim is under way, seen by nobody, when this one, whose lease has lapsed, writes."""
    store(database, rising())
    insert(database, {}, {})
    claim_due(database, "slow", SETTINGS)
    judged, taken = threading.Event(), threading.Event()

    def judge_slowly(*arguments):
        verdicts = judge_trades(*arguments)
        judged.set()
        assert taken.wait(30)
        return verdicts

    monkeypatch.setattr("include.trades.settle.judge_trades", judge_slowly)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(settle_batch, database, "slow", 0, SETTINGS)
        assert judged.wait(30)
        run(database, "UPDATE settlement_claims SET lease_expires_at = now() - interval '1 second'")
        with database.begin() as connection:
            quick = {"claim_id": "quick", "claim_limit": 9, "batch_size": 9, "lease": SETTINGS.lease}
            connection.execute(sql("trades/claim_trades"), quick)
            taken.set()
            waits = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'settled_rows'"
            wait_for(lambda: rows(database, waits), "the slow sweep waits for the trades", seconds=30)
        with pytest.raises(ClaimLostError, match="2 trades"):
            slow.result()
    assert rows(database, "SELECT count(*) FROM trade_results") == [(0,)]
    monkeypatch.undo()
    assert settle_batch(database, "slow", 0, SETTINGS) == {}
    assert settle_batch(database, "quick", 0, SETTINGS) == {"completed_success": 2}
