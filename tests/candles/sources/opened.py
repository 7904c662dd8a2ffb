"""The sources of candles, opened on the sandbox, and the truth about its market to hold them against."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from include.candles import Fetched, Source
from include.candles.frame import PRICES, RESOLUTIONS, normalise
from include.candles.sources import Opening, find_entry
from include.http import Retry, Service, Timeout
from include.services import find_service
from include.settings import Endpoint, Settings
from sandbox import market
from sandbox.coins import find_coin

# Patient enough for a busy machine, and quick to try again.
QUICK = {
    "limits": (),
    "timeout": Timeout(connect=2.0, read=2.0, total=5.0),
    "retry": Retry(attempts=3, budget=10.0, wait_initial=0.01, wait_max=0.02, jitter=0.01),
}
IMITATED_EXCHANGES = ("binance", "kraken")  # of those that ccxt knows
DOLLAR_VOLUMES = ("coinmarketcap", "coingecko")  # sources that turn dollars into coins


@dataclass(frozen=True)
class QuickOpening(Opening):
    """Opens a source whose service is changed for the tests."""

    changes: Mapping[str, Any] = field(default_factory=dict)

    def paced(self, service: Service) -> Service:
        return replace(service, **{**QUICK, **self.changes})


@contextmanager
def opened(name: str, url: str, database: Engine, **changes: Any) -> Iterator[Source]:
    """A source whose service is the sandbox at `url`, or whatever else answers there in its place."""
    module = import_module(f"include.candles.sources.{find_entry(name).module}")
    endpoint = Endpoint(url + imitated_at(name), "any-key")
    opening = QuickOpening(name, Settings(), database, lambda _: endpoint, changes=changes)
    with module.opened(opening) as source:
        yield source


def imitated_at(name: str) -> str:
    """Where the sandbox imitates the service of a source."""
    kind, _, exchange = name.partition(":")
    if kind == "ccxt":
        return f"/{exchange}" if exchange in IMITATED_EXCHANGES else ""
    return find_service(find_entry(name).service or name).sandbox_path or f"/{name}"


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
