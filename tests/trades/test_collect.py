"""Which candles are asked for: what trades need, merged, and nothing that is there already."""

from datetime import timedelta

import pandas as pd
import pytest

from include.candles import Fetched, Offer
from include.trades.collect import collect_interval, collect_trades
from tests.support.trades import SETTINGS, START, insert, rising, rows, run, store


class Market:
    """A source that has every minute, and remembers what it was asked for."""

    name = "kraken"
    local = True

    def __init__(self):
        self.asked = []

    def offers(self, symbol, now):
        return (Offer("1m", None, volume=True),)

    def fetch(self, symbol, resolution, start, end):
        self.asked.append((symbol, start, end))
        return Fetched(rising(symbol, int((end - start) / timedelta(minutes=1)), start))


@pytest.fixture
def market():
    return Market()


def hours(number):
    return START + timedelta(hours=number)


def collect(database, market, start, end):
    return collect_interval(database, hours(start), hours(end), [market], SETTINGS)


def test_an_active_trade_gets_its_whole_window_up_to_the_interval(database, market):
    insert(database, {"generated_at": hours(-5), "expires_at": hours(3)})
    assert collect(database, market, 0, 1) == {"candles": 360, "symbols_short": 0}
    assert market.asked == [("BTC", hours(-5), hours(1))]


def test_of_a_settled_trade_only_the_interval_is_filled(database, market):
    insert(database, {"generated_at": hours(-5), "expires_at": hours(3)})
    run(database, "UPDATE trade_signals SET status = 'completed_success'")
    assert collect(database, market, 0, 1) == {"candles": 60, "symbols_short": 0}
    assert market.asked == [("BTC", hours(0), hours(1))]


def test_windows_are_merged_by_symbol_and_what_is_held_is_subtracted(database, market):
    store(database, rising(minutes=30))
    insert(
        database,
        {"generated_at": hours(0), "expires_at": hours(1)},
        {"generated_at": hours(0.5), "expires_at": hours(2)},
        {"symbol": "ETH", "generated_at": hours(0), "expires_at": hours(1)},
    )
    collect(database, market, 0, 2)
    assert market.asked == [("BTC", hours(0.5), hours(2)), ("ETH", hours(0), hours(1))]


def test_a_second_time_asks_for_nothing(database, market):
    insert(database, {})
    collect(database, market, 0, 1)
    market.asked.clear()
    assert collect(database, market, 0, 1) == {"candles": 0, "symbols_short": 0}
    assert market.asked == []
    assert rows(database, "SELECT count(*) FROM market_candles") == [(60,)]


def test_trades_outside_the_interval_or_upside_down_want_nothing(database, market):
    insert(
        database,
        {"generated_at": hours(-3), "expires_at": hours(-2)},
        {"generated_at": hours(5), "expires_at": hours(6)},
        {"generated_at": hours(0.9), "expires_at": hours(0.1)},
    )
    assert collect(database, market, 0, 1) == {"candles": 0, "symbols_short": 0}
    assert market.asked == []


def test_nothing_open_is_nothing_to_do(database, market):
    assert collect(database, market, 0, 1) == {"candles": 0, "symbols_short": 0}
    assert pd.DataFrame(market.asked).empty


def test_chosen_trades_get_their_windows_whatever_became_of_them(database, market):
    window = {"generated_at": hours(0), "expires_at": hours(1)}
    insert(database, window, window | {"generated_at": hours(5), "expires_at": hours(6)})
    insert(database, window | {"symbol": "ETH"})
    run(database, "UPDATE trade_signals SET status = 'completed_success'")
    chosen = [row.id for row in rows(database, "SELECT id FROM trade_signals WHERE symbol = 'BTC'")]
    run(
        database,
        f"UPDATE trade_signals SET expires_at = 'infinity' WHERE id <> '{chosen[0]}' AND symbol = 'BTC'",
    )
    (asked,) = rows(
        database,
        "SELECT generated_at AS start FROM trade_signals WHERE expires_at < 'infinity' AND symbol = 'BTC'",
    )
    assert collect_trades(database, chosen, [market], SETTINGS) == {"candles": 60, "symbols_short": 0}
    assert market.asked == [("BTC", asked.start, asked.start + timedelta(hours=1))]
