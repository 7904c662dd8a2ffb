"""CoinMarketCap: hourly and daily candles, averaged over exchanges, on its paid plans.

https://coinmarketcap.com/api/documentation/pro-api-reference/cryptocurrency/ohlcv-historical. A plan that
has none is refused with error 1006; how far back candles go depends on the plan, too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from include.candles.frame import CANDLE, PRICES, RESOLUTIONS, decimals, refused_rows_text
from include.candles.sources.source import (
    Fetched,
    Offer,
    Opening,
    PingResult,
    SourceError,
    ask_cheaply,
    listed_coin,
    service_errors,
)
from include.http import RequestRefusedError
from include.http.client import Client
from include.symbols import Coin

VENDOR = "coinmarketcap"
TIME_PERIODS = {"1h": "hourly", "1d": "daily"}
# Hourly candles before this have the volume 0, which means that it is not known.
HOURLY_VOLUME_SINCE = datetime(2020, 9, 22, tzinfo=UTC)
CLOSE_TOLERANCE = 1.0  # seconds: a candle closes a millisecond before the next one opens


class CoinMarketCap:
    """Candles of the coins in the table of symbols, against the US dollar.

    Volumes come in dollars. They are turned into coins at the mean of high, low and close, so that they are
    off by less than the candle's range.
    """

    name = "coinmarketcap"
    local = False

    def __init__(self, client: Client):
        """Take an open client of the service `coinmarketcap`; whoever opened it closes it."""
        self._client = client

    def ping(self) -> PingResult:
        """Ask what the key may do, which costs no credit. Raises SourceError."""
        return ask_cheaply(self._client, "/v1/key/info")[1]

    def offers(self, symbol: str, now: datetime) -> tuple[Offer, ...]:
        """Offer hours since September 2020, and days of any age. Raises UnknownSymbolError."""
        listed_coin(symbol, VENDOR)
        return (
            Offer("1h", HOURLY_VOLUME_SINCE, volume=True),
            Offer("1d", None, volume=True),
        )

    def fetch(self, symbol: str, resolution: str, start: datetime, end: datetime) -> Fetched:
        """Get the candles with `start <= open time < end`. Raises UnknownSymbolError, SourceError."""
        coin = listed_coin(symbol, VENDOR)
        interval = RESOLUTIONS[resolution]
        period = TIME_PERIODS[resolution]
        params: dict[str, str | int] = {
            "id": coin.ids[VENDOR],
            "time_period": period,
            "interval": period,
            "time_start": _write_time(start - interval),  # exclusive
            "time_end": _write_time(end - interval),  # inclusive
            "count": (end - start) // interval,
            "convert": "USD",
        }

        def unknown(error: RequestRefusedError) -> str | None:
            about_the_id = error.status == 400 and '"id"' in error.message
            return f"unknown symbol {symbol}: {error.message}" if about_the_id else None

        with service_errors(unknown=unknown, one_question=400):
            answer = self._client.get_json("/v2/cryptocurrency/ohlcv/historical", params)
        candles, refused = _read(coin, answer, interval)
        wanted = (candles["timestamp"] >= start) & (candles["timestamp"] < end)
        problems = (refused_rows_text({f"it is no {period} candle": refused}),) if refused else ()
        return Fetched(candles[wanted].assign(symbol=symbol)[CANDLE], problems)


@contextmanager
def opened(opening: Opening) -> Iterator[CoinMarketCap]:
    """Open the source. Raises RequestRefusedError without a key."""
    with opening.client("coinmarketcap") as client:
        yield CoinMarketCap(client)


def _read(coin: Coin, answer: Any, interval: timedelta) -> tuple[pd.DataFrame, int]:
    """Read an answer; count the rows that are of another length than was asked for."""
    try:
        data = answer["data"]
        if data["id"] != coin.ids[VENDOR]:
            words = f"answered with coin {data['id']} instead of {coin.ids[VENDOR]} ({coin.code})"
            raise SourceError(words, temporary=True)
        rows = [
            (quote["time_open"], quote["time_close"], *(quote["quote"]["USD"][c] for c in CANDLE[2:]))
            for quote in data["quotes"]
        ]
        candles = pd.DataFrame(rows, columns=["timestamp", "closed_at", *CANDLE[2:]])
        for column in ("timestamp", "closed_at"):
            candles[column] = pd.to_datetime(candles[column], utc=True, format="ISO8601")
        for column in (*PRICES, "volume"):  # what is no number is refused by the collector
            candles[column] = decimals(candles[column])
    except (KeyError, TypeError, ValueError) as error:
        raise SourceError(f"an answer that holds no candles: {error!r}", temporary=True) from error
    candles["volume"] /= candles[["high", "low", "close"]].mean(axis=1)
    if interval < timedelta(days=1):
        candles["volume"] = candles["volume"].where(candles["timestamp"] >= HOURLY_VOLUME_SINCE)
    lasted = (candles["closed_at"] - candles["timestamp"]).dt.total_seconds()
    right = (lasted - interval.total_seconds()).abs() <= CLOSE_TOLERANCE
    return candles[right], int((~right).sum())


def _write_time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.000Z}"
