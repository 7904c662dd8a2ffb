import time
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from include.candles import SourceError, UnknownSymbolError
from include.candles.frame import normalise
from include.candles.sources.archive import CandleArchive
from tests.support.candles import NOW, START, minutes

END = START + timedelta(days=3650)


def seconds(frame: pd.DataFrame) -> "pd.Series[int]":
    return frame["timestamp"].astype("int64") // 1_000_000


def kraken(path: Path, frame: pd.DataFrame) -> Path:
    """Kraken's bulk OHLCVT: no header, seconds, trades at the end."""
    rows = frame.assign(time=seconds(frame), trades=3)
    rows[["time", "open", "high", "low", "close", "volume", "trades"]].to_csv(path, header=False, index=False)
    return path


def binance(path: Path, frame: pd.DataFrame, factor: int = 1_000, *, header: bool = False) -> Path:
    """Binance's bulk klines: twelve columns; the open time in ms, or since 2025 in us."""
    opens = seconds(frame) * factor
    rows = frame.assign(
        open_time=opens, close_time=opens + 60 * factor - 1, quote_volume=1.5, count=3, a=1, b=2, ignore=0
    )
    columns = [
        "open_time",
        "open",
        "high",
        "low",
        "close",
        "volume",
        "close_time",
        "quote_volume",
        "count",
        "a",
        "b",
    ]
    rows[[*columns, "ignore"]].to_csv(path, header=header, index=False)
    return path


def plain(path: Path, frame: pd.DataFrame, **options) -> Path:
    frame.drop(columns="symbol").to_csv(path, index=False, **options)
    return path


def load(path: Path, symbol: str = "BTC", resolution: str = "1m") -> pd.DataFrame:
    """All the archive has, as the collector would keep it; nothing may be refused."""
    fetched = CandleArchive(path).fetch(symbol, resolution, START, END)
    assert fetched.problems == ()
    candles, refused = normalise(fetched.candles, resolution, now=NOW)
    assert refused == {}
    return candles


def iso_without_zone(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(timestamp=frame["timestamp"].dt.strftime("%Y-%m-%d %H:%M:%S"))


def crypto_data_download(path: Path, frame: pd.DataFrame) -> Path:
    """A banner, newest first, hours like 11-AM, the volume in coins beside the one in dollars."""
    rows = pd.DataFrame(
        {
            "date": frame["timestamp"].dt.strftime("%Y-%m-%d %I-%p"),
            "symbol": "BTCUSD",
            **{column: frame[column] for column in ("open", "high", "low", "close")},
            "Volume BTC": frame["volume"],
            "Volume USD": frame["volume"] * 50_000,
        }
    )
    path.write_text("https://www.CryptoDataDownload.com\n" + rows[::-1].to_csv(index=False))
    return path


CSV_FORMATS = {
    "kraken": lambda folder, frame: kraken(folder / "XBTUSD_1.csv", frame),
    "binance ms": lambda folder, frame: binance(folder / "BTCUSDT-1m-2024-03.csv", frame),
    "binance us": lambda folder, frame: binance(folder / "BTCUSDT-1m-2025-03.csv", frame, 1_000_000),
    "binance header": lambda folder, frame: binance(folder / "BTCUSDT-1m-2025-03-04.csv", frame, header=True),
    "iso": lambda folder, frame: plain(folder / "BTC-USD.csv", frame),
    "iso without zone": lambda folder, frame: plain(folder / "BTC.csv", iso_without_zone(frame)),
    "seconds": lambda folder, frame: plain(
        folder / "btc.csv", frame.assign(timestamp=seconds(frame)).rename(columns={"timestamp": "unix"})
    ),
    "nanoseconds": lambda folder, frame: plain(
        folder / "btc_1min.csv",
        frame.assign(timestamp=seconds(frame) * 10**9).rename(columns={"timestamp": "Time"}),
    ),
    "headings": lambda folder, frame: plain(
        folder / "Coinbase_BTCUSD_minute.csv",
        frame.rename(columns=str.title).rename(columns={"Symbol": "symbol"}),
    ),
    "index": lambda folder, frame: (
        frame.set_index("timestamp")
        .rename_axis(None)
        .drop(columns="symbol")
        .to_csv(folder / "BTC_USDT-1m.csv")
    ),
    "symbol column": lambda folder, frame: frame.assign(symbol="BTC/USDT").to_csv(
        folder / "market.csv", index=False
    ),
    "parquet": lambda folder, frame: frame.drop(columns="symbol").to_parquet(folder / "BTCUSDT.parquet"),
    "parquet with index": lambda folder, frame: frame.set_index("timestamp").to_parquet(
        folder / "all.parquet"
    ),
    "feather": lambda folder, frame: (
        frame.drop(columns="symbol")
        .rename(columns={"timestamp": "date"})
        .to_feather(folder / "BTC_USDT-1m.feather")
    ),
    "upper-case ending": lambda folder, frame: plain(folder / "BTC-1m.CSV", frame),
}


@pytest.mark.parametrize("write", CSV_FORMATS.values(), ids=CSV_FORMATS)
def test_every_format_gives_the_same_candles(tmp_path, write):
    frame = minutes(90)
    write(tmp_path, frame)
    assert_frame_equal(load(tmp_path), frame)
    (offer,) = CandleArchive(tmp_path).offers("BTC", NOW)
    assert (offer.resolution, offer.oldest, offer.volume) == ("1m", START, True)


def test_crypto_data_download(tmp_path):
    hours = minutes(40, step=timedelta(hours=1))
    path = crypto_data_download(tmp_path / "Coinbase_BTCUSD_1h.csv", hours)
    assert_frame_equal(load(path, "BTCUSDT", "1h"), hours.assign(symbol="BTCUSDT").astype({"symbol": "str"}))


@pytest.mark.parametrize(
    ("name", "columns", "taken"),
    [
        ("BTCUSDT-1m", "volume volume_quote", "volume"),
        ("BTCUSDT-1m", "volume_ma volume", "volume"),
        ("MATICUSDT-1m", "volume_ma volume", "volume"),
        ("BTCUSDT-1m", "volume volume_btc", "volume_btc"),
        ("XBTUSD-1m", "volume volume_usd volume_btc", "volume_btc"),
        ("PEPE_USDT-1m", "volume volume_pepe", "volume_pepe"),
        ("ADABTC-1m", "volume volume_btc", "volume"),
        ("ADABTC-1m", "volume_ada volume_btc", "volume_ada"),
        ("BTCUSD-1m", "volume_usd volume_btc", "volume_btc"),
        ("BTCUSD-1m", "volume_eth volume_btc", "volume_btc"),
    ],
)
def test_the_volume_is_the_one_in_the_coin(tmp_path, name, columns, taken):
    frame = minutes(3).drop(columns="volume").assign(**dict.fromkeys(columns.split(), 7.0))
    plain(tmp_path / f"{name}.csv", frame.assign(**{taken: 5.0}))
    assert load(tmp_path, name.removesuffix("-1m"))["volume"].tolist() == [5, 5, 5]


def test_decimal_numbers_survive_to_the_last_digit(tmp_path):
    path = tmp_path / "ADABTC-1m-2021-11-27.csv"
    path.write_text("1710000000000,0.00002853,0.00002854,0.00002851,0.00002854,36304.20000000,1,1,1,1,1,0\n")
    candles = CandleArchive(tmp_path).fetch("ADABTC", "1m", START, END).candles
    assert candles["low"].tolist() == [0.00002851]
    assert candles["volume"].tolist() == [36304.2]


def test_a_folder_of_any_depth_is_one_archive(tmp_path):
    for day in range(3):
        folder = tmp_path / "klines" / str(day)
        folder.mkdir(parents=True)
        start = START + timedelta(days=day)
        binance(folder / f"BTCUSDT-1m-{start:%Y-%m-%d}.csv", minutes(30, start=start))
    kraken(tmp_path / "ETHUSD_5.csv", minutes(10, step=timedelta(minutes=5)))
    (tmp_path / "README.txt").write_text("not a candle in here")
    (tmp_path / ".hidden.csv").write_text("nor here")
    archive = CandleArchive(tmp_path)
    assert len(archive.fetch("BTC", "1m", START, END).candles) == 90
    part = archive.fetch("BTC", "1m", START + timedelta(minutes=29), START + timedelta(days=1, minutes=2))
    assert part.candles["timestamp"].tolist() == [
        START + timedelta(minutes=29),
        START + timedelta(days=1),
        START + timedelta(days=1, minutes=1),
    ]
    assert [offer.resolution for offer in archive.offers("ETH/USDT", NOW)] == ["5m"]
    assert archive.problems() == ()


def test_several_symbols_in_one_file(tmp_path):
    frame = pd.concat([minutes(20, "BTC"), minutes(30, "pepe-usdt")]).sort_values("timestamp")
    frame.to_parquet(tmp_path / "market.parquet", index=False)
    archive = CandleArchive(tmp_path)
    assert len(archive.fetch("BTC", "1m", START, END).candles) == 20
    pepe = archive.fetch("PEPE/USDT", "1m", START, END).candles
    assert len(pepe) == 30
    assert set(pepe["symbol"]) == {"PEPE/USDT"}
    with pytest.raises(UnknownSymbolError, match="nothing under ETH"):
        archive.offers("ETH", NOW)


def test_two_markets_of_one_coin_are_never_mixed(tmp_path):
    dollars, tether = minutes(20), minutes(20)
    tether[["open", "high", "low", "close"]] += 0.25
    kraken(tmp_path / "XBTUSD_1.csv", dollars)
    binance(tmp_path / "BTCUSDT-1m-2024-03.csv", tether)
    for symbol, expected in {
        "BTC": dollars,
        "BTC-USD": dollars,
        "BTCUSDT": tether,
        "BTC/USDT": tether,
    }.items():
        assert load(tmp_path, symbol)["open"].tolist() == expected["open"].tolist(), symbol


def test_each_resolution_is_an_offer_the_finest_first(tmp_path):
    kraken(tmp_path / "XBTUSD_60.csv", minutes(30, step=timedelta(hours=1)))
    kraken(tmp_path / "XBTUSD_1.csv", minutes(30, start=START + timedelta(days=1)))
    offers = CandleArchive(tmp_path).offers("BTC", NOW)
    assert [(offer.resolution, offer.oldest) for offer in offers] == [
        ("1m", START + timedelta(days=1)),
        ("1h", START),
    ]


def test_unsorted_and_repeated_rows_are_all_found(tmp_path):
    frame = minutes(3000)
    kraken(tmp_path / "XBTUSD_1.csv", pd.concat([frame.sample(frac=1, random_state=3), frame[:5]]))
    (offer,) = CandleArchive(tmp_path).offers("BTC", NOW)
    assert offer.oldest == START
    fetched = CandleArchive(tmp_path).fetch("BTC", "1m", START, END)
    candles, refused = normalise(fetched.candles, "1m", now=NOW)
    assert refused == {"a repeated row": 5}
    assert_frame_equal(candles, frame)


def test_two_files_that_contradict_each_other(tmp_path):
    first, second = minutes(10), minutes(10, start=START + timedelta(minutes=5))
    binance(tmp_path / "BTCUSDT-1m-2024-03-04.csv", first)
    binance(tmp_path / "BTCUSDT-1m-2024-03.csv", second)
    fetched = CandleArchive(tmp_path).fetch("BTC", "1m", START, END)
    candles, refused = normalise(fetched.candles, "1m", now=NOW)
    assert len(candles) == 10
    assert list(refused.values()) == [10]


HEADER = "timestamp,open,high,low,close,volume\n"
ROW = "2024-03-04 12:00:00,10,12,9,11,5\n"
NEXT = "2024-03-04 12:01:00,10,12,9,11,5\n"

UNUSABLE = {
    "empty": ("BTC-1m.csv", b"", "the file is empty"),
    "header only": ("BTC-1m.csv", HEADER.encode(), "the file has no rows"),
    "blank lines": ("BTC-1m.csv", b"\n\n\n", "unknown columns"),
    "prose": ("BTC-1m.csv", b"Dear reader,\nno candles today.\n", "unknown columns"),
    "no volume": (
        "BTC-1m.csv",
        b"time,open,high,low,close\n1,2,3,4,5\n",
        "unknown columns: no volume in time",
    ),
    "no time": (
        "BTC-1m.csv",
        b"open,high,low,close,volume\n1,2,3,4,5\n",
        "unknown columns: no timestamp in open",
    ),
    "wide": ("BTC-1m.csv", b",BTC:open,BTC:high,BTC:low,BTC:close\n2024-03-04,1,2,3,4\n", "unknown columns"),
    "ragged": ("BTC-1m.csv", (HEADER + ROW + "a,b,c,d,e,f,g,h\n").encode(), "malformed: .*line 3"),
    "ragged at once": (
        "BTC-1m.csv",
        (HEADER + ROW.strip() + ",7\n").encode(),
        "malformed: 6 columns in the header, 7",
    ),
    "open quote": ("BTC-1m.csv", (HEADER + ROW + '"2024-03-04').encode(), "malformed"),
    "binary": ("BTC-1m.csv", bytes(range(256)) * 4, "no text|malformed"),
    "prices as text": (
        "BTC-1m.csv",
        (HEADER + '2024-03-04 12:00:00,"1,234.5","1,240.0","1,230.0","1,235.0",5\n').encode(),
        "1 of 1 rows refused: a price is not a number, first in row 1: open '1,234.5'",
    ),
    "times as words": (
        "BTC-1m.csv",
        (HEADER + "yesterday,10,12,9,11,5\n").encode(),
        "the time cannot be read, first in row 1: timestamp 'yesterday'",
    ),
    "counted, not dated": (
        "BTC-1m.csv",
        (HEADER + "1,10,12,9,11,5\n2,10,12,9,11,5\n").encode(),
        "time cannot be read",
    ),
    "no parquet": ("BTC-1m.parquet", b"PAR1 or not", "malformed|cannot be read"),
    "no feather": ("BTC-1m.feather", b"feathers", "malformed|cannot be read"),
    "hours called minutes": (
        "BTC-1m.csv",
        (HEADER + "".join(f"2024-03-04 {hour}:00:00,10,12,9,11,5\n" for hour in range(10, 24))).encode(),
        "the name says 1m, but most candles are 1h apart",
    ),
    "minutes called hours": (
        "BTC-1h.csv",
        (HEADER + ROW + NEXT).encode(),
        "the name says 1h, but .* 1m apart",
    ),
    "odd step": (
        "BTC.csv",
        (HEADER + ROW + "2024-03-04 12:00:37,10,12,9,11,5\n").encode(),
        "apart, which is none of 1m, 3m",
    ),
    "one row": ("BTC.csv", (HEADER + ROW).encode(), "one candle and no resolution in the file's name"),
}


@pytest.mark.parametrize(("name", "content", "reason"), UNUSABLE.values(), ids=UNUSABLE)
def test_an_unusable_file_is_named_with_its_reason_and_spoils_nothing(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    archive = CandleArchive(tmp_path)
    with pytest.raises(UnknownSymbolError, match=f"{name}: .*({reason})"):
        archive.offers("BTC", NOW)

    kraken(tmp_path / "XBTUSD_1.csv", minutes(5))
    archive = CandleArchive(tmp_path)
    assert [offer.resolution for offer in archive.offers("BTC", NOW)] == ["1m"]
    fetched = archive.fetch("BTC", "1m", START, END)
    assert len(fetched.candles) == 5
    assert any(name in problem for problem in fetched.problems)


def test_a_file_without_any_symbol(tmp_path):
    (tmp_path / "2024-03.csv").write_text(HEADER + ROW + NEXT)
    (problem,) = CandleArchive(tmp_path).problems()
    assert problem.startswith("2024-03.csv: no symbol")


def test_bad_rows_cost_only_themselves(tmp_path):
    text = HEADER + ROW + "2024-03-04 12:01:00,10,n/a,9,11,5\n2024-03-04 12:02:00,10,12,9,11,5\n"
    text += "2024-03-04 12:03:00,10,12,9,11,\nwhen?,10,12,9,11,5\n"
    (tmp_path / "BTC-1m.csv").write_text(text)
    fetched = CandleArchive(tmp_path).fetch("BTC", "1m", START, END)
    assert len(fetched.candles) == 2
    assert fetched.problems == (
        "BTC-1m.csv: 1 of 5 rows refused: the time cannot be read, first in row 5: timestamp 'when?'",
        "BTC-1m.csv: 1 of 5 rows refused: a price is not a number, first in row 2: high 'n/a'",
        "BTC-1m.csv: 1 of 5 rows refused: the volume is not a finite number, first in row 4: volume empty",
    )


def test_a_path_without_candles(tmp_path):
    with pytest.raises(SourceError, match=r"no file of candles in .*: none ends in \.csv"):
        CandleArchive(tmp_path).offers("BTC", NOW)
    with pytest.raises(SourceError, match=r"nowhere cannot be read: No such file"):
        CandleArchive(tmp_path / "nowhere").offers("BTC", NOW)
    text = tmp_path / "BTC.txt"
    text.write_text("candles?")
    with pytest.raises(SourceError, match="no file of candles"):
        CandleArchive(text).offers("BTC", NOW)


def test_an_archive_of_which_nothing_can_be_used(tmp_path):
    (tmp_path / "BTC-1m.csv").write_bytes(b"")
    with pytest.raises(SourceError, match=r"can be used: BTC-1m.csv: the file is empty"):
        CandleArchive(tmp_path).holdings()


def test_what_an_archive_holds(tmp_path):
    kraken(tmp_path / "XBTUSD_1.csv", minutes(5))
    binance(tmp_path / "ADABTC-5m-2024-03.csv", minutes(3, step=timedelta(minutes=5)))
    assert [tuple(holding)[1:] for holding in CandleArchive(tmp_path).holdings()] == [
        ("ADABTC", "5m", START, START + timedelta(minutes=10)),
        ("XBTUSD", "1m", START, START + timedelta(minutes=4)),
    ]


def test_a_file_that_cannot_be_opened(tmp_path):
    (tmp_path / "BTC-1m.csv").symlink_to(tmp_path / "gone.csv")
    with pytest.raises(UnknownSymbolError, match=r"BTC-1m.csv: the file cannot be read: No such file"):
        CandleArchive(tmp_path).offers("BTC", NOW)


def test_a_file_that_has_changed_is_read_again(tmp_path):
    path = kraken(tmp_path / "XBTUSD_1.csv", minutes(5))
    assert len(load(path)) == 5
    kraken(path, minutes(8))
    assert len(load(path)) == 8


def test_an_unknown_symbol_is_told_what_there_is(tmp_path):
    kraken(tmp_path / "XBTUSD_1.csv", minutes(5))
    with pytest.raises(
        UnknownSymbolError, match=r"nothing under DOGEX in .*; its files are named after XBTUSD"
    ):
        CandleArchive(tmp_path).offers("DOGEX", NOW)


def test_a_month_of_minutes_loads_in_well_under_a_second(tmp_path):
    binance(tmp_path / "BTCUSDT-1m-2024-03.csv", minutes(45_000))
    started = time.perf_counter()
    fetched = CandleArchive(tmp_path).fetch("BTC", "1m", START, END)
    assert len(fetched.candles) == 45_000
    assert time.perf_counter() - started < 1
