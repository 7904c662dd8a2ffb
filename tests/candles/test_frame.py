from datetime import timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from sqlalchemy import text

from include.candles.frame import (
    RESOLUTIONS,
    decimals,
    first_open,
    interval_of,
    last_close,
    normalise,
    refused_rows_text,
    valid,
)
from tests.support.candles import NOW, START, minutes


@given(st.decimals("1e-18", "1e15", allow_nan=False).filter(lambda number: number.adjusted() < 15))
def test_noise_in_the_last_binary_digit_is_taken_away(number):
    clean = float(f"{number:.14g}")
    noisy = [clean, np.nextafter(clean, np.inf), np.nextafter(clean, -np.inf)]
    assert set(decimals(pd.Series(noisy))) == {clean}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_the_nearest_decimal_of_fifteen_digits(number):
    assert decimals(pd.Series([number])).tolist() == [float(f"{number:.15g}")]


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_of_32_bits_is_its_shortest_text(number):
    assert decimals(pd.Series([number], dtype="float32")).tolist() == [float(str(np.float32(number)))]


def test_text_decimals_and_integers_are_taken_as_they_stand():
    text = ["12345678.123456789", "4.8100000000000005", "no price"]
    assert decimals(pd.Series(text)).tolist()[:2] == [12345678.123456789, 4.8100000000000005]
    assert decimals(pd.Series([Decimal("4.8100000000000005"), None])).iloc[0] == 4.8100000000000005
    assert decimals(pd.Series([1234567890123456])).tolist() == [1234567890123456]
    odd = decimals(pd.Series([np.nan, np.inf, -np.inf, 0.0]))
    assert np.array_equal(odd, [np.nan, np.inf, -np.inf, 0.0], equal_nan=True)


def test_good_candles_come_back_as_they_are_whatever_their_order():
    candles = pd.concat([minutes(30, "ETH"), minutes(30, "BTC")], ignore_index=True)
    shuffled = candles.sample(frac=1, random_state=1)
    result, refused = normalise(shuffled, "1m", now=NOW)
    expected = candles.sort_values(["symbol", "timestamp"], ignore_index=True)
    assert_frame_equal(result, expected)
    assert refused == {}


def test_normalising_twice_changes_nothing_and_leaves_the_input_alone():
    candles = pd.concat([minutes(), minutes(3)])
    before = candles.copy()
    once, _ = normalise(candles, "1m", now=NOW)
    twice, refused = normalise(once, "1m", now=NOW)
    assert_frame_equal(once, twice)
    assert refused == {}
    assert_frame_equal(candles, before)


def test_identical_rows_count_once():
    result, refused = normalise(pd.concat([minutes(3), minutes(2)]), "1m", now=NOW)
    assert len(result) == 3
    assert refused == {"a repeated row": 2}


def test_of_rows_that_contradict_each_other_none_is_kept():
    other = minutes(1)
    other["close"] += 0.5
    result, refused = normalise(pd.concat([minutes(3), other, other]), "1m", now=NOW)
    assert result["timestamp"].tolist() == minutes(3)["timestamp"].tolist()[1:]
    assert refused.pop("a repeated row") == 1  # `other` came twice
    (reason,) = refused
    assert "contradict" in reason
    assert refused[reason] == 2


def test_the_same_time_of_two_symbols_is_no_contradiction():
    result, refused = normalise(pd.concat([minutes(2, "BTC"), minutes(2, "ETH")]), "1m", now=NOW)
    assert len(result) == 4
    assert not refused


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("open", "n/a", "a price is not a number"),
        ("high", "1,234.5", "a price is not a number"),
        ("low", np.nan, "a price is not a number"),
        ("close", np.inf, "a price is not a number"),
        ("volume", -np.inf, "the volume is not a finite number"),
        ("symbol", None, "no symbol"),
        ("symbol", "", "no symbol"),
        ("timestamp", pd.NaT, "the time cannot be read"),
        ("timestamp", pd.Timestamp(START) + timedelta(seconds=30), "the time is not on the 1m grid"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_and_counted(column, value, reason):
    candles = minutes(3)
    candles[column] = candles[column].astype("object")
    candles.loc[1, column] = value
    if column == "timestamp":
        candles[column] = pd.to_datetime(candles[column], utc=True)
    result, refused = normalise(candles, "1m", now=NOW)
    assert refused == {reason: 1}
    assert len(result) == 2
    assert refused_rows_text(refused) == f"1 row refused: {reason}"


def test_a_candle_that_breaks_the_rules_of_ohlc_is_kept_for_the_gate():
    candles = minutes(2)
    candles.loc[0, "high"] = 1.0
    result, refused = normalise(candles, "1m", now=NOW)
    assert len(result) == 2
    assert not refused


def test_an_unknown_volume_is_kept():
    result, refused = normalise(minutes(2).assign(volume=np.nan), "1m", now=NOW)
    assert result["volume"].isna().all()
    assert not refused


def test_the_last_candle_counts_once_it_has_closed():
    candles = minutes(2)
    closes = START + timedelta(minutes=2)
    open_still, refused = normalise(candles, "1m", now=closes - timedelta(microseconds=1))
    assert len(open_still) == 1
    assert refused == {"the candle has not closed yet": 1}
    closed, refused = normalise(candles, "1m", now=closes)
    assert len(closed) == 2
    assert not refused


def test_weeks_open_on_monday():
    weeks = minutes(3, step=timedelta(weeks=1), start=START.replace(hour=0))
    result, refused = normalise(weeks, "1w", now=NOW)
    assert len(result) == 3
    thursdays = weeks.assign(timestamp=weeks["timestamp"] + timedelta(days=3))
    _, refused = normalise(thursdays, "1w", now=NOW)
    assert refused == {"the time is not on the 1w grid": 3}


def test_the_source_is_kept_and_other_columns_are_not():
    result, _ = normalise(minutes(2).assign(source="archive", trades=7), "1m", now=NOW)
    assert result["source"].tolist() == ["archive", "archive"]
    assert "trades" not in result


def test_what_is_no_candle_frame_is_refused_by_name():
    with pytest.raises(ValueError, match="lacks the column volume"):
        normalise(minutes().drop(columns="volume"), "1m", now=NOW)
    naive = minutes()
    naive["timestamp"] = naive["timestamp"].dt.tz_localize(None)
    with pytest.raises(ValueError, match="time zone"):
        normalise(naive, "1m", now=NOW)
    with pytest.raises(ValueError, match="unknown resolution '7m'; known: 1m, 3m"):
        normalise(minutes(), "7m", now=NOW)


def test_valid_follows_the_contract():
    good = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 1.0}
    cases = [
        (good, True),
        (good | {"volume": 0.0}, True),
        ({"open": 10.0, "high": 10.0, "low": 10.0, "close": 10.0, "volume": 0.0}, True),
        (good | {"high": 10.5}, False),
        (good | {"low": 10.5}, False),
        (good | {"low": 0.0}, False),
        (good | {"low": -1.0}, False),
        (good | {"high": np.inf}, False),
        (good | {"open": np.nan}, False),
        (good | {"close": np.nan}, False),
        (good | {"low": np.nan}, False),
        (good | {"high": np.nan}, False),
        (good | {"volume": -1.0}, False),
        (good | {"volume": np.nan}, False),
    ]
    frame = pd.DataFrame([candle for candle, _ in cases])
    assert valid(frame).tolist() == [expected for _, expected in cases]


def test_resolutions_are_ordered_and_the_same_in_the_database(database):
    intervals = list(RESOLUTIONS.values())
    assert intervals == sorted(intervals)
    with database.connect() as connection:
        for resolution, interval in RESOLUTIONS.items():
            query = text("SELECT resolution_interval(:resolution)")
            assert connection.execute(query, {"resolution": resolution}).scalar_one() == interval
    assert interval_of("1h") == timedelta(hours=1)


@given(
    offset=st.integers(0, 10**13),
    resolution=st.sampled_from(list(RESOLUTIONS)),
)
def test_the_grid_encloses_every_time(offset, resolution):
    interval = RESOLUTIONS[resolution]
    times = pd.Series([pd.Timestamp("2020-01-01", tz="UTC") + timedelta(microseconds=offset)])
    opens, closes = first_open(times, interval)[0], last_close(times, interval)[0]
    assert closes <= times[0] <= opens
    assert opens - closes in (timedelta(0), interval)
    monday = pd.Timestamp("2024-03-04", tz="UTC")
    assert (opens - monday) % interval == timedelta(0)
