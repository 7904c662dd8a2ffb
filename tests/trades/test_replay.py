"""Replays in the database: what is replaced, kept, reported and left alone."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest

from include.settings import Settings
from include.trades.performance import refresh_performance
from include.trades.replay import BUSY_REASON, read_replay, replay_batches
from include.trades.replay_report import ReplayUnfinishedError, report_replay
from tests.support.replays import RUN_URL, begin, correct, replay, results, settle
from tests.support.trades import SETTINGS, START, USER, insert, rising, rows, run, store

OTHER = "00000000-0000-0000-0000-000000000002"


@pytest.fixture
def settled(database):
    """Two trades on BTC and one on ETH, all won; then BTC's candles were corrected: they fell."""
    store(database, rising())
    store(database, rising("ETH"))
    insert(database, {}, {"user_id": OTHER}, {"symbol": "ETH"})
    settle(database)
    run(database, "UPDATE trade_results SET ai_analysis = 'It went well', ai_analysis_generated_at = now()")
    correct(database)
    refresh_performance(database)
    return database


def history(database):
    return rows(database, "SELECT * FROM trade_result_history ORDER BY trade_signal_id")


def test_a_replay_writes_the_new_result_and_keeps_the_former_with_who_when_and_why(settled):
    before = {row.trade_signal_id: row for row in results(settled)}
    report = replay(settled)
    assert report["outcomes"] == {"changed": 2, "unchanged": 1}
    btc, _, eth = (row for row in results(settled))
    assert (btc.status, btc.status_reason, btc.exit_reason) == ("completed_failure", "stopped", "stopped")
    assert btc.net_profit_loss < 0
    assert btc.net_profit_loss == btc.gross_profit_loss - btc.fees_paid - btc.slippage_cost
    assert (btc.ai_analysis, btc.ai_analysis_generated_at) == (None, None), "it was about the old result"
    assert btc.completed_at == before[btc.trade_signal_id].completed_at, "the order of the trades stays"
    assert btc.id == before[btc.trade_signal_id].id
    assert eth == before[eth.trade_signal_id], "not even touched"

    kept = history(settled)
    assert {row.trade_signal_id for row in kept} == before.keys() - {eth.trade_signal_id}
    for row in kept:
        former = before[row.trade_signal_id]
        assert (row.replaced_by, row.reason, row.run_url) == ("ann", "the archive was wrong", RUN_URL)
        assert (row.replay_id, row.status) == ("replay 1", "completed_success")
        assert row.replaced_at is not None
        assert (row.net_profit_loss, row.completed_at) == (former.net_profit_loss, former.completed_at)
        assert row.result["ai_analysis"] == "It went well"
    restored = rows(
        settled,
        "SELECT (jsonb_populate_record(NULL::trade_results, result)).* FROM trade_result_history "
        "ORDER BY trade_signal_id",
    )
    columns = restored[0]._fields
    assert [tuple(row) for row in restored] == [
        tuple(
            getattr(before[row.trade_signal_id], column) if column != "id" else row.id for column in columns
        )
        for row in restored
    ], "the former row is there whole, to the last digit"


def test_a_dry_run_reports_the_same_and_writes_nothing_but_its_report(settled):
    before = results(settled)
    report = replay(settled, dry_run=True, reason=None)
    assert results(settled) == before
    assert history(settled) == []
    assert rows(settled, "SELECT * FROM performance_refreshes") == []
    real = replay(settled, "replay 2")
    assert report.pop("dry_run") is True
    assert real.pop("dry_run") is False
    assert report == real
    assert report["changes"] == [
        {
            "from": "completed_success",
            "to": "completed_failure",
            "trades": 2,
            "difference": report["difference"],
        }
    ]
    before_net = sum(row.net_profit_loss for row in before)
    after_net = sum(row.net_profit_loss for row in results(settled))
    assert report["net_before"] == f"{before_net:.2f}"
    assert report["net_after"] == f"{after_net:.2f}"
    assert report["difference"] == f"{after_net - before_net:.2f}"
    assert report["analyses_redone"] == 2
    assert (
        rows(settled, "SELECT report FROM replays WHERE id = 'replay 2'")[0].report["outcomes"]
        == report["outcomes"]
    )


def test_the_twenty_largest_differences_are_named_the_largest_first(database):
    store(database, rising())
    insert(database, *[{"entry_price": 100 + step / 50, "stop_loss": 98} for step in range(25)])
    settle(database)
    correct(database)
    largest = replay(database, dry_run=True)["largest"]
    differences = [abs(Decimal(trade["difference"])) for trade in largest]
    assert len(largest) == 20
    assert differences == sorted(differences, reverse=True)
    everything = rows(
        database, "SELECT abs(net_after - net_before) AS by FROM replay_trades ORDER BY 1 DESC LIMIT 1"
    )
    assert differences[0] == round(everything[0].by, 2)


def test_replaying_twice_changes_nothing_the_second_time(settled):
    replay(settled)
    after = results(settled)
    report = replay(settled, "replay 2")
    assert report["outcomes"] == {"unchanged": 3}
    assert (report["difference"], report["changes"], report["largest"]) == ("0.00", [], [])
    assert results(settled) == after
    assert len(history(settled)) == 2


def test_the_statistics_follow(settled):
    replay(settled)
    assert refresh_performance(settled) == 2
    users = rows(
        settled, "SELECT user_id, winning_trades, losing_trades FROM atge_performance_cache ORDER BY 1"
    )
    assert [(str(row.user_id), row.winning_trades, row.losing_trades) for row in users] == [
        (str(USER), 1, 1),
        (OTHER, 0, 1),
    ]


def test_the_filter_chooses(settled):
    for form, symbols in [
        ({"symbols": ["ETH"]}, ["ETH"]),
        ({"users": [OTHER]}, ["BTC"]),
        ({"symbols": ["BTC"], "users": [str(USER)]}, ["BTC"]),
        ({"first_day": "2026-03-02", "last_day": "2026-03-02"}, ["BTC", "BTC", "ETH"]),
    ]:
        begin(settled, str(form), **{"first_day": None} | form)
        chosen = rows(
            settled,
            "SELECT symbol FROM replay_trades JOIN trade_signals ON id = trade_signal_id "
            "WHERE replay_id = :id ORDER BY symbol",
            id=str(form),
        )
        assert [row.symbol for row in chosen] == symbols


def test_a_window_is_of_the_days_on_which_the_time_was_up(database):
    store(database, rising())
    midnight = START.replace(hour=0)
    insert(
        database,
        {"generated_at": midnight - timedelta(hours=1), "expires_at": midnight - timedelta(seconds=1)},
        {"generated_at": midnight - timedelta(hours=1), "expires_at": midnight},
        {"expires_at": midnight + timedelta(days=1)},
    )
    settle(database)
    begin(database, first_day="2026-03-02", last_day="2026-03-02")
    ((chosen,),) = rows(database, "SELECT count(*) FROM replay_trades")
    assert chosen == 1


def test_trades_that_are_not_settled_are_left_out_and_counted(settled):
    insert(settled, {}, {}, {})
    run(
        settled,
        "UPDATE trade_signals SET status = 'cancelled' WHERE id = (SELECT id FROM trade_signals "
        "WHERE status = 'active' LIMIT 1)",
    )
    report = replay(settled)
    assert report["left_out"] == {"active": 2, "cancelled": 1}
    assert report["trades"] == 3


def test_what_is_settled_no_more_when_its_turn_comes_is_skipped(settled):
    started = begin(settled)
    run(settled, "UPDATE trade_signals SET status = 'active' WHERE symbol = 'ETH'")
    run(settled, f"DELETE FROM trade_signals WHERE user_id = '{OTHER}'")
    replay_batches(settled, started, "worker 0")
    assert report_replay(settled, "replay 1")["outcomes"] == {"changed": 1, "skipped": 2}
    reasons = rows(settled, "SELECT reason FROM replay_trades WHERE outcome = 'skipped' ORDER BY 1")
    assert [row.reason for row in reasons] == ["it is active now", "it is deleted"]


def test_candles_that_are_too_few_today_leave_the_former_result(settled):
    before = results(settled)
    run(
        settled,
        "DELETE FROM market_candles WHERE symbol = 'BTC' AND timestamp >= :t",
        t=START + timedelta(minutes=50),
    )
    report = replay(settled)
    assert report["outcomes"] == {"poor_data": 2, "unchanged": 1}
    assert results(settled) == before
    reasons = rows(settled, "SELECT DISTINCT reason FROM replay_trades WHERE outcome = 'poor_data'")
    assert reasons[0].reason.startswith("data quality 83.3 of 90: 50 of 60 candles")


def test_better_data_settles_what_had_ended_incomplete(database):
    store(database, rising(minutes=30))
    insert(database, {})
    settle(database)
    assert results(database)[0].status == "incomplete_data"
    store(database, rising())
    assert replay(database)["changes"] == [
        {"from": "incomplete_data", "to": "completed_success", "trades": 1, "difference": "14.96"}
    ]
    assert results(database)[0].net_profit_loss == pytest.approx(Decimal("14.96"), abs=Decimal("0.01"))


def test_a_settled_trade_without_a_result_gets_one(settled):
    run(settled, "DELETE FROM trade_results")
    assert replay(settled)["outcomes"] == {"changed": 3}
    assert len([row for row in results(settled) if row.net_profit_loss is not None]) == 3
    assert {row.result for row in history(settled)} == {None}


def test_an_analysis_is_set_aside_for_the_sweep_to_write_anew(settled):
    run(settled, "INSERT INTO analysis_claims SELECT id, 'given up', now(), 99 FROM trade_signals")
    report = replay(settled, redo=["analysis"], symbols=["ETH"])
    assert report["outcomes"] == {"unchanged": 1}
    assert report["analyses_redone"] == 1
    analyses = rows(
        settled,
        "SELECT symbol, ai_analysis FROM trade_results JOIN trade_signals s ON s.id = trade_signal_id "
        "ORDER BY 1, 2",
    )
    assert analyses == [("BTC", "It went well"), ("BTC", "It went well"), ("ETH", None)]
    assert [row.result["ai_analysis"] for row in history(settled)] == ["It went well"]
    assert rows(settled, "SELECT count(*) FROM analysis_claims") == [(2,)], "its tries count anew"
    assert replay(settled, "replay 2", redo=["analysis"], symbols=["ETH"])["analyses_redone"] == 0
    assert len(history(settled)) == 1


def test_the_settings_are_those_of_the_start(settled):
    started = begin(settled)
    assert started.settings.fee_rate == 0.001
    changed = Settings(candle_sources=("archive",), fee_rate=0.5)
    again = read_replay(settled, "replay 1", changed)
    assert again.settings.fee_rate == 0.001
    replay_batches(settled, again, "worker 0")
    assert report_replay(settled, "replay 1")["outcomes"] == {"changed": 2, "unchanged": 1}


def test_other_fees_are_another_result(settled):
    free = Settings(candle_sources=("archive",), fee_rate=0, slippage_rate=0)
    assert replay(settled, settings=free, symbols=["ETH"])["difference"] == "4.04"


def test_a_report_before_the_end_is_refused_in_words(settled):
    begin(settled)
    with pytest.raises(ReplayUnfinishedError, match="1 batch of the replay is not done: clear"):
        report_replay(settled, "replay 1")


def test_a_report_is_given_again_as_it_was(settled):
    first = replay(settled)
    run(settled, "DELETE FROM replay_trades")
    assert report_replay(settled, "replay 1") == first


def test_work_lists_are_forgotten_after_a_month_and_reports_are_not(settled):
    replay(settled, dry_run=True)
    run(settled, "UPDATE replays SET finished_at = now() - interval '31 days'")
    replay(settled, "replay 2", dry_run=True)
    assert rows(settled, "SELECT DISTINCT replay_id FROM replay_trades") == [("replay 2",)]
    assert rows(settled, "SELECT DISTINCT replay_id FROM replay_batches") == [("replay 2",)]
    assert rows(settled, "SELECT count(*) FROM replays WHERE report IS NOT NULL") == [(2,)]


def test_a_trade_that_changes_while_it_is_computed_is_read_again(settled, monkeypatch):
    started = begin(settled)
    changes = iter(["UPDATE trade_signals SET stop_loss = 1 WHERE symbol = 'BTC'"])
    interfere(monkeypatch, settled, changes)
    replay_batches(settled, started, "worker 0")
    assert report_replay(settled, "replay 1")["outcomes"] == {"changed": 2, "unchanged": 1}
    assert {row.exit_reason for row in results(settled) if row.net_profit_loss < 0} == {"expired"}, (
        "the new stop was never reached"
    )


def test_an_analysis_that_was_given_up_is_tried_again(settled):
    run(settled, "UPDATE trade_results SET ai_analysis = NULL")
    run(settled, "INSERT INTO analysis_claims SELECT id, 'given up', now(), 99 FROM trade_signals")
    run(settled, "UPDATE analysis_claims SET given_up_at = now()")
    assert replay(settled, redo=["analysis"], symbols=["ETH"], dry_run=True)["analyses_redone"] == 1
    assert rows(settled, "SELECT count(*) FROM analysis_claims") == [(3,)]
    assert replay(settled, "replay 2", redo=["analysis"], symbols=["ETH"])["analyses_redone"] == 1
    assert rows(settled, "SELECT count(*) FROM analysis_claims") == [(2,)]
    assert history(settled) == [], "nothing was there that would be lost"


def test_an_analysis_that_arrives_meanwhile_is_in_the_history(settled, monkeypatch):
    started = begin(settled)
    interfere(monkeypatch, settled, iter(["UPDATE trade_results SET ai_analysis = 'The latest'"]))
    replay_batches(settled, started, "worker 0")
    assert {row.result["ai_analysis"] for row in history(settled)} == {"The latest"}


def test_a_trade_that_never_rests_is_skipped_in_the_end(settled, monkeypatch):
    started = begin(settled)
    interfere(
        monkeypatch, settled,
        iter(f"UPDATE trade_results SET ai_analysis = '{n}' FROM trade_signals s "
             "WHERE s.id = trade_signal_id AND symbol = 'ETH'" for n in range(99)),
    )  # fmt: skip
    replay_batches(settled, started, "worker 0")
    assert report_replay(settled, "replay 1")["outcomes"] == {"changed": 2, "skipped": 1}
    assert rows(settled, "SELECT reason FROM replay_trades WHERE outcome = 'skipped'") == [(BUSY_REASON,)]


def interfere(monkeypatch, database, statements):
    """Somebody changes rows between the reading and the writing of a pass."""
    from include.trades import replay as module

    real = module._replay

    def replay_and_change(*arguments):
        found = real(*arguments)
        if statement := next(statements, None):
            run(database, statement)
        return found

    monkeypatch.setattr(module, "_replay", replay_and_change)


def test_workers_beside_each_other_and_two_replays_at_once_write_each_trade_once(database):
    store(database, rising())
    small = SETTINGS.model_copy(update={"batch_size": 10})
    insert(database, *[{} for _ in range(100)])
    settle(database)
    correct(database)
    replays = [begin(database, name, small) for name in ("replay 1", "replay 2")]
    start, failures = threading.Barrier(6), []

    def work(number):
        start.wait()
        try:
            replay_batches(database, replays[number % 2], f"worker {number}")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    counts = [report_replay(database, name)["outcomes"] for name in ("replay 1", "replay 2")]
    assert sum(count.get("changed", 0) for count in counts) == 100
    assert sum(count.get("unchanged", 0) for count in counts) == 100
    assert len(history(database)) == 100
