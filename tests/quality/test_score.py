import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from include.quality import explain, score
from tests.support.candles import START, minutes

MINUTE = timedelta(minutes=1)


def trades(*spans, symbol="BTC"):
    """Trades with windows from and to so many minutes after START."""
    frame = pd.DataFrame(
        [
            (number, symbol, START + first * MINUTE, START + last * MINUTE)
            for number, (first, last) in enumerate(spans)
        ],
        columns=["id", "symbol", "generated_at", "expires_at"],
    )
    return frame.astype({"generated_at": "datetime64[us, UTC]", "expires_at": "datetime64[us, UTC]"})


def score_of(first, last, candles):
    return score(trades((first, last)), candles, "1min").iloc[0].tolist()[1:]


def test_a_full_window_scores_100():
    assert score_of(0, 60, minutes(60)) == [100.0, 60, 60]


def test_only_whole_candles_inside_the_window_are_expected():
    candles = minutes(60)
    assert score_of(0.5, 10.5, candles) == [100.0, 9, 9]  # 12:01 to 12:09
    assert score_of(0.5, 10, candles) == [100.0, 9, 9]
    assert score_of(0, 10.999, candles) == [100.0, 10, 10]


def test_missing_candles_count_against_the_score():
    candles = minutes(60).drop(index=range(12, 18))
    assert score_of(0, 60, candles) == [90.0, 60, 54]
    assert score_of(12, 18, candles) == [0.0, 6, 0]
    assert score_of(0, 60, minutes(0)) == [0.0, 60, 0]
    assert score_of(0, 60, minutes(60, "ETH")) == [0.0, 60, 0]


@pytest.mark.parametrize(
    "change",
    [
        {"high": 1.0},
        {"low": 0.0},
        {"low": 1e9},
        {"open": np.nan},
        {"close": np.inf},
        {"volume": -1.0},
        {"volume": np.nan},
    ],
)
def test_invalid_candles_do_not_count(change):
    candles = minutes(10)
    candles.loc[3, list(change)] = list(change.values())
    assert score_of(0, 10, candles) == [90.0, 10, 9]


def test_a_flat_minute_without_volume_is_valid():
    flat = minutes(10).assign(open=5.0, high=5.0, low=5.0, close=5.0, volume=0.0)
    assert score_of(0, 10, flat) == [100.0, 10, 10]


def test_repeated_candles_count_once():
    candles = pd.concat([minutes(5), minutes(5), minutes(5).assign(volume=8.0)])
    assert score_of(0, 10, candles) == [50.0, 10, 5]
    broken_twin = pd.concat([minutes(5).assign(high=1.0), minutes(5)])
    assert score_of(0, 10, broken_twin) == [50.0, 10, 5]


@pytest.mark.parametrize(("first", "last"), [(0, 0), (5, 2), (0.2, 0.8), (0.5, 1.5)])
def test_a_window_that_can_hold_nothing_has_no_score(first, last):
    result, expected, found = score_of(first, last, minutes(60))
    assert np.isnan(result)
    assert (expected, found) == (0, 0)


def test_a_window_without_an_end_has_no_score():
    frame = trades((0, 10))
    frame.loc[0, "expires_at"] = pd.NaT
    result = score(frame, minutes(10), MINUTE)
    assert result["expected"].tolist() == [0]
    assert result["data_quality_score"].isna().all()


def test_off_grid_candles_never_score_more_than_100():
    candles = minutes(60, start=START + timedelta(seconds=30), step=timedelta(seconds=30))
    assert score_of(0, 20, candles)[0] == 100.0


@pytest.mark.parametrize(
    ("interval", "step", "expected"), [("5min", 5, 11), (timedelta(hours=1), 60, 0), ("15min", 15, 3)]
)
def test_other_resolutions(interval, step, expected):
    candles = minutes(60, step=timedelta(minutes=step))
    result = score(trades((1, 60)), candles, interval)
    assert result["expected"].tolist() == [expected]
    assert result["valid"].tolist() == [expected]


def test_weeks_open_on_mondays_whatever_the_unit_of_time_is():
    first = pd.Series(pd.to_datetime(["2026-01-05", "2026-01-06", "0001-01-01", None], utc=True))
    windows = pd.DataFrame(
        {
            "id": range(4),
            "symbol": "BTC",
            "generated_at": first,
            "expires_at": pd.Timestamp("2026-02-02", tz="UTC"),
        }
    )
    scored = score(windows, minutes(0), timedelta(days=7))
    assert scored["expected"].tolist() == [4, 3, 105_664, 0]


def test_the_answer_is_in_the_order_of_the_trades_and_changes_nothing():
    frame = trades((50, 70), (0, 10), (5, 15)).set_axis([7, 7, 1])
    candles = minutes(60).sample(frac=1, random_state=2)
    before = frame.copy(), candles.copy()
    result = score(frame, candles, "1min")
    assert result["id"].tolist() == [0, 1, 2]
    assert result["data_quality_score"].tolist() == [50.0, 100.0, 100.0]
    assert_frame_equal(frame, before[0])
    assert_frame_equal(candles, before[1])
    assert score(frame[:0], candles, "1min").empty


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="missing column expires_at"):
        score(trades((0, 1)).drop(columns="expires_at"), minutes(), "1min")
    with pytest.raises(ValueError, match="missing column volume"):
        score(trades((0, 1)), minutes().drop(columns="volume"), "1min")
    naive = minutes()
    naive["timestamp"] = naive["timestamp"].dt.tz_localize(None)
    with pytest.raises(ValueError, match="column timestamp must hold times with a time zone"):
        score(trades((0, 1)), naive, "1min")


moments = st.integers(-30, 100 * 60)  # seconds after START
held_candles = st.lists(
    st.tuples(st.sampled_from(["BTC", "ETH"]), st.integers(0, 99), st.booleans()), max_size=80
)


@given(
    spans=st.lists(st.tuples(st.sampled_from(["BTC", "ETH", "XRP"]), moments, moments), max_size=6),
    held=held_candles,
    step=st.sampled_from([1, 5]),
)
def test_the_score_against_a_count_of_candles(spans, held, step):
    length = step * MINUTE
    frame = pd.DataFrame(
        [
            (str(i), s, START + timedelta(seconds=a), START + timedelta(seconds=b))
            for i, (s, a, b) in enumerate(spans)
        ],
        columns=["id", "symbol", "generated_at", "expires_at"],
    ).astype({"generated_at": "datetime64[us, UTC]", "expires_at": "datetime64[us, UTC]"})
    both = pd.concat([minutes(100, "BTC", step=length), minutes(100, "ETH", step=length)], ignore_index=True)
    candles = both.iloc[[n + 100 * (s == "ETH") for s, n, _ in held]]
    candles = candles.assign(volume=[1.0 if good else -1.0 for *_, good in held])
    result = score(frame, candles, length)
    sentences = explain(frame, candles, length)
    for (symbol, first, last), row, words in zip(spans, result.itertuples(), sentences, strict=True):
        opens = [n for n in range(-1, 100) if n * step * 60 >= first and (n + 1) * step * 60 <= last]
        good = {n for s, n, ok in held if s == symbol and ok} & set(opens)
        assert (row.expected, row.valid) == (len(opens), len(good))
        if opens:
            assert row.data_quality_score == pytest.approx(100 * len(good) / len(opens))
            assert words.startswith(f"{len(good)} of {len(opens)} candles")


def test_words_for_a_poor_window():
    candles = minutes(90).drop(index=range(1, 29)).reset_index(drop=True)
    candles.loc[40, "high"] = candles.loc[40, "close"] - 0.5
    candles.loc[40, "low"] = 1.0
    candles.loc[40, "open"] = 2.0
    (words,) = explain(trades((0, 90)), candles, "1min")
    assert words == "61 of 90 candles: 28 missing from 12:01 to 12:28, 1 with high below close"


def test_words_name_the_longest_gaps_and_count_the_others():
    candles = minutes(60).drop(index=[3, 10, 11, 12, 20, 21, 30, 40, 50, 51])
    (words,) = explain(trades((0, 60)), candles, "1min")
    assert words == (
        "50 of 60 candles: 3 missing from 12:10 to 12:12, 2 missing from 12:20 to 12:21, "
        "2 missing from 12:50 to 12:51, 3 more in 3 other gaps"
    )


def test_words_carry_the_date_where_the_window_is_longer_than_a_day():
    candles = minutes(1500).drop(index=[1440])
    (words,) = explain(trades((0, 1500)), candles, "1min")
    assert words == "1499 of 1500 candles: 1 missing at 2024-03-05 12:00"


def test_words_for_the_ends_of_the_scale():
    poor, good, nothing = explain(trades((60, 120), (0, 60), (5, 5)), minutes(60), "1min")
    assert poor == "0 of 60 candles: 60 missing from 13:00 to 13:59"
    assert good == "60 of 60 candles"
    assert nothing == "the window is too short to hold a whole candle"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"open": -1.0}, "a price that is no positive number"),
        ({"low": np.nan}, "a price that is no positive number"),
        ({"high": 100.5}, "high below close"),
        ({"close": 99.0, "high": 99.5}, "high below open"),
        ({"low": 103.5, "high": 104.0, "open": 104.0}, "low above close"),
        ({"low": 100.5}, "low above open"),
        ({"volume": np.nan}, "no volume"),
        ({"volume": -2.0}, "a negative volume"),
    ],
)
def test_words_for_each_fault(change, words):
    candles = minutes(3)  # the first: open 100, high 102, low 98, close 101
    candles.loc[0, list(change)] = list(change.values())
    assert explain(trades((0, 3)), candles, "1min") == [f"2 of 3 candles: 1 with {words}"]


def test_a_million_candles_and_a_hundred_thousand_trades_take_seconds():
    rng = np.random.default_rng(1)
    candles = pd.concat([minutes(100_000, f"S{number}") for number in range(10)], ignore_index=True)
    candles = candles[rng.random(len(candles)) < 0.97]
    count = 100_000
    starts = pd.Series(
        pd.Timestamp(datetime(2024, 3, 4, 12, tzinfo=UTC))
        + pd.to_timedelta(rng.integers(0, 90_000, count), unit="min")
    )
    frame = pd.DataFrame(
        {
            "id": np.arange(count),
            "symbol": [f"S{number}" for number in rng.integers(0, 10, count)],
            "generated_at": starts,
            "expires_at": starts + pd.to_timedelta(rng.integers(1, 1440, count), unit="min"),
        }
    )
    started = time.perf_counter()
    result = score(frame, candles, "1min")
    assert time.perf_counter() - started < 5
    assert 90 < result["data_quality_score"].mean() < 99
