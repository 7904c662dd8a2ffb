"""Collecting once more what is there already: corrections come in, better candles stay."""

from datetime import timedelta

import pytest

from include.candles.collect import collect_candles
from tests.candles.test_collect import HOUR, MINUTE, Broken, Shelf, stored
from tests.support.candles import NOW, START, minutes

AGAIN = {"now": NOW, "again_since": NOW - timedelta(seconds=1)}


@pytest.fixture
def held(database):
    """An hour of Kraken's minutes, collected an hour ago."""
    first = Shelf("kraken", minutes())
    collect_candles(database, HOUR, [first], now=NOW - timedelta(hours=1))
    assert len(stored(database)) == 60
    return database


def test_what_is_held_is_asked_for_again_and_corrections_replace_it(held):
    corrected = minutes()
    corrected.loc[7, "volume"] += 1
    kraken = Shelf("kraken", corrected)
    assert collect_candles(held, HOUR, [kraken], now=NOW).written == 0, "as ever: nothing is missing"
    assert kraken.asked == []
    assert collect_candles(held, HOUR, [kraken], **AGAIN).written == 1
    assert kraken.asked == [("BTC", "1m", START, START + 60 * MINUTE)]
    assert stored(held)["volume"].tolist() == corrected["volume"].tolist()


def test_a_second_time_asks_for_nothing_that_was_fetched_since(held):
    kraken = Shelf("kraken", minutes())
    collect_candles(held, HOUR, [kraken], **AGAIN)
    kraken.asked.clear()
    assert collect_candles(held, HOUR, [kraken], **AGAIN).fetches == 0
    assert kraken.asked == []


def test_the_next_source_is_asked_only_for_what_the_first_left_open(held):
    kraken, other = Shelf("kraken", minutes().iloc[:40]), Shelf("ccxt:coinbase", minutes())
    with held.begin() as connection:
        connection.exec_driver_sql(
            "DELETE FROM market_candles WHERE timestamp >= '%s'" % (START + 50 * MINUTE)
        )
    collect_candles(held, HOUR, [kraken, other], **AGAIN)
    assert other.asked == [("BTC", "1m", START + 50 * MINUTE, START + 60 * MINUTE)]
    assert set(stored(held)["source"]) == {"kraken", "ccxt:coinbase"}


def test_a_worse_source_replaces_nothing_when_the_better_one_is_down(held):
    before = stored(held)
    other = Shelf("coingecko", minutes().assign(close=lambda frame: frame["high"]))
    collection = collect_candles(held, HOUR, [Broken("kraken", minutes()), other], **AGAIN)
    assert other.asked, "it stands in for the better one"
    assert collection.written == 0
    assert stored(held).equals(before)
