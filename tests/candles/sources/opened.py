"""The sources of candles, opened on the sandbox, and the truth about its market to hold them against."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from include.candles import Fetched, Source
from include.candles.frame import PRICES, RESOLUTIONS, normalise
from include.candles.sources.ccxt import Ccxt
from include.candles.sources.coingecko import CoinGecko
from include.candles.sources.coinmarketcap import CoinMarketCap
from include.candles.sources.kraken import Kraken
from include.http import Retry, Timeout
from include.http.client import Client
from include.services import find_service
from include.services.ccxt import ANY_EXCHANGE
from include.settings import Endpoint
from sandbox import market
from sandbox.coins import find_coin

# Patient enough for a busy machine, and quick to try again.
QUICK = {
    "limits": (),
    "timeout": Timeout(connect=2.0, read=2.0, total=5.0),
    "retry": Retry(attempts=3, budget=10.0, wait_initial=0.01, wait_max=0.02, jitter=0.01),
}
CLIENTS = {
    "kraken": ("kraken", "/kraken", Kraken),
    "coinmarketcap": ("coinmarketcap", "/coinmarketcap", CoinMarketCap),
    "coingecko": ("coingecko", "/coingecko/api/v3", CoinGecko),
    "coingecko:pro": ("coingecko-pro", "/coingecko/api/v3", CoinGecko),
}
CCXT_PATHS = {"ccxt:binance": "/binance", "ccxt:kraken": "/kraken"}
DOLLAR_VOLUMES = ("coinmarketcap", "coingecko")  # sources that turn dollars into coins


@contextmanager
def opened(name: str, url: str, database: Engine, **changes: Any) -> Iterator[Source]:
    """A source whose service is the sandbox at `url`, or whatever else answers there in its place."""
    if name.startswith("ccxt:"):
        endpoint = Endpoint(url + CCXT_PATHS.get(name, ""))
        service = replace(ANY_EXCHANGE, **{**QUICK, **changes})
        with Ccxt(name.removeprefix("ccxt:"), endpoint, database, service) as source:
            yield source
        return
    service_name, path, kind = CLIENTS[name]
    service = replace(find_service(service_name), **{**QUICK, **changes})
    with Client(service, Endpoint(url + path, "any-key"), database) as client:
        yield kind(client)


def now() -> datetime:
    return datetime.now(UTC)


def floor(moment: datetime, interval: timedelta) -> datetime:
    """The latest time on the grid that is not after `moment`."""
    return moment - (moment - datetime(1970, 1, 1, tzinfo=UTC)) % interval


def truth(symbol: str, resolution: str, start: datetime, end: datetime) -> pd.DataFrame:
    """The closed candles of the sandbox's market with `start <= open time < end`, and their turnover."""
    coin = find_coin(symbol)
    minutes = RESOLUTIONS[resolution] // timedelta(minutes=1)
    moments = (int(moment.timestamp() * 1000) for moment in (start, end, now()))
    candles = market.read_candles(coin, minutes, *moments)
    columns = dict(zip(PRICES, map(coin.price_dollars, candles.ohlc), strict=True))
    return pd.DataFrame(
        {
            "timestamp": pd.to_datetime(candles.opened_at, unit="ms", utc=True).as_unit("us"),
            **columns,
            "volume": candles.volume / 10.0**coin.volume_decimals,
            "turnover": coin.turnover_dollars(candles.turnover),
        }
    )


def usable(fetched: Fetched, resolution: str) -> pd.DataFrame:
    """What the collector would keep of it."""
    return normalise(fetched.candles, resolution, now=now())[0]


def assert_true(name: str, candles: pd.DataFrame, resolution: str) -> None:
    """Every candle is what the market of the sandbox did; there may be few, or none."""
    for symbol, of_symbol in candles.groupby("symbol"):
        step = RESOLUTIONS[resolution]
        expected = truth(
            str(symbol), resolution, of_symbol["timestamp"].min(), of_symbol["timestamp"].max() + step
        )
        both = of_symbol.merge(expected, on="timestamp", how="left", suffixes=("", "_true"), validate="1:1")
        for price in PRICES:
            np.testing.assert_allclose(both[price], both[f"{price}_true"], rtol=1e-9, err_msg=price)
        if name.partition(":")[0] in DOLLAR_VOLUMES:
            assert (both["volume"] * both["low"] <= both["turnover"] * (1 + 1e-9)).all()
            assert (both["volume"] * both["high"] >= both["turnover"] * (1 - 1e-9)).all()
        else:
            np.testing.assert_allclose(both["volume"], both["volume_true"], rtol=1e-9, err_msg="volume")


def assert_whole(
    name: str, candles: pd.DataFrame, symbol: str, resolution: str, start: datetime, end: datetime
) -> None:
    """The candles are the true ones of the whole window, each once, in order, under the symbol as asked."""
    assert_true(name, candles, resolution)
    assert candles["timestamp"].tolist() == truth(symbol, resolution, start, end)["timestamp"].tolist()
    assert len(candles)
    assert set(candles["symbol"]) == {symbol}
