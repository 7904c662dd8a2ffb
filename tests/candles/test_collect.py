"""Collecting what the store lacks: gaps, failing sources, pages, bounds."""

import os
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from include.candles import Fetched, SourceError, UnknownSymbolError
from include.candles.asking import MAX_FAILURES
from include.candles.collect import collect_candles
from include.candles.sources.archive import CandleArchive
from include.candles.store import read_candles, write_candles
from include.candles.windows import CANDLES_AT_ONCE
from tests.support.candles import NOW, START, minutes, windows
from tests.support.shelf import HOUR, MINUTE, Broken, Shelf, fetches, stored


def test_what_is_missing_is_fetched_and_what_is_there_is_not(database):
    with database.begin() as connection:
        write_candles(connection, minutes(20), "1m", "archive")
    kraken = Shelf("kraken", minutes(100))
    collection = collect_candles(database, HOUR, [kraken], now=NOW)
    assert kraken.asked == [("BTC", "1m", START + 20 * MINUTE, START + 60 * MINUTE)]
    assert (collection.written, collection.fetches, collection.missing) == (40, 1, {})
    assert_frame_equal(stored(database).drop(columns="source"), minutes(60))

    again = collect_candles(database, HOUR, [kraken], now=NOW)
    assert (again.written, again.fetches, again.missing) == (0, 0, {})
    assert len(kraken.asked) == 1


def test_overlapping_windows_are_asked_for_once(database):
    kraken = Shelf("kraken", minutes(100, "BTC"), minutes(100, "ETH"))
    wanted = windows(
        *(("BTC", START + first * MINUTE, START + (first + 30) * MINUTE) for first in range(30)),
        ("ETH", START + timedelta(seconds=5), START + timedelta(minutes=9, seconds=55)),
    )
    collect_candles(database, wanted, [kraken], now=NOW)
    assert kraken.asked == [
        ("BTC", "1m", START, START + 59 * MINUTE),
        ("ETH", "1m", START + MINUTE, START + 9 * MINUTE),
    ]


def test_the_next_source_fills_what_one_leaves_open(database):
    first = Shelf("archive", minutes(20), minutes(20, start=START + 40 * MINUTE), local=True)
    second = Shelf("kraken", minutes(100).assign(volume=7.0))
    collection = collect_candles(database, HOUR, [first, second], now=NOW)
    assert second.asked == [("BTC", "1m", START + 20 * MINUTE, START + 40 * MINUTE)]
    assert collection.missing == {}
    assert stored(database)["source"].tolist() == ["archive"] * 20 + ["kraken"] * 20 + ["archive"] * 20


def test_a_failing_source_fails_nobody_else(database):
    broken, kraken = Broken("ccxt:binance", minutes(60, "BTC")), Shelf("kraken", minutes(60))
    collection = collect_candles(database, HOUR, [broken, kraken], now=NOW)
    assert len(stored(database)) == 60
    assert collection.missing == {}


def test_a_failing_symbol_fails_no_other(database):
    source = Broken("kraken", minutes(60, "BTC"), minutes(60, "ETH"))
    source.symbol = "BTC"
    wanted = windows(("BTC", START, START + 60 * MINUTE), ("ETH", START, START + 60 * MINUTE))
    collection = collect_candles(database, wanted, [source], now=NOW)
    assert set(stored(database)["symbol"]) == {"ETH"}
    assert collection.missing == {"BTC": "kraken: 503: out of order"}
    source.symbol = "nobody"
    assert collect_candles(database, wanted, [source], now=NOW).missing == {}  # a failure is not remembered
    assert len(stored(database)) == 120


@pytest.mark.parametrize(
    "error", [SourceError("\x00\ud800", temporary=True), UnknownSymbolError("\x00\ud800")]
)
@pytest.mark.parametrize("asked", ["offers", "fetch"])
def test_words_that_postgresql_refuses_fail_no_other_symbol(database, monkeypatch, error, asked):
    source = Shelf("kraken", minutes(60, "BTC"), minutes(60, "ETH"))
    answer = getattr(source, asked)

    def fail(symbol, *rest):
        if symbol == "BTC":
            raise error
        return answer(symbol, *rest)

    monkeypatch.setattr(source, asked, fail)
    wanted = windows(("BTC", START, START + 60 * MINUTE), ("ETH", START, START + 60 * MINUTE))
    collection = collect_candles(database, wanted, [source], now=NOW)
    assert set(stored(database)["symbol"]) == {"ETH"}
    assert "�?" in collection.missing["BTC"]
    assert [fetch.reason for fetch in fetches(database) if fetch.symbol == "BTC"] == ["�?"]


def test_a_name_in_an_archive_that_is_no_text_fails_no_symbol(database, tmp_path):
    minutes(60).to_csv(tmp_path / "BTC-1m.csv", index=False)
    (tmp_path / os.fsdecode(b"B\xf6rse_1m.csv")).write_text("timestamp,open,high,low,close,volume\n")
    cut = minutes(3, start=START + 60 * MINUTE).to_csv(index=False) + "BTC,never,1,1,1,1,1\n"
    (tmp_path / os.fsdecode(b"alle_B\xf6rsen.csv")).write_text(cut)
    wanted = windows(("BTC", START, START + 120 * MINUTE), ("PEPE", START, START + 60 * MINUTE))
    collection = collect_candles(database, wanted, [CandleArchive(tmp_path)], now=NOW)
    assert len(stored(database)) == 63
    assert "B?RSE" in collection.missing["PEPE"]
    assert "alle_B?rsen.csv: 1 of 4 rows refused" in collection.missing["BTC"]
    assert "alle_B?rsen.csv: 1 of 4 rows refused" in "".join(collection.refused)


def test_a_source_that_keeps_failing_is_left_alone_and_this_is_said(database):
    symbols = [f"COIN{number}" for number in range(MAX_FAILURES + 2)]
    source = Broken("kraken", *(minutes(1, symbol) for symbol in symbols))
    wanted = windows(*((symbol, START, START + 60 * MINUTE) for symbol in symbols))
    collection = collect_candles(database, wanted, [source], now=NOW)
    assert len(source.asked) == MAX_FAILURES
    assert collection.missing[symbols[0]] == "kraken: 503: out of order"
    assert collection.missing[symbols[-1]] == "kraken: left alone after it failed: 503: out of order"


def test_a_source_that_failed_for_good_is_left_alone_at_once(database):
    source = Broken("kraken", minutes(1, "BTC"), minutes(1, "ETH"))
    source.temporary = False
    wanted = windows(("BTC", START, START + 60 * MINUTE), ("ETH", START, START + 60 * MINUTE))
    collect_candles(database, wanted, [source], now=NOW)
    assert len(source.asked) == 1


def test_an_unknown_symbol_is_said_in_words(database, tmp_path):
    minutes(5).drop(columns="symbol").to_parquet(tmp_path / "BTC-1m.parquet")
    wanted = windows(("DOGEX", START, START + 60 * MINUTE))
    sources = [CandleArchive(tmp_path), Shelf("kraken", minutes(1))]
    collection = collect_candles(database, wanted, sources, now=NOW)
    assert collection.missing == {
        "DOGEX": "unknown symbol DOGEX at every source: "
        f"archive (nothing under DOGEX in {tmp_path}; its files are named after BTC), kraken"
    }


def test_an_unknown_symbol_at_one_source_is_found_at_another(database):
    collection = collect_candles(database, HOUR, [Shelf("ccxt:bingx"), Shelf("kraken", minutes(60))], now=NOW)
    assert collection.missing == {}
    assert len(stored(database)) == 60


def test_partial_data_is_stored_and_the_rest_is_said(database):
    empty, partial = Shelf("ccxt:bingx", minutes(1, start=NOW)), Shelf("kraken", minutes(45))
    collection = collect_candles(database, HOUR, [empty, partial], now=NOW)
    assert len(stored(database)) == 45
    assert collection.missing == {
        "BTC": "ccxt:bingx: gave 0 of 60 1m candles; kraken: gave 45 of 60 1m candles"
    }


def test_long_windows_are_asked_for_in_pages(database):
    candles = minutes(CANDLES_AT_ONCE + 5)
    source = Shelf("kraken", candles)
    wanted = windows(("BTC", START, START + (CANDLES_AT_ONCE + 5) * MINUTE))
    collection = collect_candles(database, wanted, [source], now=NOW)
    assert [end - start for *_, start, end in source.asked] == [CANDLES_AT_ONCE * MINUTE, 5 * MINUTE]
    assert collection.written == CANDLES_AT_ONCE + 5


class Tired(Shelf):
    """A source that gives 20 candles at a time and says where it stopped."""

    def fetch(self, symbol: str, resolution: str, start: datetime, end: datetime) -> Fetched:
        reached = min(start + 20 * MINUTE, end)
        fetched = super().fetch(symbol, resolution, start, reached)
        self.asked[-1] = (symbol, resolution, start, end)
        return Fetched(fetched.candles, reached=None if reached == end else reached)


def test_a_source_that_stops_of_itself_is_asked_on_from_there(database):
    tired = Tired("kraken", minutes(60))
    collection = collect_candles(database, HOUR, [tired], now=NOW)
    assert (collection.written, collection.missing, collection.refused) == (60, {}, [])
    assert [start for _, _, start, _ in tired.asked] == [START + n * MINUTE for n in (0, 20, 40)]


def test_where_it_stopped_is_asked_for_at_once_next_time(database):
    tired = Tired("kraken", minutes(60))
    collection = collect_candles(database, HOUR, [tired], now=NOW, fetches_a_symbol=1)
    assert "1 requests were made" in collection.missing["BTC"]
    tired.asked.clear()
    collect_candles(database, HOUR, [tired], now=NOW)
    assert [start for _, _, start, _ in tired.asked] == [START + 20 * MINUTE, START + 40 * MINUTE]


def test_windows_without_bounds_are_refused_in_words(database):
    wanted = windows(("BTC", START, START + timedelta(days=400)), ("BTC", START, START + 9 * MINUTE))
    source = Shelf("kraken", minutes(60))
    collection = collect_candles(database, wanted, [source], now=NOW)
    assert collection.missing == {"BTC": "windows of more than 366 days are not filled"}
    assert collection.written == 9


def test_when_the_time_is_up_the_rest_is_said_to_be_missing(database):
    source = Shelf("kraken", minutes(60))
    collection = collect_candles(database, HOUR, [source], now=NOW, budget=timedelta(seconds=-1))
    assert source.asked == []
    assert collection.missing == {"BTC": "kraken: the time ran out before it was asked for everything"}


def test_the_future_is_not_asked_for(database):
    source = Shelf("kraken", minutes(60))
    collect_candles(database, HOUR, [source], now=START + timedelta(minutes=30, seconds=30))
    assert source.asked == [("BTC", "1m", START, START + 30 * MINUTE)]
    assert collect_candles(database, HOUR, [source], now=START - MINUTE).fetches == 0


def test_bad_rows_are_refused_aloud_and_asked_of_the_next_source(database):
    bad = minutes(60)
    bad.loc[5, "open"] = np.nan
    bad.loc[6, "high"] = 1.0  # stored, for the gate to judge, unless the next source knows better
    contradicted = bad[bad.index == 9].assign(close=1.5)
    first, second = Shelf("archive", bad, contradicted, local=True), Shelf("coingecko", minutes(60))
    collection = collect_candles(database, HOUR, [first, second], now=NOW)
    assert collection.missing == {}
    assert_frame_equal(stored(database).drop(columns="source"), minutes(60))
    assert stored(database)["source"].value_counts().to_dict() == {"archive": 57, "coingecko": 3}
    (words,) = collection.refused
    assert words.startswith(
        "archive, BTC 1m: 1 row refused: a price is not a number; 2 rows refused: rows of"
    )


def test_rows_that_nobody_asked_for_are_left_out(database):
    class Chatty(Shelf):
        def fetch(self, symbol, resolution, start, end):
            super().fetch(symbol, resolution, start, end)
            return Fetched(pd.concat([minutes(90), minutes(3, "ETH")]))

    collection = collect_candles(database, HOUR, [Chatty("kraken", minutes(1))], now=NOW)
    assert len(stored(database)) == 60
    assert collection.refused == ["kraken, BTC 1m: 33 rows refused: nobody asked for it"]


def test_invented_candles_never_count_for_real_ones(database):
    invented, real = Shelf("sandbox", minutes(60)), Shelf("kraken", minutes(60).assign(volume=9.0))
    with pytest.raises(ValueError, match="never from both"):
        collect_candles(database, HOUR, [real, invented], now=NOW)
    with pytest.raises(ValueError, match="real sources or"):
        collect_candles(database, HOUR, [], now=NOW)
    collect_candles(database, HOUR, [invented], now=NOW)
    assert set(stored(database, sandbox=True)["source"]) == {"sandbox"}
    collection = collect_candles(database, HOUR, [real], now=NOW)
    assert (collection.written, collection.missing) == (60, {})
    assert set(stored(database)["source"]) == {"kraken"}


def test_windows_without_a_time_zone_are_refused(database):
    naive = HOUR.assign(start=HOUR["start"].dt.tz_localize(None))
    with pytest.raises(ValueError, match="the column start of the windows must hold times with a time zone"):
        collect_candles(database, naive, [Shelf("kraken")], now=NOW)


def test_a_killed_collection_loses_only_what_was_under_way(database):
    class KilledError(Shelf):
        def fetch(self, symbol, resolution, start, end):
            if symbol == "ETH":
                raise KeyboardInterrupt
            return super().fetch(symbol, resolution, start, end)

    source = KilledError("kraken", minutes(60, "BTC"), minutes(60, "ETH"))
    wanted = windows(("BTC", START, START + 60 * MINUTE), ("ETH", START, START + 60 * MINUTE))
    with pytest.raises(KeyboardInterrupt):
        collect_candles(database, wanted, [source], now=NOW)
    assert set(stored(database)["symbol"]) == {"BTC"}


def test_an_archive_of_real_files_is_collected(database, tmp_path):
    minutes(60).drop(columns="symbol").to_csv(tmp_path / "BTCUSDT-1m.csv", index=False)
    (tmp_path / "XBTUSD_1.csv").write_bytes(b"")
    wanted = windows(("BTC/USDT", START, START + 60 * MINUTE))
    collection = collect_candles(database, wanted, [CandleArchive(tmp_path)], now=NOW)
    assert collection.missing == {}
    assert collection.refused == ["archive, BTC/USDT 1m: XBTUSD_1.csv: the file is empty"]
    with database.begin() as connection:
        found = read_candles(connection, wanted, "1m", sandbox=False)
    assert_frame_equal(found, minutes(60, "BTC/USDT").assign(source="archive").astype({"source": "str"}))
