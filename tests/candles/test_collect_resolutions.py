"""Which resolution a collection asks for."""

from datetime import timedelta

import pandas as pd
import pytest

from include.candles.collect import collect_candles
from include.candles.frame import RESOLUTIONS
from tests.support.candles import NOW, START, minutes, windows
from tests.support.shelf import MINUTE, Broken, Shelf, stored


def by(resolution: str, count: int) -> pd.DataFrame:
    interval = RESOLUTIONS[resolution]
    return minutes(count, start=START.replace(hour=0), step=interval)


DAY = windows(("BTC", START.replace(hour=0), START.replace(hour=0) + timedelta(days=1)))


def test_the_finest_resolution_wins_at_whatever_source(database):
    coarse, fine = (
        Shelf("kraken", by("1h", 24), resolution="1h"),
        Shelf("ccxt:binance", by("5m", 288), resolution="5m"),
    )
    collection = collect_candles(database, DAY, [coarse, fine], now=NOW)
    assert collection.missing == {}
    assert len(stored(database, "5m")) == 288
    assert coarse.asked == []


def test_a_coarser_resolution_is_taken_where_the_finer_does_not_reach_back(database):
    source = Shelf("kraken", by("1m", 1440)).add("15m", by("15m", 96)).add("1h", by("1h", 24))
    midnight = START.replace(hour=0)
    source.oldest = {"1m": START, "15m": midnight + 12 * MINUTE}  # half of the day, and over 90 % of it
    collection = collect_candles(database, DAY, [source], now=NOW)
    assert source.asked == [("BTC", "15m", midnight + 15 * MINUTE, midnight + timedelta(days=1))]
    assert len(stored(database, "15m")) == 95
    assert collection.missing == {}


@pytest.mark.parametrize(
    ("hours", "temporary", "settles_on_hours"), [(1, True, False), (3, True, True), (1, False, True)]
)
def test_a_short_outage_does_not_make_do_with_hours(database, hours, temporary, settles_on_hours):
    broken = Broken("kraken", by("1m", 1440))
    broken.temporary = temporary
    hourly = Shelf("coinmarketcap", by("1h", 24), resolution="1h")
    expired = DAY["end"][0].to_pydatetime()
    collection = collect_candles(database, DAY, [hourly, broken], now=expired + timedelta(hours=hours))
    assert len(stored(database, "1h")) == (24 if settles_on_hours else 0)
    assert ("BTC" in collection.missing) is not settles_on_hours


def test_a_coarser_resolution_is_taken_where_the_finer_has_too_little(database):
    source = Shelf("kraken", by("1m", 700)).add("1h", by("1h", 24))
    collection = collect_candles(database, DAY, [source], now=NOW)
    assert collection.missing == {}
    assert (len(stored(database)), len(stored(database, "1h"))) == (700, 24)


def test_a_coarser_resolution_is_not_asked_for_where_the_finer_has_enough(database):
    source = Shelf("kraken", by("1m", 1300)).add("1h", by("1h", 24))
    assert collect_candles(database, DAY, [source], now=NOW, enough=90).missing == {}
    assert {resolution for _, resolution, _, _ in source.asked} == {"1m"}
    collect_candles(database, DAY, [source], now=NOW, enough=95)
    assert len(stored(database, "1h")) == 24


def test_what_does_not_reach_back_is_not_asked_and_said(database):
    source = Shelf("kraken", by("1m", 1440))
    source.oldest = {"1m": START}
    collection = collect_candles(database, DAY, [source], now=NOW)
    assert source.asked == []
    assert collection.missing == {"BTC": "kraken: 1m candles reach back to 2024-03-04 12:00 only"}


def test_a_candle_that_is_too_long_for_the_window(database):
    source = Shelf("coinmarketcap", by("1h", 24), resolution="1h")
    wanted = windows(("BTC", START + MINUTE, START + 59 * MINUTE))
    collection = collect_candles(database, wanted, [source], now=NOW)
    assert collection.missing == {"BTC": "coinmarketcap: no 1h candle fits into a window"}
    assert source.asked == []
