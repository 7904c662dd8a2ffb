"""The end of a window: waited for while a trade is open, and not longer than it is worth."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from include.candles import Fetched, LeftOut, Offer, SourceError
from include.trades.claim import claim_due
from include.trades.collect import collect_batch, collect_interval
from include.trades.settle import settle_batch
from tests.support.replays import replay
from tests.support.trades import SETTINGS, insert, rising, rows, run, store

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
END = datetime.now(UTC).replace(second=0, microsecond=0) - 3 * MINUTE
FRESH = {"generated_at": END - HOUR, "expires_at": END}
PATIENT = {
    "take_profit_1": 110,
    "take_profit_2": 120,
    "take_profit_3": 130,
}  # open at the end, unless it falls
LATE = {"generated_at": END - 5 * HOUR, "expires_at": END - 4 * HOUR}  # nobody waits for its end


class Exchange:
    """A source of minutes that publishes them some minutes late."""

    name = "ccxt:binance"
    local = False

    def __init__(self, candles, behind=0):
        self.candles = candles
        self.behind = behind
        self.asked = []

    def offers(self, symbol, now):
        return (Offer("1m", None, volume=True),)

    def fetch(self, symbol, resolution, start, end):
        self.asked.append((start, end))
        times = self.candles["timestamp"]
        published = times < self.candles["timestamp"].max() - (self.behind - 1) * MINUTE
        return Fetched(self.candles[(times >= start) & (times < end) & published])


def calm(minutes=60, start=FRESH["generated_at"], *, falls=True):
    """Minutes at 100 that touch nothing but the entry; the last one may fall through the stop."""
    candles = rising(minutes=minutes, start=start)
    candles[["open", "high", "low", "close"]] = [100.0, 100.5, 99.5, 100.0]
    if falls:
        candles.loc[candles.index[-1], ["low", "close"]] = [90.0, 91.0]
    return candles


def sweep(database, *sources, claim_id="run 1", settings=SETTINGS):
    """One sweep, collecting only where there are sources; give what the steps said."""
    said = []
    for batch in claim_due(database, claim_id, settings).batches:
        if sources:
            said.append(collect_batch(database, claim_id, batch, sources, settings))
        said.append(settle_batch(database, claim_id, batch, settings))
    return said


def trade(database):
    (row,) = rows(
        database,
        "SELECT status, status_reason, exit_reason, net_profit_loss, unseen_candles FROM vw_complete_trades",
    )
    return row


def make_due(database):
    run(database, "UPDATE settlement_claims SET next_attempt_at = now() - interval '1 second'")


# -- waiting ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("behind", [1, 2, 6])
def test_an_open_trade_waits_until_the_exchange_has_published_its_last_minutes(database, behind):
    insert(database, FRESH | PATIENT)
    exchange = Exchange(calm(), behind)
    assert sweep(database, exchange)[1:] == [{"waiting": 1}]
    row = trade(database)
    assert row.status == "active"
    assert row.status_reason.startswith("open where its candles end, whose rest is awaited until ")
    assert f"{60 - behind} of 60 candles: {behind} missing" in row.status_reason
    assert row.status_reason.endswith(f"ccxt:binance: gave {60 - behind} of 60 1m candles")

    exchange.behind = 0
    make_due(database)
    sweep(database, exchange, claim_id="run 2")
    row = trade(database)
    assert (row.exit_reason, round(row.net_profit_loss, 2)) == ("stopped", Decimal("-23.96"))
    assert row.unseen_candles == 0


def test_it_is_due_again_soon_and_when_nobody_waits_any_longer(database):
    insert(database, FRESH | PATIENT)
    store(database, calm()[:58])
    delays = []
    for number in range(4):
        run(database, "UPDATE settlement_claims SET lease_expires_at = now() - interval '1 second'")
        make_due(database)
        sweep(database, claim_id=f"run {number}")
        ((delay,),) = rows(database, "SELECT next_attempt_at - lease_expires_at FROM settlement_claims")
        delays.append(delay / MINUTE)
    assert delays == [5, 10, 20, 40]
    run(database, "UPDATE settlement_claims SET attempts = 9")
    make_due(database)
    sweep(database, claim_id="run 9")
    assert rows(database, "SELECT next_attempt_at FROM settlement_claims") == [(END + 2 * HOUR,)]


def test_a_trade_that_was_never_entered_waits_too(database):
    insert(database, FRESH | PATIENT | {"entry_price": 99})
    store(database, calm()[:59])
    assert sweep(database) == [{"waiting": 1}]


def test_a_trade_that_ended_before_needs_no_more_candles(database):
    insert(database, FRESH)
    store(database, rising(minutes=58, start=FRESH["generated_at"]))
    sweep(database)
    row = trade(database)
    assert (row.exit_reason, row.unseen_candles) == ("targets", 0)


def test_a_hole_before_the_end_is_waited_for_by_nobody(database):
    insert(database, FRESH | PATIENT)
    store(database, calm(falls=False).drop(index=[20, 21, 40]))
    sweep(database)
    row = trade(database)
    assert (row.exit_reason, row.unseen_candles) == ("expired", 3)


@pytest.mark.parametrize("candle", [{"low": 0.0}, {"open": -1.0, "low": -1.0}])
def test_a_last_candle_without_prices_is_not_there(database, candle):
    candles = calm(falls=False)
    candles.loc[59, list(candle)] = list(candle.values())
    insert(database, FRESH | PATIENT)
    store(database, candles)
    assert sweep(database) == [{"waiting": 1}]


def test_coarse_candles_are_waited_for_as_well(database):
    """Twelve hours of which the last one, in which the price falls, comes later."""
    hour = END.replace(minute=0)
    insert(database, PATIENT | {"generated_at": hour - 12 * HOUR, "expires_at": hour})
    hours = calm(12)
    hours["timestamp"] = pd.date_range(hour - 12 * HOUR, periods=12, freq="h", unit="us")
    store(database, hours[:11], "1h", "coinmarketcap")
    assert sweep(database) == [{"waiting": 1}]
    assert "11 of 12 candles" in trade(database).status_reason
    store(database, hours, "1h", "coinmarketcap")
    make_due(database)
    sweep(database, claim_id="run 2")
    assert trade(database).exit_reason == "stopped"


# -- and no longer ---------------------------------------------------------------------------------------


def test_after_the_patience_the_last_close_that_is_there_counts(database):
    insert(database, LATE | PATIENT)
    store(database, calm(start=LATE["generated_at"])[:58])
    sweep(database)
    assert trade(database).exit_reason == "expired"


@pytest.mark.parametrize(
    ("patience", "status"), [(0, "completed_failure"), (2, "completed_failure"), (60, "active")]
)
def test_the_patience_is_a_setting(database, patience, status):
    insert(database, FRESH | PATIENT)
    store(database, calm()[:58])
    sweep(database, settings=SETTINGS.model_copy(update={"tail_patience": patience * MINUTE}))
    assert trade(database).status == status


def test_it_outlasts_the_patience_for_better_data(database):
    """Good data of which the end is late is not refused as poor."""
    insert(database, FRESH | PATIENT)
    store(database, calm()[:58])
    hasty = SETTINGS.model_copy(update={"data_quality_patience": timedelta(0)})
    assert sweep(database, settings=hasty) == [{"waiting": 1}]


# -- what was looked at ----------------------------------------------------------------------------------


def test_an_earlier_look_does_not_keep_the_next_one_from_an_unpublished_end(database):
    insert(database, FRESH | PATIENT)
    exchange = Exchange(calm(), behind=3)
    now = datetime.now(UTC)
    collect_interval(database, END - HOUR, now, [exchange], SETTINGS)
    assert exchange.asked == [(END - HOUR, END)]
    exchange.behind = 0
    sweep(database, exchange)
    assert exchange.asked[1:] == [(END - 4 * MINUTE, END)]
    assert trade(database).exit_reason == "stopped"


def test_a_candle_that_was_sent_before_it_was_whole_is_corrected_with_those_that_follow(database):
    insert(database, FRESH | PATIENT)
    whole = calm(falls=False)
    whole.loc[56, ["low", "close"]] = [90.0, 91.0]
    partial = whole[:57].copy()
    partial.loc[56, ["low", "close"]] = [99.5, 100.0]
    assert sweep(database, Exchange(partial))[1:] == [{"waiting": 1}]
    make_due(database)
    sweep(database, Exchange(whole), claim_id="run 2")
    assert trade(database).exit_reason == "stopped"


def test_a_hole_of_a_recent_window_is_remembered(database):
    insert(database, FRESH | PATIENT)
    exchange = Exchange(calm(falls=False).drop(index=[20]))
    for _ in range(2):
        collect_interval(database, END - HOUR, datetime.now(UTC), [exchange], SETTINGS)
    assert exchange.asked == [(END - HOUR, END)]


# -- sources that give nothing ---------------------------------------------------------------------------


class Refusing(Exchange):
    name = "coingecko:pro"

    def offers(self, symbol, now):
        raise SourceError("answered 401: this key is invalid", temporary=False)


class Crashing(Exchange):
    name = "archive"

    def fetch(self, symbol, resolution, start, end):
        raise KeyError("nobody expected this")


def test_sources_that_cannot_answer_stop_nobody_and_are_named(database, caplog):
    insert(database, FRESH | PATIENT)
    exchange = Exchange(calm())
    why = "no key; store one as password of the connection 'market_coinmarketcap'"
    broken = [LeftOut("coinmarketcap", why), Refusing(calm()), Crashing(calm())]
    said, *_ = sweep(database, *broken, exchange)
    assert trade(database).exit_reason == "stopped"
    assert said == {
        "candles": 60,
        "symbols_short": 0,
        "left_out": {
            "coinmarketcap": why,
            "coingecko:pro": "answered 401: this key is invalid",
            "archive": "it broke down: KeyError, see the log",
        },
    }
    assert f"coinmarketcap is left out: {why}" in caplog.messages


@pytest.mark.parametrize("behind", [2, 30], ids=["its end is awaited", "its data is poor"])
def test_a_trade_that_waits_says_which_source_was_left_out(database, behind):
    insert(database, FRESH | PATIENT)
    why = "no key; store one as password of the connection 'market_coinmarketcap'"
    sweep(database, Exchange(calm(), behind), LeftOut("coinmarketcap", why))
    assert f"coinmarketcap: left out: {why}" in trade(database).status_reason


# -- replays ---------------------------------------------------------------------------------------------


def test_a_replay_of_an_old_trade_waits_for_nothing(database):
    insert(database, LATE | PATIENT)
    store(database, calm(start=LATE["generated_at"], falls=False))
    sweep(database)
    run(database, "DELETE FROM market_candles WHERE timestamp >= :at", at=LATE["expires_at"] - 2 * MINUTE)
    assert replay(database, dry_run=True)["outcomes"] == {"changed": 1}


def test_a_replay_leaves_a_fresh_trade_whose_end_is_missing_as_it_is(database):
    insert(database, FRESH | PATIENT)
    store(database, calm())
    sweep(database)
    run(database, "DELETE FROM market_candles WHERE timestamp >= :at", at=END - 2 * MINUTE)
    assert replay(database)["outcomes"] == {"poor_data": 1}
    assert trade(database).exit_reason == "stopped"
    ((reason,),) = rows(database, "SELECT reason FROM replay_trades")
    assert reason.startswith("open where its candles end")


# -- silence ---------------------------------------------------------------------------------------------


def test_the_volume_reaches_the_engine(database):
    silent = calm(start=LATE["generated_at"], falls=False)
    silent[["open", "high", "low", "close", "volume"]] = [100.0, 100.0, 100.0, 100.0, 0.0]
    insert(database, LATE)
    store(database, silent)
    sweep(database)
    assert (trade(database).status, trade(database).exit_reason) == ("expired", "not_entered")
    run(database, "UPDATE market_candles SET volume = 0.000000001")
    replay(database)
    assert trade(database).exit_reason == "expired"


# -- what was not seen -----------------------------------------------------------------------------------


def test_unseen_candles_are_counted_up_to_the_exit_or_the_expiry(database):
    """Against a plain count, on windows off the grid and candles with holes."""
    random = np.random.default_rng(3)
    start = LATE["generated_at"]
    candles = rising(minutes=60, start=start)[random.random(60) > 0.3]
    store(database, candles)
    held = set(candles["timestamp"])
    trades = [
        {
            "generated_at": start + timedelta(seconds=int(random.integers(0, 600))),
            "expires_at": start + timedelta(seconds=int(random.integers(900, 3600))),
            "entry_price": price, "stop_loss": price - 5,
            "take_profit_1": price + 1, "take_profit_2": price + 2, "take_profit_3": price + 3,
        }
        for price in [90, *random.choice([100.5, 101, 102], 40)]
    ]  # fmt: skip
    insert(database, *trades)
    sweep(database, settings=SETTINGS.model_copy(update={"data_quality_min": 20.0}))
    found = rows(database, "SELECT * FROM trade_results r JOIN trade_signals s ON s.id = r.trade_signal_id")
    assert {row.exit_reason for row in found} >= {"not_entered", "targets", "expired"}
    for row in found:
        until = row.exit_at + MINUTE if row.exit_at else row.expires_at
        minutes = [start + number * MINUTE for number in range(60)]
        whole = [at for at in minutes if at >= row.generated_at and at + MINUTE <= until]
        assert row.unseen_candles == sum(at not in held for at in whole)


def test_what_was_given_up_says_what_it_lacked_and_what_is_invalid_says_nothing(database):
    old = {"generated_at": END - 50 * HOUR, "expires_at": END - 49 * HOUR}
    store(database, rising(minutes=50, start=old["generated_at"]))
    insert(database, old, old | {"symbol": "ETH"}, old | {"symbol": "XRP", "stop_loss": 101})
    sweep(database)
    found = rows(
        database,
        "SELECT s.symbol, r.exit_reason, r.unseen_candles FROM trade_results r "
        "JOIN trade_signals s ON s.id = r.trade_signal_id ORDER BY s.symbol",
    )
    assert found[:2] == [("BTC", "poor_data", 10), ("ETH", "no_candles", 60)]
    assert found[2][2] is None


def test_results_from_before_there_was_a_count_are_not_changed_by_it(database):
    insert(database, LATE)
    store(database, rising(start=LATE["generated_at"]))
    sweep(database)
    run(database, "UPDATE trade_results SET unseen_candles = NULL")
    assert replay(database)["outcomes"] == {"unchanged": 1}
