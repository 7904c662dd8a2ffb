import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from threading import Barrier

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from sqlalchemy import text

from include.candles.store import ensure_partitions, find_gaps, read_candles, write_candles
from tests.support.candles import START, minutes, windows
from tests.support.trades import run

HOUR = timedelta(hours=1)
ALL = windows(("BTC", START - HOUR, START + 1000 * HOUR), ("ETH", START - HOUR, START + 1000 * HOUR))


def write(database, candles, source="archive", resolution="1m"):
    with database.begin() as connection:
        return write_candles(connection, candles, resolution, source)


def read(database, wanted=ALL, resolution="1m", *, sandbox=False):
    with database.begin() as connection:
        return read_candles(connection, wanted, resolution, sandbox=sandbox)


def gaps(database, wanted, resolution="1m", *, sandbox=False):
    with database.begin() as connection:
        found = find_gaps(connection, wanted, resolution, sandbox=sandbox)
    return list(found.itertuples(index=False, name=None))


def minute(count: float):
    return pd.Timestamp(START) + timedelta(minutes=count)


def test_what_was_written_is_read(database):
    candles = pd.concat([minutes(60, "BTC"), minutes(60, "ETH")], ignore_index=True)
    assert write(database, candles) == 120
    assert_frame_equal(read(database), candles.assign(source="archive"))


def test_numbers_keep_every_digit(database):
    candles = minutes(1).assign(
        open=0.00002853, high=98765.4321, low=1e-12, close=0.1, volume=123456789.123456
    )
    write(database, candles)
    with database.connect() as connection:
        row = connection.execute(text("SELECT open, high, low, close, volume FROM market_candles")).one()
    assert row == tuple(
        map(Decimal, ("0.00002853", "98765.4321", "0.000000000001", "0.1", "123456789.123456"))
    )
    assert_frame_equal(read(database), candles.assign(source="archive"))


def test_an_unknown_volume_stays_unknown(database):
    write(database, minutes(2).assign(volume=np.nan), "coingecko")
    assert read(database)["volume"].isna().all()


def test_writing_again_changes_nothing(database):
    versions = text("SELECT xmin, ctid FROM market_candles ORDER BY timestamp")
    assert write(database, minutes(10)) == 10
    with database.connect() as connection:
        before = connection.execute(versions).all()
    assert write(database, minutes(10)) == 0
    with database.connect() as connection:
        assert connection.execute(versions).all() == before


def test_writers_at_the_same_time_store_each_candle_once(database):
    frame = minutes(500)
    start = Barrier(4)

    def work(_):
        start.wait()
        with database.begin() as connection:
            return write_candles(connection, frame, "1m", "archive")

    with database.begin() as connection:
        ensure_partitions(connection, [frame["timestamp"].min()], [frame["timestamp"].max()])
    with ThreadPoolExecutor(4) as pool:
        written = list(pool.map(work, range(4)))
    assert sum(written) == 500
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM market_candles")).scalar_one() == 500


def test_several_frames_in_one_transaction(database):
    with database.begin() as connection:
        assert write_candles(connection, minutes(10), "1m", "archive") == 10
        assert write_candles(connection, minutes(2, step=HOUR), "1h", "archive") == 2
        assert write_candles(connection, minutes(0), "1m", "archive") == 0
    assert len(read(database)) == 10
    assert len(read(database, resolution="1h")) == 2


def test_candles_of_several_months(database):
    start = START - timedelta(days=40)
    candles = minutes(100, start=start, step=timedelta(days=1)).assign(
        timestamp=lambda f: f["timestamp"].dt.floor("D")
    )
    write(database, candles, resolution="1d")
    found = read(database, windows(("BTC", start - HOUR * 24, start + timedelta(days=100))), "1d")
    assert_frame_equal(found, candles.assign(source="archive"))


@pytest.mark.parametrize(
    ("first", "second", "stays"),
    [
        ("archive", "coingecko", "archive"),
        ("kraken", "ccxt:binance", "kraken"),
        ("ccxt:binance", "ccxt:coinbase", "ccxt:binance"),
        ("coinmarketcap", "coingecko", "coinmarketcap"),
        ("coingecko", "kraken", "kraken"),
        ("sandbox", "coingecko", "coingecko"),
        ("archive", "sandbox", "archive"),
    ],
)
def test_a_better_source_replaces_and_no_other(database, first, second, stays):
    write(database, minutes(3), first)
    written = write(database, minutes(3).assign(volume=9.0), second)
    assert written == (3 if stays == second else 0)
    found = read(database)
    assert set(found["source"]) == {stays}
    assert set(found["volume"]) == {9.0 if stays == second else 5.0}


def test_a_source_corrects_itself(database):
    write(database, minutes(3))
    corrected = minutes(3)
    corrected.loc[1, "close"] += 0.5
    assert write(database, corrected) == 1
    assert read(database)["close"].tolist() == corrected["close"].tolist()


def test_a_broken_candle_gives_way_to_a_valid_one_and_never_the_other_way_round(database):
    broken = minutes(3).assign(high=1.0)
    write(database, broken, "archive")
    assert write(database, broken.assign(low=0.5), "archive") == 0
    assert write(database, minutes(3), "sandbox") == 0
    assert write(database, minutes(3), "coingecko") == 3
    assert write(database, broken, "coingecko") == 0
    assert write(database, broken, "archive") == 0
    assert set(read(database)["source"]) == {"coingecko"}


def test_unknown_sources_and_resolutions_are_refused(database):
    with pytest.raises(ValueError, match="unknown candle source 'gossip'; known: archive"):
        write(database, minutes(1), "gossip")
    with pytest.raises(ValueError, match="unknown resolution '2w'"):
        write(database, minutes(1), resolution="2w")


def test_reading_gives_the_union_of_the_windows_once(database):
    candles = pd.concat([minutes(60, "BTC"), minutes(60, "ETH")], ignore_index=True)
    write(database, candles)
    wanted = windows(
        ("ETH", minute(50), minute(55)),
        ("BTC", minute(2), minute(10)),
        ("BTC", minute(5), minute(12)),
        ("BTC", minute(5), minute(12)),
        ("BTC", minute(40), minute(30)),  # upside down: nothing
        ("BTC", minute(20.5), minute(22.5)),
        ("XRP", minute(0), minute(60)),
    )
    found = read(database, wanted)
    numbers = (found["timestamp"] - pd.Timestamp(START)) // timedelta(minutes=1)
    assert list(zip(found["symbol"], numbers, strict=True)) == [
        *(("BTC", number) for number in range(2, 12)),
        ("BTC", 21),
        ("BTC", 22),
        *(("ETH", number) for number in range(50, 55)),
    ]


@pytest.mark.parametrize("symbol", ['"A", b', "two\nlines", "\\N", "ü"])
def test_candles_of_many_blocks_and_odd_names_are_read_whole_and_in_order(database, symbol):
    candles = pd.concat([minutes(2_500, name) for name in sorted([symbol, "ETH"])], ignore_index=True)
    write(database, candles)
    run(database, "UPDATE market_candles SET source = :odd, volume = NULL WHERE close = 101", odd='"x",\n')
    ages = [datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)]
    for start, end in ([minute(0), minute(2_500)], ages):
        found = read(database, windows(("ETH", start, end), (symbol, start, end)))
        odd = found["close"] == 101
        assert set(found.loc[odd, "source"]) == {'"x",\n'} and found.loc[odd, "volume"].isna().all()
        candles["volume"] = candles["volume"].mask(candles["close"] == 101)
        assert_frame_equal(found.drop(columns="source"), candles)


def test_no_candles_are_an_empty_frame(database):
    for wanted in (ALL, ALL[:0]):
        found = read(database, wanted)
        assert found.empty
        assert (
            found.dtypes.to_dict() == minutes(1).assign(source="x").astype({"source": "str"}).dtypes.to_dict()
        )
    assert gaps(database, ALL[:0]) == []


def test_invented_candles_and_real_ones_do_not_stand_in_for_each_other(database):
    write(database, minutes(30), "sandbox")
    write(database, minutes(30, start=minute(30)), "archive")
    wanted = windows(("BTC", minute(0), minute(60)))
    assert set(read(database, wanted)["source"]) == {"archive"}
    assert set(read(database, wanted, sandbox=True)["source"]) == {"sandbox"}
    assert gaps(database, wanted) == [("BTC", minute(0), minute(30))]
    assert gaps(database, wanted, sandbox=True) == [("BTC", minute(30), minute(60))]


def test_gaps_are_whole_candles_inside_the_windows(database):
    write(database, minutes(3))
    wanted = windows(("BTC", minute(-2.5), minute(4.5)), ("ETH", minute(0.2), minute(0.9)))
    assert gaps(database, wanted) == [("BTC", minute(-2), minute(0)), ("BTC", minute(3), minute(4))]
    assert gaps(database, wanted, "5m") == []
    assert gaps(database, windows(("BTC", minute(-5), minute(9))), "5m") == [("BTC", minute(-5), minute(5))]


@pytest.mark.parametrize("change", [{"high": 1.0}, {"low": 0.0}, {"volume": -1.0}, {"volume": np.nan}])
def test_a_broken_candle_is_a_gap(database, change):
    candles = minutes(3)
    candles.loc[1, list(change)] = list(change.values())
    write(database, candles)
    assert gaps(database, windows(("BTC", minute(0), minute(3)))) == [("BTC", minute(1), minute(2))]


spans = st.lists(
    st.tuples(st.sampled_from(["BTC", "ETH"]), st.integers(0, 120), st.integers(0, 120), st.integers(0, 59)),
    max_size=8,
)
held_minutes = st.sets(st.tuples(st.sampled_from(["BTC", "ETH"]), st.integers(0, 119)), max_size=60)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spans=spans, held=held_minutes)
def test_gaps_against_a_set_of_minutes(database, spans, held):
    with database.begin() as connection:
        connection.execute(text("DELETE FROM market_candles"))
    candles = [minutes(1, symbol, minute(number)) for symbol, number in held]
    write(database, pd.concat([minutes(0), *candles]))
    wanted = windows(
        *(
            (symbol, minute(first) + timedelta(seconds=late), minute(last) + timedelta(seconds=late))
            for symbol, first, last, late in spans
        )
    )
    lacking = {
        (symbol, number)
        for symbol, first, last, late in spans
        for number in range(first + (late > 0), last)  # whole minutes only
    } - held

    found = gaps(database, wanted)
    covered = [
        (symbol, (at - minute(0)) // timedelta(minutes=1))
        for symbol, start, end in found
        for at in pd.date_range(start, end, freq="1min", inclusive="left")
    ]
    assert sorted(covered) == sorted(lacking)  # as lists: nothing twice
    for (symbol, _, end), (following, start, _) in pairwise(found):
        assert symbol < following or end < start  # in order, and neighbours are joined

    merged = read(database, wanted)
    expected = {
        (symbol, number)
        for symbol, first, last, late in spans
        for number in range(first + (late > 0), last + (late > 0))
    } & held
    assert sorted(
        (symbol, (at - minute(0)) // timedelta(minutes=1))
        for symbol, at in zip(merged["symbol"], merged["timestamp"], strict=True)
    ) == sorted(expected)


def test_thousands_of_windows_cost_one_look_each(database):
    """A plan that compared every window with every candle would take minutes."""
    count = 60_000
    write(database, minutes(count))
    starts = [minute(12 * number) for number in range(count // 12)]
    wanted = windows(*(("BTC", start, start + timedelta(minutes=6)) for start in starts))
    started = time.perf_counter()
    assert gaps(database, wanted) == []
    assert len(read(database, wanted)) == count // 2
    assert time.perf_counter() - started < 5
