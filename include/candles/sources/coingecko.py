"""CoinGecko: daily candles of the last thirty days, averaged over exchanges, on the demo and the pro plan.

Its candles carry no volume, and a candle without one is not valid (contract/backtest.md), so that its half
hours and four hours are of no use here, nor are its prices at single moments. A day can be put together
honestly: open, high, low and close from six candles of four hours (`/coins/{id}/ohlc`), the volume from the
24 hours before midnight UTC (`total_volumes` of `/coins/{id}/market_chart/range`).
See https://docs.coingecko.com/reference/coins-id-ohlc and …/coins-id-market-chart-range.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from include.candles.frame import (
    CANDLE,
    PRICES,
    RESOLUTIONS,
    decimals,
    first_open,
    frame_of,
    normalise,
    refused_rows_text,
)
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

VENDOR = "coingecko"
STEP = "4h"  # of a candle, when 3 to 30 days are asked for
SPANS = (7, 14, 30)  # days that can be asked for
ONE_DAY = timedelta(days=1)
LONGEST_CACHED = timedelta(minutes=30)  # twice as long as CoinGecko says that it keeps an answer
CHART_SPAN = timedelta(days=100)  # of more than 90 days it gives one point a day, at midnight
# The close of a day and the price at midnight come from two answers; by more they differ for two coins only.
PRICE_TOLERANCE = 0.1


class CoinGecko:
    """Candles of the coins in the table of symbols, against the US dollar.

    The volume comes in dollars. It is turned into coins at the mean of the day's high, low and close, so that
    it is off by less than the day's range.
    """

    local = False

    def __init__(self, client: Client, name: str = "coingecko"):
        """Take an open client of the service `coingecko` or `coingecko-pro`; whoever opened it closes it."""
        self._client = client
        self.name = name

    def ping(self) -> PingResult:
        """Ask whether it is there. Raises SourceError."""
        return ask_cheaply(self._client, "/ping")[1]

    def offers(self, symbol: str, now: datetime) -> tuple[Offer, ...]:
        """Offer the whole days within the last thirty. Raises UnknownSymbolError."""
        listed_coin(symbol, VENDOR)
        reach = pd.Series([now - timedelta(days=max(SPANS))])
        return (Offer("1d", first_open(reach, ONE_DAY)[0].to_pydatetime(), volume=True),)

    def fetch(self, symbol: str, resolution: str, start: datetime, end: datetime) -> Fetched:
        """Get the candles with `start <= open time < end`. Raises UnknownSymbolError, SourceError."""
        if resolution != "1d":
            raise ValueError(f"CoinGecko has no {resolution} candles with a volume")
        coin = listed_coin(symbol, VENDOR)
        now = datetime.now(UTC)
        span = next((days for days in SPANS if now - timedelta(days=days) <= start), max(SPANS))
        rows = self._ask(coin, "ohlc", {"days": span})
        chart = {"from": int((now - CHART_SPAN).timestamp()), "to": int(now.timestamp())}
        points = self._ask(coin, "market_chart/range", chart)
        steps, refused = normalise(_read_steps(rows).assign(symbol=symbol), STEP, now=now)
        # An answer may be an old one, in which the newest candle was open still.
        days = _join_days(steps[steps["timestamp"] + RESOLUTIONS[STEP] <= now - LONGEST_CACHED])
        midnights = _read_midnights(points).reindex(days["timestamp"] + ONE_DAY).reset_index(drop=True)
        _check_same_coin(days, midnights["price"])
        days["volume"] = midnights["volume"] / days[["high", "low", "close"]].mean(axis=1)
        wanted = (days["timestamp"] >= start) & (days["timestamp"] < end) & days["volume"].notna()
        problems = (refused_rows_text(refused),) if refused else ()
        return Fetched(days[wanted].assign(symbol=symbol)[CANDLE], problems)

    def _ask(self, coin: Coin, what: str, params: dict[str, int]) -> Any:
        def unknown(error: RequestRefusedError) -> str | None:
            return f"unknown coin {coin.ids[VENDOR]}" if error.status == 404 else None

        with service_errors(unknown=unknown, one_question=400):
            return self._client.get_json(
                f"/coins/{coin.ids[VENDOR]}/{what}", {"vs_currency": "usd", **params}
            )


@contextmanager
def opened(opening: Opening) -> Iterator[CoinGecko]:
    """Open the source, by the plan that its name says. Raises RequestRefusedError."""
    with opening.client(opening.name.replace(":", "-")) as client:
        yield CoinGecko(client, opening.name)


def _read_steps(rows: Any) -> pd.DataFrame:
    """Read the candles of `ohlc` (`[[close time in ms, open, high, low, close], …]`), without a volume."""
    try:
        steps = frame_of(rows, ["timestamp", *PRICES])
        steps["timestamp"] = pd.to_datetime(steps["timestamp"], unit="ms", utc=True) - RESOLUTIONS[STEP]
        for column in PRICES:  # what is no number is refused by the collector
            steps[column] = decimals(steps[column])
    except (TypeError, ValueError) as error:
        raise SourceError(f"an answer that holds no candles: {error!r}", temporary=True) from error
    return steps.assign(volume=float("nan"))


def _join_days(steps: pd.DataFrame) -> pd.DataFrame:
    """Join the candles of each day of which none is missing: `timestamp, open, high, low, close`, sorted."""
    days = steps.groupby(steps["timestamp"].dt.floor("D")).agg(
        open=("open", "first"),
        high=("high", "max"),
        low=("low", "min"),
        close=("close", "last"),
        steps=("open", "size"),
    )
    whole = days["steps"] == ONE_DAY // RESOLUTIONS[STEP]
    return days[whole].drop(columns="steps").rename_axis("timestamp").reset_index()


def _read_midnights(chart: Any) -> pd.DataFrame:
    """Read `price` and `volume` (dollars, of the 24 hours before) at each midnight UTC, the index."""
    columns = {}
    try:
        for column, series in (("price", "prices"), ("volume", "total_volumes")):
            points = frame_of(chart[series], ["at", column])
            points["at"] = pd.to_datetime(points["at"], unit="ms", utc=True).dt.as_unit("us")
            points = points[points["at"] == points["at"].dt.floor("D")].drop_duplicates()
            points = points.drop_duplicates("at", keep=False)  # two values for one moment: which is right?
            columns[column] = points.set_index("at")[column].astype("float64")
    except (KeyError, TypeError, ValueError) as error:
        raise SourceError(f"an answer that holds no volumes: {error!r}", temporary=True) from error
    return pd.DataFrame(columns)


def _check_same_coin(days: pd.DataFrame, prices: "pd.Series[float]") -> None:
    """See that both answers are about one coin: neither of them says about which it is."""
    apart = (prices / days["close"] - 1).abs()
    if (apart > PRICE_TOLERANCE).any():
        worst = days["timestamp"].iloc[int(apart.argmax())] + ONE_DAY
        words = f"ohlc and market_chart differ by {apart.max():.0%} at {worst:%Y-%m-%d %H:%M}"
        raise SourceError(f"{words}: one of them must be about another coin", temporary=True)
