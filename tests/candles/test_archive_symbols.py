"""Which market of an archive a symbol means."""

from datetime import timedelta

import pandas as pd
import pytest

from include.candles import UnknownSymbolError
from include.candles.sources.archive import CandleArchive
from tests.candles.files import HEADER, HOUR, ROW, held, lines, seconds, table, write
from tests.support.candles import NOW, START

LATER = START + timedelta(days=1)


@pytest.mark.parametrize(
    ("one", "other", "asked"),
    [
        ("ETHUSDT-1h-2024-03-04", "ETH_USDT-1h-2024-03-05", ["ETH", "ETHUSDT", "eth/usdt", "ETH_USDT"]),
        ("ETHUSD_60", "ETH-USD_1h", ["ETH", "ETH-USD"]),
        ("XBTUSD_60", "BTC-USD_1h", ["BTC", "XBTUSD"]),
        ("WIFUSDT-1h", "wif-usdt_1h", ["WIF/USDT", "WIF"]),
    ],
)
def test_one_market_under_two_spellings_is_one(tmp_path, one, other, asked):
    write(tmp_path, f"{one}.csv", table(time=seconds))
    write(tmp_path, f"{other}.csv", table(time=seconds, start=LATER))
    for symbol in asked:
        candles = held(tmp_path, symbol)
        assert len(candles) == 48, symbol
        assert set(candles["symbol"]) == {symbol}


def test_two_spellings_in_one_file(tmp_path):
    text = table(f"symbol,{HEADER}", time=lambda at: f"ETHUSDT,{seconds(at)}")
    write(tmp_path, "all_1h.csv", text + lines(lambda at: f"ETH/USDT,{seconds(at)}", start=LATER))
    assert len(held(tmp_path, "ETH")) == 48


ODD = ["TRUE", "False", "42", "007", "00", "1E5", "INF", "NaN", "NA", "NULL", "None", "-1", "0x1F", "1.50"]


@pytest.mark.parametrize("symbol", ODD)
@pytest.mark.parametrize("beside", [True, False])
def test_a_symbol_that_looks_like_a_number_or_a_truth_value_is_text(tmp_path, symbol, beside):
    text = table(f"{HEADER},symbol", time=seconds, row=f"{ROW},{symbol}")
    if beside:
        text += lines(seconds, row=f"{ROW},ETH")
    write(tmp_path, "market_1h.csv", text)
    assert len(held(tmp_path, symbol)) == 24


@pytest.mark.parametrize(
    ("values", "symbol"),
    [
        ([42] * 24, "42"),
        ([True] * 24, "TRUE"),
        ([7.0] * 24, "7"),
        (pd.array([8, None] * 12, dtype="Int64"), "8"),
        (["007"] * 24, "007"),
        (["nan"] * 24, "NAN"),
        (pd.Categorical(["NA"] * 24), "NA"),
    ],
)
@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_and_so_it_is_in_other_files(tmp_path, values, symbol, suffix):
    times = pd.date_range(START, periods=24, freq="h", unit="us")
    frame = pd.DataFrame({"timestamp": times, "symbol": values, "high": 102.0, "low": 98.0, "volume": 5.0})
    frame = frame.assign(open=100.0, close=101.0)
    path = tmp_path / f"market_1h.{suffix}"
    (frame.to_parquet if suffix == "parquet" else frame.to_feather)(path)
    assert len(held(tmp_path, symbol)) == int(pd.Series(values).notna().sum())


def test_rows_without_a_symbol_are_counted(tmp_path):
    text = table(f"symbol,{HEADER}", time=lambda at: f"ETH,{seconds(at)}")
    write(tmp_path, "all_1h.csv", text + lines(lambda at: f",{seconds(at)}", count=2))
    fetched = CandleArchive(tmp_path).fetch("ETH", "1h", START, LATER)
    assert fetched.problems == ("all_1h.csv: 2 of 26 rows refused: no symbol, first in row 25: symbol empty",)


def test_one_symbol_of_a_file_that_cannot_be_used_spoils_no_other(tmp_path):
    text = table(f"symbol,{HEADER}", time=lambda at: f"ETH,{seconds(at)}")
    write(tmp_path, "all.csv", text + lines(lambda at: f"SOL,{seconds(at)}", count=1))
    fetched = CandleArchive(tmp_path).fetch("ETH", "1h", START, LATER)
    assert len(fetched.candles) == 24
    assert fetched.problems == ("all.csv: SOL: one candle and no resolution in the file's name",)


@pytest.mark.parametrize("symbol", ["WIF", "wif", "WIF-USD", "WIF/USDC", "WIFUSDT"])
def test_a_base_outside_the_table_is_its_only_market_against_a_dollar(tmp_path, symbol):
    write(tmp_path, "WIFUSDT-1h.csv", table(time=seconds))
    write(tmp_path, "WIFBTC-1h.csv", table(time=seconds))
    assert len(held(tmp_path, symbol)) == 24


def test_a_base_with_two_such_markets_is_asked_to_be_clear(tmp_path):
    write(tmp_path, "WIFUSDT-1h.csv", table(time=seconds))
    write(tmp_path, "WIF_USDC-1h.csv", table(time=seconds, start=LATER))
    with pytest.raises(UnknownSymbolError, match=r"nothing under WIF in .*; WIFUSDT, WIF_USDC would work"):
        CandleArchive(tmp_path).offers("WIF", NOW)
    assert held(tmp_path, "WIF/USDC")["timestamp"].min() == LATER
    assert CandleArchive(tmp_path).fetch("WIFUSDT", "1h", START, START + HOUR).problems == ()


def test_a_base_with_two_such_markets_in_one_file_is_told_what_would_work(tmp_path):
    rows = "".join(f"WIF/{dollar},{line}\n" for dollar in ("USDT", "USDC") for line in lines().splitlines())
    write(tmp_path, "candles_1h.csv", f"symbol,{HEADER}\n{rows}")
    with pytest.raises(UnknownSymbolError, match="WIF/USDC, WIF/USDT would work; its files hold WIF/USDC, "):
        CandleArchive(tmp_path).offers("WIF", NOW)


def test_files_without_a_symbol_say_what_they_lack(tmp_path):
    write(tmp_path, "SOLUSDT/1h/2024-07-01.csv", table())
    with pytest.raises(UnknownSymbolError, match=r"nothing under SOL .*; 2024-07-01.csv: no symbol: name"):
        CandleArchive(tmp_path).offers("SOL", NOW)
