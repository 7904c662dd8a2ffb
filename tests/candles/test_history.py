"""A market's history in one resolution, put together from whatever the store holds."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from include.candles.history import parts_of, read_history
from tests.support.trades import rising, run, store

START = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)


def history(database, timeframe="1h", start=START, end=START + HOUR, *, sandbox=False):
    with database.connect() as connection:
        return read_history(connection, "BTC", timeframe, start, end, sandbox=sandbox)


def hours(count, price, start=START):
    times = pd.date_range(start, periods=count, freq="1h", unit="us")
    return pd.DataFrame(
        {"symbol": "BTC", "timestamp": times, "open": price, "high": price + 1, "low": price - 1,
         "close": price, "volume": 5.0}
    )  # fmt: skip


def test_finer_candles_are_put_together(database):
    store(database, rising(minutes=150, start=START))
    found = history(database, end=START + 3 * HOUR)
    assert found["timestamp"].tolist() == [START, START + HOUR], "half an hour is no hour"
    first = found.iloc[0]
    assert (first["open"], first["low"], first["volume"]) == (100.0, 100.0, 60.0)
    assert first["close"] == first["high"] == pytest.approx(106.0)
    assert found.iloc[1]["open"] == pytest.approx(106.0)
    assert first["sources"] == ["archive"]


def test_the_resolution_itself_goes_before_finer_ones(database):
    store(database, rising(minutes=120, start=START))
    store(database, hours(1, 500.0), "1h", "kraken")
    found = history(database, end=START + 2 * HOUR)
    assert found["close"].tolist() == [500.0, pytest.approx(112.0)]
    assert found["sources"].tolist() == [["kraken"], ["archive"]]


@pytest.mark.parametrize(("kept", "there"), [(54, 1), (53, 0)])
def test_a_candle_needs_nine_tenths_of_its_parts(database, kept, there):
    store(database, rising(minutes=60, start=START).head(kept))
    assert len(history(database)) == there


def test_a_part_that_is_no_valid_candle_does_not_count(database):
    minutes = rising(minutes=60, start=START)
    minutes.loc[30, "high"] = 1.0
    store(database, minutes)
    assert history(database).iloc[0]["volume"] == 59.0


def test_the_sandbox_and_real_markets_do_not_mix(database):
    store(database, rising(minutes=30, start=START), source="sandbox")
    store(database, rising(minutes=30, start=START + timedelta(minutes=30)), source="archive")
    assert history(database).empty
    assert history(database, sandbox=True).empty
    assert len(history(database, "30m")) == len(history(database, "30m", sandbox=True)) == 1


def test_weeks_open_on_monday_and_days_at_midnight(database):
    monday = datetime(2026, 3, 2, tzinfo=UTC)
    store(database, hours(24 * 14, 100.0, monday - timedelta(days=2)), "1h")
    weeks = history(database, "1w", monday - timedelta(weeks=1), monday + timedelta(weeks=1))
    assert weeks["timestamp"].tolist() == [monday]
    assert weeks["volume"].tolist() == [5.0 * 24 * 7]
    assert len(history(database, "1d", monday, monday + timedelta(days=3))) == 3


def test_nothing_there_is_an_empty_history(database):
    found = history(database)
    assert found.empty
    assert str(found["timestamp"].dtype) == "datetime64[us, UTC]"


def test_candles_that_divide_the_resolution_are_its_parts():
    assert parts_of("15m") == ["15m", "5m", "3m", "1m"]
    assert parts_of("1w")[:2] == ["1w", "1d"]
    with pytest.raises(ValueError, match="unknown resolution '7m'"):
        parts_of("7m")


def test_one_row_a_candle_whatever_resolutions_overlap(database):
    store(database, rising(minutes=60, start=START))
    for resolution in ("5m", "15m", "30m"):
        run(
            database,
            """
            INSERT INTO market_candles
              (symbol, resolution, timestamp, open, high, low, close, volume, source)
            SELECT 'BTC', :resolution, time, 100, 101, 99, 100, 1, 'archive'
            FROM generate_series(CAST(:start AS timestamptz),
              CAST(:start AS timestamptz) + interval '59 minutes', resolution_interval(:resolution)) AS time
            """,
            resolution=resolution,
            start=START,
        )
    found = history(database)
    assert len(found) == 1
    assert found.iloc[0]["volume"] == 2.0, "the coarsest parts are taken: two half hours"
