"""Forms of files that people have: read where there is no doubt, else refused in words."""

import gzip
import zipfile
from datetime import timedelta

import pandas as pd
import pytest

from include.candles import SourceError, UnknownSymbolError
from include.candles.sources import archive_packed
from include.candles.sources.archive import CandleArchive
from tests.candles.files import HEADER, HOUR, held, iso, lines, seconds, table, write
from tests.support.candles import NOW, START

DAY = timedelta(days=1)
HOURS = [START + number * HOUR for number in range(24)]


def swap(text, separator):
    return text.replace(",", separator)


def yahoo(first, second):
    return f"{first}\n{second}\nDatetime,,,,,\n" + lines(row="101,102,98,100,5")


READABLE = {
    "semicolons": ("ETHUSDT-1h.csv", swap(table(), ";")),
    "tabs": ("ETHUSDT-1h.tsv", swap(table(), "\t")),
    "Excel says its separator": ("ETHUSDT-1h.csv", "sep=;\n" + swap(table(), ";")),
    "a blank line after each line": ("ETHUSDT-1h.csv", table().replace("\n", "\r\r\n")),
    "a blank line after the header": ("ETHUSDT-1h.csv", table(HEADER + "\n")),
    "UTC behind the time": ("ETHUSDT-1h.csv", table(time=lambda at: iso(at) + " UTC")),
    "as Go writes times": ("ETHUSDT-1h.csv", table(time=lambda at: iso(at) + " +0000 UTC")),
    "dates with dots": ("ETHUSDT-1h.csv", table(time=lambda at: f"{at:%Y.%m.%d %H:%M}")),
    "dates with slashes, the year first": ("ETHUSDT-1h.csv", table(time=lambda at: f"{at:%Y/%m/%d %H:%M}")),
    "Dukascopy": (
        "ETHUSD.csv",
        table("Gmt time,Open,High,Low,Close,Volume", time=lambda at: f"{at:%d.%m.%Y %H:%M:%S}.000"),
    ),
    "Dukascopy, with its zone": (
        "ETHUSD.csv",
        table(
            "Local time,Open,High,Low,Close,Volume",
            time=lambda at: f"{at + 2 * HOUR:%d.%m.%Y %H:%M:%S}.000 GMT+0200",
        ),
    ),
    "twelve digits": ("ETHUSDT-1h.csv", table(time=lambda at: f"{at:%Y%m%d%H%M}")),
    "fourteen digits": ("ETHUSDT-1h.csv", table(time=lambda at: f"{at:%Y%m%d%H%M%S}")),
    "date and time of day": (
        "ETHUSD_1h.csv",
        table("Date,Time,Open,High,Low,Close,Volume", time=lambda at: f"{at:%Y%m%d,%H:%M}"),
    ),
    "nautilus": ("ETHUSDT.csv", swap(table(HEADER.replace("timestamp", "timestamp_utc")), ";")),
    "Databento": (
        "ETHUSDT.csv",
        table(HEADER.replace("timestamp", "ts_event"), time=lambda at: seconds(at) + "0" * 9),
    ),
    "TradingView": ("BINANCE_ETHUSDT, 60.csv", table("time,open,high,low,close,Volume", time=seconds)),
    "MetaTrader's name": ("ETHUSD_H1.csv", table(time=seconds)),
    "CryptoDataDownload of 2018": (
        "Bitfinex_ETHUSD_1h.csv",
        "https://www.CryptoDataDownload.com\n"
        + table("Date,Symbol,Open,High,Low,Close,VolumeFrom,VolumeTo", row="ETHUSD,100,102,98,101,5,9"),
    ),
    "Kaggle": (
        "bitstampUSD_1-hour_data_2012-01-01_to_2021-03-31.csv",
        table(
            "Timestamp,Open,High,Low,Close,Volume_(ETH),Volume_(Currency)",
            time=seconds,
            row="100,102,98,101,5,500",
        ),
    ),
    "yfinance": ("x.csv", yahoo("Price,Close,High,Low,Open,Volume", "Ticker" + ",ETH-USD" * 5)),
    "yfinance by ticker": ("x.csv", yahoo("Ticker" + ",ETH-USD" * 5, "Price,Close,High,Low,Open,Volume")),
}


@pytest.mark.parametrize(("name", "text"), READABLE.values(), ids=READABLE)
def test_forms_that_leave_no_doubt_are_read(tmp_path, name, text):
    write(tmp_path, name, text)
    candles = held(tmp_path)
    assert candles["timestamp"].tolist() == HOURS
    assert candles[["open", "high", "low", "close", "volume"]].drop_duplicates().values.tolist() == [
        [100, 102, 98, 101, 5]
    ]
    assert CandleArchive(tmp_path).problems() == ()


@pytest.mark.parametrize("name", ["day", "Date(UTC)", "DATE"])
def test_days_as_eight_digits(tmp_path, name):
    text = table(HEADER.replace("timestamp", name), time=lambda at: f"{at:%Y%m%d}", step=DAY)
    write(tmp_path, "ETH-USD.csv", text)
    assert held(tmp_path, resolution="1d")["timestamp"].tolist() == [
        START - 12 * HOUR + number * DAY for number in range(24)
    ]


REFUSED = {
    "MetaTrader's export": (
        "ETHUSD_H1.csv",
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\n2024.03.04\t12:00\t1\t2\t1\t2\t3\n",
        "times are those of the broker's server",
    ),
    "MetaTrader through Python": (
        "ETHUSD_H1.csv",
        table("time,open,high,low,close,tick_volume", time=seconds),
        "a tick volume counts changes of the price, not coins",
    ),
    "HistData": ("ETHUSD_M1.csv", "20240304 120000;1;2;1;2;0\n20240304 120100;1;2;1;2;0\n", "not in UTC"),
    "no header": ("ETHUSD.csv", lines(), "put a header like timestamp,open,high,low,close,volume above it"),
    "another order": (
        "ETHUSDT-1h.csv",
        lines(seconds, row="100,101,102,98,5,7"),
        "not a time, open, high, low and close in this order",
    ),
    "months before days, or after": (
        "ETHUSDT-1d.csv",
        table(time=lambda at: f"{at:%m/%d/%Y}", step=DAY),
        "the time cannot be read, first in row 1: timestamp '03/04/2024'",
    ),
    "decimal commas": (
        "ETHUSDT-1h.csv",
        swap(HEADER, ";") + "\n2024-03-04;1,5;2;1;2;3\n",
        "a price is not a number, first in row 1: open '1,5'",
    ),
    "some zone": (
        "ETHUSD_1h.csv",
        table("Local time,Open,High,Low,Close,Volume"),
        "'Local time' does not say its zone",
    ),
    "open or close": (
        "ETHUSD_1h.csv",
        table("ts_event,ts_init,open,high,low,close,volume", row="1,100,102,98,101,5"),
        "name the column open_time or close_time",
    ),
    "BitMEX": (
        "ETHUSD_1h.csv",
        table("timestamp,open,high,low,close,volume,homeNotional,foreignNotional", row="1,2,1,2,3,4,5"),
        "stamped when they close",
    ),
    "no candles at all": (
        "ETHUSDT-8h.csv",
        table(row="0.0001,0,0,0,0", step=8 * HOUR, start=START - 4 * HOUR),
        "no row is a valid candle",
    ),
    "several lengths": (
        "ETHUSDT.csv",
        table("open_time,interval,open,high,low,close,volume", row="1h,1,2,1,2,3")
        + lines(row="1m,1,2,1,2,3"),
        "candles of several lengths in one file: 1h, 1m",
    ),
}


@pytest.mark.parametrize(("name", "text", "reason"), REFUSED.values(), ids=REFUSED)
def test_others_are_refused_in_words_that_help(tmp_path, name, text, reason):
    write(tmp_path, name, text)
    with pytest.raises(UnknownSymbolError, match=f"{name}: .*{reason}"):
        CandleArchive(tmp_path).offers("ETH", NOW)


def test_several_tickers_of_yfinance_are_not_mixed_up(tmp_path):
    both = ",ETH-USD,BTC-USD" * 5
    text = f"Price,Close,Close,High,High,Low,Low,Open,Open,Volume,Volume\nTicker{both}\nDate{',' * 10}\n"
    write(tmp_path, "prices.csv", text)
    (problem,) = CandleArchive(tmp_path).problems()
    assert problem == "prices.csv: several tickers in one file of yfinance: BTC-USD, ETH-USD; save one a file"


def test_a_name_of_an_exchange_and_a_currency_is_no_market(tmp_path):
    write(tmp_path, "bitstampUSD_1-hour_data.csv", table())
    (problem,) = CandleArchive(tmp_path).problems()
    assert "says an exchange and a currency, but no coin" in problem


def test_a_volume_in_dollars_becomes_coins(tmp_path):
    text = table("timeOpen;timeClose;name;open;high;low;close;volume;marketCap".replace(";", ","), step=DAY)
    rows = (f'"{START + i * DAY:%Y-%m-%d}T00:00:00Z";x;2781;100;102;98;100;5000;9\n' for i in range(9))
    text = "timeOpen;timeClose;name;open;high;low;close;volume;marketCap\n" + "".join(rows)
    write(tmp_path, "Ethereum_04.03.2024-12.03.2024_historical_data_coinmarketcap.csv", text)
    assert held(tmp_path, resolution="1d")["volume"].tolist() == [50] * 9


# -- packed files -----------------------------------------------------------------------------------------


def zipped(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "."), text)
    return path


def test_packed_files_are_read_beside_others(tmp_path):
    write(tmp_path, "ETHUSDT-1h-2024-03-04.csv", table(count=12))
    (tmp_path / "ETHUSDT-1h-2024-03-05.csv.gz").write_bytes(
        gzip.compress(table(start=START + 12 * HOUR, count=12).encode())
    )
    late = table(start=START + 24 * HOUR, count=12)
    zipped(tmp_path / "archive.zip", **{"ETHUSDT-1h__csv": late, "README__txt": "hello"})
    (tmp_path / "archive.zip.CHECKSUM").write_text("abc")
    assert held(tmp_path)["timestamp"].tolist() == [START + number * HOUR for number in range(36)]
    assert CandleArchive(tmp_path).problems() == ()


def test_a_packed_file_that_is_there_unpacked_is_passed_over(tmp_path):
    path = write(tmp_path, "ETHUSDT-1h.csv", table())
    zipped(tmp_path / "ETHUSDT-1h.zip", ETHUSDT__csv=table())
    (tmp_path / "ETHUSDT-1h.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert len(held(tmp_path)) == 24
    assert CandleArchive(tmp_path).problems("ETH") == (
        "ETHUSDT-1h.csv.gz, ETHUSDT-1h.zip: passed over, for it is there unpacked",
    )


def test_what_is_passed_over_is_named(tmp_path):
    write(tmp_path, "ETHUSDT-1h.csv", table())
    for name in ("ETH_USDT-1h.json", "ETH_USDT-1h.json.gz", "BTC.xlsx", "ticks.txt", "README.txt", "a.py"):
        (tmp_path / name).write_text("{}")
    write(tmp_path, "ETH_USDT_USDT-8h-funding_rate.csv", table(row="0.0001,0.0001,0.0001,0.0001,0"))
    archive = CandleArchive(tmp_path)
    assert archive.problems() == (
        "BTC.xlsx, ETH_USDT-1h.json, ETH_USDT-1h.json.gz, ticks.txt: "
        "passed over, files of this kind are not read",
        "ETH_USDT_USDT-8h-funding_rate.csv: left out, funding rates by its name "
        "(ETH_USDT_USDT-8h-funding_rate.csv): nobody traded at them",
    )
    said = archive.fetch("ETH", "1h", START, START + HOUR).problems
    assert said == ("ETH_USDT-1h.json, ETH_USDT-1h.json.gz: passed over, files of this kind are not read",)


def test_a_folder_of_nothing_but_such_files_says_so(tmp_path):
    write(tmp_path, "ETH-1h-mark.csv", table())
    with pytest.raises(SourceError, match=r"none is read; ETH-1h-mark.csv: left out, mark prices"):
        CandleArchive(tmp_path).holdings()


def test_packed_files_that_cannot_be_read_are_said(tmp_path, monkeypatch):
    (tmp_path / "A-1h.zip").write_bytes(b"no zip")
    (tmp_path / "B-1h.csv.gz").write_bytes(gzip.compress(table().encode())[:50])
    zipped(tmp_path / "C-1h.zip", a__csv=table(), b__csv=table())
    zipped(tmp_path / "D-1h.zip", a__json="{}")
    monkeypatch.setattr(archive_packed, "MOST_BYTES", 1024**2)
    zipped(tmp_path / "E-1h.zip", E__csv=HEADER + "\n" * 1024**2)
    problems = dict(problem.split(": ", 1) for problem in CandleArchive(tmp_path).problems())
    assert problems["A-1h.zip"].startswith("the file cannot be unpacked")
    assert problems["B-1h.csv.gz"].startswith("the file cannot be unpacked")
    assert problems["C-1h.zip"] == "the zip holds 2 CSV files, and is read if it holds one: unpack it"
    assert problems["D-1h.zip"] == "the zip holds no CSV, and is read if it holds one: unpack it"
    assert problems["E-1h.zip"] == "it unpacks to more than 1 MiB: unpack it yourself"


# -- prices are decimals ----------------------------------------------------------------------------------

NOISY = [4.8100000000000005, 5.330000000000001e-05, 0.1 + 0.2, 64231.170000000006, 1.1e-16]
CLEAN = [4.81, 5.33e-05, 0.3, 64231.17, 1.1e-16]


@pytest.mark.parametrize("suffix", ["csv", "parquet", "feather"])
def test_a_price_is_the_decimal_that_its_float_stands_for(tmp_path, suffix):
    frame = pd.DataFrame({"timestamp": pd.Series(HOURS[: len(NOISY)])})
    frame = frame.assign(**dict.fromkeys(["open", "high", "low", "close", "volume"], NOISY))
    path = tmp_path / f"ETHUSDT-1h.{suffix}"
    {"csv": frame.to_csv, "parquet": frame.to_parquet, "feather": frame.to_feather}[suffix](path)
    candles = held(tmp_path)
    assert candles["low"].tolist() == candles["high"].tolist() == CLEAN


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_a_float_of_32_bits_is_its_own_shortest_text(tmp_path, suffix):
    frame = pd.DataFrame({"timestamp": pd.Series(HOURS[:3])})
    prices = pd.Series([4.9, 0.00001234, 64231.17], dtype="float32")
    frame = frame.assign(**dict.fromkeys(["open", "high", "low", "close", "volume"], prices))
    path = tmp_path / f"ETHUSDT-1h.{suffix}"
    (frame.to_parquet if suffix == "parquet" else frame.to_feather)(path)
    assert held(tmp_path)["low"].tolist() == [4.9, 0.00001234, 64231.17]
