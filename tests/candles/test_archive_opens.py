"""A candle is where it opens, whatever else its file says of times."""

from datetime import timedelta

import pytest

from include.candles import UnknownSymbolError
from include.candles.sources.archive import CandleArchive
from include.candles.sources.archive_columns import find_columns
from tests.candles.files import HOUR, held, iso, seconds, table, write
from tests.support.candles import NOW, START

DAY = timedelta(days=1)
HOURS = [START + number * HOUR for number in range(24)]
PRICES = ["open", "high", "low", "close", "volume"]


def millis(moment):
    return f"{int(moment.timestamp() * 1000)}"


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["timestamp", "open_time"], "open_time"),
        (["date", "start", "stop", "timestamp"], "start"),
        (["timeOpen", "timeClose", "timeHigh", "timeLow", "timestamp"], "timeOpen"),
        (["timestamp", "Open Time (UTC)"], "Open Time (UTC)"),
        (["unix", "START_TIME", "END_TIME"], "START_TIME"),
        (["time", "window_start"], "window_start"),
        (["time_period_start", "time_period_end", "time_open", "time_close"], "time_period_start"),
        (["begins_at", "date"], "begins_at"),
        (["day_open", "date"], "date"),
        (["openInterest", "timestamp"], "timestamp"),
        (["close_time", "timestamp"], "timestamp"),
        (["datetime", "unix"], "unix"),
        (["trades", "bucket"], "bucket"),
    ],
)
def test_a_time_that_says_open_goes_before_others(names, chosen):
    layout = find_columns([*names, *PRICES], "ETHUSDT")
    assert layout.names[layout.columns["timestamp"]] == chosen


@pytest.mark.parametrize("close", [0, 0.001, 1])
@pytest.mark.parametrize(
    "names", ["open_time,close_time,timestamp", "start,stop,timestamp", "timeOpen,timeClose,timestamp"]
)
def test_a_timestamp_beside_the_open_time_is_not_asked(tmp_path, names, close):
    def times(moment):
        end = moment + HOUR - timedelta(seconds=close)
        return f"{millis(moment)},{millis(end)},{millis(end)}"

    write(tmp_path, "ETHUSDT-1h.csv", table(f"{names},open,high,low,close,volume", time=times))
    assert held(tmp_path)["timestamp"].tolist() == HOURS


@pytest.mark.parametrize(
    "name", ["close_time", "closeTime", "Time Close", "end", "stop", "period_end", "END_DATE"]
)
@pytest.mark.parametrize("before", [timedelta(0), timedelta(milliseconds=1), timedelta(seconds=1)])
def test_a_file_that_has_but_the_close_is_moved_to_the_open(tmp_path, name, before):
    text = table(f"{name},open,high,low,close,volume", time=lambda at: millis(at + HOUR - before))
    write(tmp_path, "ETHUSDT.csv", text)
    assert held(tmp_path)["timestamp"].tolist() == HOURS


@pytest.mark.parametrize("end", ["23:59:59", "23:59:59.999", "23:59:59.999999"])
@pytest.mark.parametrize("name", ["Date", "timestamp"])
def test_times_in_the_last_second_of_a_minute_are_closes(tmp_path, name, end):
    text = table(f"{name},open,high,low,close,volume", time=lambda at: f"{at:%Y-%m-%d} {end}", step=DAY)
    write(tmp_path, "ETH-USD.csv", text)
    candles = held(tmp_path, resolution="1d")
    assert candles["timestamp"].tolist() == [START - 12 * HOUR + number * DAY for number in range(24)]


def test_the_close_beside_a_time_tells_which_of_the_two_it_is(tmp_path):
    header = "timestamp,close_time,open,high,low,close,volume"
    write(tmp_path, "ETHUSDT-1h.csv", table(header, time=lambda at: f"{iso(at)},{iso(at + HOUR)}"))
    write(tmp_path, "SOLUSDT-1h.csv", table(header, time=lambda at: f"{iso(at + HOUR)},{iso(at + HOUR)}"))
    assert held(tmp_path, "ETH")["timestamp"].tolist() == HOURS
    assert held(tmp_path, "SOL")["timestamp"].tolist() == HOURS


def test_a_close_that_agrees_with_nothing_is_refused(tmp_path):
    header = "timestamp,close_time,open,high,low,close,volume"
    write(tmp_path, "ETHUSDT-1h.csv", table(header, time=lambda at: f"{iso(at)},{iso(HOURS[12])}"))
    with pytest.raises(UnknownSymbolError, match="when some candles close and when others open"):
        CandleArchive(tmp_path).offers("ETH", NOW)


def test_each_symbol_of_a_file_is_moved_by_its_own_length(tmp_path):
    header = "symbol,close_time,open,high,low,close,volume"
    hours = table(header, time=lambda at: f"ETH,{seconds(at + HOUR)}")
    minute = timedelta(minutes=1)
    minutes = table("", time=lambda at: f"SOL,{seconds(at + minute)}", step=minute)
    write(tmp_path, "market.csv", hours + minutes.lstrip("\n"))
    assert held(tmp_path, "ETH")["timestamp"].iloc[0] == START
    assert held(tmp_path, "SOL", "1m")["timestamp"].iloc[0] == START
