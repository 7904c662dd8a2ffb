"""The resolution of candles by their times and by what a name says."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from include.candles import UnknownSymbolError
from include.candles.sources.archive import CandleArchive
from include.candles.sources.archive_name import BadFileError
from include.candles.sources.archive_steps import find_resolution
from tests.candles.files import HOUR, held, lines, seconds, table, write
from tests.support.candles import NOW, START

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def every(step, count, start=START):
    return [start + number * step for number in range(count)]


def months(count):
    return list(pd.date_range("2024-01-01", periods=count, freq="MS", tz="UTC"))


def resolution(times, named=None, length=None):
    return find_resolution(pd.Series(pd.DatetimeIndex(times)).dt.as_unit("us"), named, length)


@pytest.mark.parametrize("chance", [0.5, 0.1, 0.03, 0.01])
@pytest.mark.parametrize("seed", range(10))
def test_minutes_without_a_trade_do_not_deny_the_name(chance, seed):
    gaps = np.random.default_rng(seed).geometric(chance, size=400)
    times = [START + timedelta(minutes=int(minute)) for minute in gaps.cumsum()]
    assert resolution(times, "1m") == "1m"
    if chance > 0.05:
        assert resolution(times) == "1m"


@pytest.mark.parametrize(
    ("times", "named", "expected"),
    [
        (every(HOUR, 30), None, "1h"),
        (every(HOUR, 30, START + timedelta(minutes=30)), None, "1h"),
        (list(pd.bdate_range("2024-01-01", periods=200, tz="UTC")), None, "1d"),
        (every(MINUTE, 30) + every(MINUTE, 30, START + DAY), None, "1m"),
        ([*every(HOUR, 30), START + 29 * HOUR + timedelta(minutes=13)], None, "1h"),  # the one under way
        ([*every(HOUR, 30), START + 29 * HOUR + timedelta(minutes=13)], "1h", "1h"),
        (every(7 * DAY, 9), None, "1w"),
        ([START, START + 3 * MINUTE], "1m", "1m"),
    ],
)
def test_the_step_is_the_greatest_common_one(times, named, expected):
    assert resolution(times, named) == expected
    assert resolution(times[::-1], named) == expected


@pytest.mark.parametrize(
    ("times", "named", "words"),
    [
        (months(9), "1M", "the name says 1M, which is none of .*; M is a month, m a minute"),
        (months(9), "1 month", "the name says 1 month, which is none of"),
        (months(9), "1m", "the name says 1m, but most candles are 1d apart"),
        (months(2), "1m", "the name says 1m, but most candles are 31 days apart"),
        (months(9), "1d", "the name says 1d, but all candles are 29 days to 31 days apart"),
        (months(9), None, "most candles are 31 days apart, which is none of"),
        (every(7 * DAY, 9), "1d", "the name says 1d, but most candles are 1w apart"),
        (every(MINUTE, 50), "1h", "the name says 1h, but most candles are 1m apart"),
        (every(HOUR, 50), "1m", "the name says 1m, but most candles are 1h apart"),
        (every(10 * MINUTE, 50), None, "most candles are 0 days 00:10:00 apart, which is none of"),
    ],
)
def test_a_name_that_the_candles_deny_is_refused(times, named, words):
    with pytest.raises(BadFileError, match=words):
        resolution(times, named)


@pytest.mark.parametrize("named", [None, "1m", "1h"])
@pytest.mark.parametrize("hours", [6, 200])
def test_hours_followed_by_minutes_are_refused(hours, named):
    both = every(HOUR, hours) + every(MINUTE, 300, START + hours * HOUR)
    with pytest.raises(
        BadFileError, match=r"two resolutions in one file|the name says 1h, but most .* 1m apart"
    ):
        resolution(both, named)
    with pytest.raises(
        BadFileError, match=r"two resolutions in one file|the name says 1h, but most .* 1m apart"
    ):
        resolution([START - (time - START) for time in both], named)


def test_two_minutes_in_a_row_among_hours_are_no_slip():
    with pytest.raises(BadFileError, match="most candles are 1h apart, but 2 of 302 lie between"):
        resolution(every(HOUR, 300) + every(MINUTE, 3, START + 299 * HOUR), "1h")


def test_of_one_candle_the_name_or_its_length_tells():
    assert resolution([START], "1h") == "1h"
    assert resolution([START], None, HOUR) == "1h"
    with pytest.raises(BadFileError, match="the name says 1m, but its candle lasts 31 days"):
        resolution([START], "1m", timedelta(days=31))
    with pytest.raises(BadFileError, match="its candle lasts 31 days"):
        resolution([START], None, timedelta(days=31))
    with pytest.raises(BadFileError, match="one candle and no resolution in the file's name"):
        resolution([START])


# -- in files ---------------------------------------------------------------------------------------------


def bulk(times):
    """Rows of Kraken's bulk files."""
    return "".join(f"{seconds(time)},100,102,98,101,5,1\n" for time in times)


def sparse(count, start, seed=1):
    gaps = np.random.default_rng(seed).geometric(0.01, size=count).cumsum()
    return [start + timedelta(minutes=int(minute)) for minute in gaps]


def test_a_bulk_file_that_is_quiet_at_both_ends_is_used(tmp_path):
    early = sparse(700, START)
    middle = every(MINUTE, 3000, early[-1] + MINUTE)
    late = sparse(700, middle[-1], seed=2)
    write(tmp_path, "ETHUSD_1.csv", bulk([*early, *middle, *late]))
    assert len(held(tmp_path, "ETH", "1m")) == 4400


def test_another_resolution_in_the_middle_of_a_bulk_file_is_seen(tmp_path):
    start = every(MINUTE, 1000)
    hours = every(HOUR, 1500, start[-1] + HOUR)
    write(tmp_path, "ETHUSD_1.csv", bulk([*start, *hours, *every(MINUTE, 1000, hours[-1] + HOUR)]))
    with pytest.raises(UnknownSymbolError, match="candles in a row are 1h apart, others 1m"):
        CandleArchive(tmp_path).offers("ETH", NOW)


def test_what_only_the_whole_of_a_bulk_file_shows_is_seen_before_it_is_used(tmp_path):
    start = every(MINUTE, 1200)
    hours = every(HOUR, 40, start[-1] + HOUR)
    write(tmp_path, "ETHUSD_1.csv", bulk([*start, *hours, *every(MINUTE, 4000, hours[-1] + HOUR)]))
    archive = CandleArchive(tmp_path)
    archive.offers("ETH", NOW)
    fetched = archive.fetch("ETH", "1m", START, NOW)
    assert fetched.candles.empty
    assert "two resolutions in one file" in fetched.problems[0]


def test_a_month_beside_minutes_is_left_out(tmp_path):
    write(tmp_path, "ETHUSDT-1m-2024-03.csv", table(time=seconds, step=MINUTE))
    write(tmp_path, "ETHUSDT-1M.csv", table(row="100,200,50,150,9000", count=1, start=START - MINUTE))
    candles = held(tmp_path, "ETH", "1m")
    assert (len(candles), candles["high"].max()) == (24, 102)


def test_rows_without_prices_show_the_step_all_the_same(tmp_path):
    rows = "".join(
        f"{seconds(START + number * MINUTE)},{'NaN,NaN,NaN,NaN,NaN' if number % 5 else '100,102,98,101,5'}\n"
        for number in range(200)
    )
    write(tmp_path, "ETHUSD_1min.csv", "timestamp,open,high,low,close,volume\n" + rows)
    assert len(held(tmp_path, "ETH", "1m")) == 40


def test_a_binance_file_of_one_row_is_as_long_as_it_says(tmp_path):
    month = int((START + timedelta(days=31)).timestamp()) * 1000 - 1
    write(tmp_path, "ETHUSDT-1m-2024.csv", lines(seconds, count=1, row=f"100,102,98,101,5,{month},1,1,1,1,0"))
    with pytest.raises(UnknownSymbolError, match="the name says 1m, but its candle lasts 31 days"):
        CandleArchive(tmp_path).offers("ETH", NOW)
