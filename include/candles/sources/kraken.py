"""Kraken: its candles (OHLC) and, further back than those reach, its trades, rebuilt into minutes.

OHLC gives the 720 newest closed candles of a pair and the open one, whatever is asked. Trades go back to the
first one, a thousand a request and a request a second: a busy pair makes 50 such pages a day, so that one
fetch reads MAX_PAGES of them and leaves the rest for the next.
See https://docs.kraken.com/api/docs/rest-api/get-ohlc-data and …/get-recent-trades.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import pandas as pd

from include.candles.frame import CANDLE, PRICES, RESOLUTIONS, frame_of, no_candles
from include.candles.sources.source import (
    Fetched,
    Offer,
    Opening,
    PingResult,
    SourceError,
    UnknownSymbolError,
    ask_cheaply,
    service_errors,
)
from include.http import RequestRefusedError
from include.http.client import Client
from include.symbols import find_markets, lacking_dollar, what_would_work

INTERVALS = ("1m", "5m", "15m", "30m", "1h", "4h", "1d")
REBUILT = "1m"
OHLC_REACH = 720  # closed candles that OHLC reaches back
TRADES_A_PAGE = 1_000  # trades an answer holds at most
MAX_PAGES = 50  # of one fetch
# Trades are read from so long before the first minute: without a trade it is flat at the price before.
TRADES_LEAD = timedelta(minutes=15)
DECIMALS = 8  # of a volume, at most
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

OHLC = ["timestamp", *PRICES, "vwap", "volume", "count"]
TRADE_COLUMNS = ["price", "volume", "time", "side", "type", "misc", "id"]


class Kraken:
    """Candles of Kraken's spot pairs, those without a trade included: they are flat at the last price."""

    name = "kraken"
    local = False

    def __init__(self, client: Client):
        """Take an open client of the service `kraken`; whoever opened it closes it."""
        self._client = client

    def ping(self) -> PingResult:
        """Ask whether it calls itself online. Raises SourceError."""
        answer, took = ask_cheaply(self._client, "/0/public/SystemStatus")
        result = answer.get("result") if isinstance(answer, dict) else None
        status = result.get("status") if isinstance(result, dict) else None
        if status != "online":
            raise SourceError(f"it calls itself {status!r} instead of online", temporary=True)
        return took

    def offers(self, symbol: str, now: datetime) -> tuple[Offer, ...]:
        """Offer minutes of any age, 720 candles of other lengths. Raises UnknownSymbolError, SourceError."""
        self._pair_of(symbol)
        offers = []
        for resolution in INTERVALS:
            interval = RESOLUTIONS[resolution]
            oldest = now - (now - EPOCH) % interval - OHLC_REACH * interval
            offers.append(Offer(resolution, None if resolution == REBUILT else oldest, volume=True))
        return tuple(offers)

    def fetch(self, symbol: str, resolution: str, start: datetime, end: datetime) -> Fetched:
        """Get the candles with `start <= open time < end`. Raises UnknownSymbolError, SourceError."""
        pair = self._pair_of(symbol)
        problems = []
        reached = None
        if dollar := lacking_dollar(pair, symbol):
            problems.append(f"{pair} stands for {symbol}: there is no pair with {dollar}")
        reach = datetime.now(UTC) - OHLC_REACH * RESOLUTIONS[resolution]
        candles = self._read_ohlc(pair, resolution, start) if end > reach else no_candles()
        if resolution == REBUILT and start < reach:
            until = min(end, reach if candles.empty else candles["timestamp"].min().to_pydatetime())
            trades, reached, missed = self._read_trades(pair, start - TRADES_LEAD, until)
            problems += missed
            if reached and reached <= start:
                problems.append(f"its trades could not be read past {reached:%Y-%m-%d %H:%M}")
            candles = pd.concat([rebuild_minutes(trades, until), candles], ignore_index=True)
        wanted = (candles["timestamp"] >= start) & (candles["timestamp"] < end)
        return Fetched(candles[wanted].assign(symbol=symbol)[CANDLE], tuple(problems), reached)

    def _read_ohlc(self, pair: str, resolution: str, start: datetime) -> pd.DataFrame:
        """Read the closed candles from `start` on, as far as OHLC reaches back."""
        since = int(start.timestamp()) - 1  # exclusive
        minutes = RESOLUTIONS[resolution] // timedelta(minutes=1)
        rows, last = self._ask("OHLC", pair, {"interval": minutes, "since": since})
        try:
            candles = frame_of(rows, OHLC)
            closed = candles["timestamp"] <= last
            candles["timestamp"] = pd.to_datetime(candles["timestamp"], unit="s", utc=True)
            for column in (*PRICES, "volume"):  # what is no number is refused by the collector
                candles[column] = pd.to_numeric(candles[column], errors="coerce").astype("float64")
        except (TypeError, ValueError) as error:
            raise SourceError(f"an answer that holds no candles: {error!r}", temporary=True) from error
        return candles[closed].assign(symbol=pair)[CANDLE]

    def _read_trades(
        self, pair: str, start: datetime, end: datetime
    ) -> tuple[pd.DataFrame, datetime | None, list[str]]:
        """Read the trades from `start` up to the first one that is not before `end`, or as far as can be.

        Answers with the trades; where that was not far enough, the minute that was reached; and in words what
        was missed on the way.
        """
        since = (start - EPOCH) // timedelta(microseconds=1) * 1000 - 1  # nanoseconds, exclusive
        trades, missed, left = _parse_trades([]), [], False
        for _ in range(MAX_PAGES):
            rows, last = self._ask("Trades", pair, {"since": since, "count": TRADES_A_PAGE})
            page = _parse_trades(rows)
            new = page[~page["id"].isin(trades["id"])].drop_duplicates("id")
            if left and not new.empty:  # trades are numbered one by one
                moment = trades["time"].max()
                if (lost := new["id"].min() - trades["id"].max() - 1) > 0:
                    words = f"{lost} of the trades at {moment:%Y-%m-%d %H:%M:%S} are missing in its minute"
                    missed.append(f"{words}: Kraken gives {TRADES_A_PAGE} of one moment")
            trades = pd.concat([trades, new], ignore_index=True)
            one_moment = len(page) >= TRADES_A_PAGE and page["time"].min() == page["time"].max()
            if page["time"].max() >= end or (new.empty and not one_moment):
                return trades, None, missed
            if new.empty and left:
                break
            # Many trades share one moment, and a page may end between them: that moment is read again. If it
            # fills a page of its own, that is all that Kraken gives of it, and the next one begins behind it.
            left = new.empty
            since = last if left else last - 1
        return trades, trades["time"].max().floor("min").to_pydatetime(), missed

    def _ask(self, what: str, pair: str, params: Mapping[str, str | int]) -> tuple[list[Any], int]:
        """Ask about a pair; answer the rows and `last`, if they are of this pair."""
        key = self._pairs[pair]

        def unknown(error: RequestRefusedError) -> str | None:
            return f"unknown pair {pair}" if "Unknown asset pair" in error.message else None

        with service_errors(unknown=unknown, one_question=200):  # 200: an error in the body of an answer
            result = self._get(what, {"pair": key, **params})
        named = [name for name in result if name != "last"]
        if named != [key]:
            raise SourceError(f"answered with {', '.join(named)} instead of {key}", temporary=True)
        if not isinstance(result[key], list) or not str(result.get("last", "")).isdecimal():
            raise SourceError(f"an answer that is no {what}", temporary=True)
        return result[key], int(result["last"])

    def _get(self, what: str, params: Mapping[str, str | int]) -> dict[str, Any]:
        answer = self._client.get_json(f"/0/public/{what}", params)
        result = answer.get("result") if isinstance(answer, dict) else None
        if not isinstance(result, dict):
            raise SourceError("an answer without a result", temporary=True)
        return result

    def _pair_of(self, symbol: str) -> str:
        """Choose the pair of a symbol, the one in its own dollar before others."""
        pairs = find_markets(symbol, self._pairs)
        if not pairs:
            hint = what_would_work(symbol, self._pairs)
            raise UnknownSymbolError(f"unknown symbol {symbol}" + (f": {hint}" if hint else ""))
        return pairs[0]

    @cached_property
    def _pairs(self) -> dict[str, str]:
        """All pairs: their name, like XBT/USD -> the key under which answers hold them, like XXBTZUSD."""
        with service_errors():
            answer = self._get("AssetPairs", {})
        try:
            pairs = {pair["wsname"]: key for key, pair in answer.items() if "wsname" in pair}
        except TypeError as error:
            raise SourceError(f"an answer that holds no pairs: {error!r}", temporary=True) from error
        if not pairs:  # otherwise every symbol would be taken for unknown
            raise SourceError("an answer that holds no pairs", temporary=True)
        return pairs


@contextmanager
def opened(opening: Opening) -> Iterator[Kraken]:
    """Open the source. Raises RequestRefusedError for an address that is none."""
    with opening.client("kraken") as client:
        yield Kraken(client)


def rebuild_minutes(trades: pd.DataFrame, end: datetime) -> pd.DataFrame:
    """Make minute candles of all the trades of a pair in a stretch of time.

    Minutes without a trade are flat at the last price, as in Kraken's OHLC. Left out are the minute of the
    last trade and what follows: whether there were more trades is not known.

    Args:
        trades: `id, time` (tz-aware UTC), `price, volume` (float64), in any order, each once.
        end: tz-aware; no candle opens then or later.

    Returns:
        `timestamp` (open time, tz-aware UTC), `open, high, low, close, volume`, sorted, without gaps.
    """
    trades = trades.sort_values(["time", "id"])
    minutes = trades["time"].dt.floor("min")
    candles = trades.groupby(minutes).agg(
        open=("price", "first"),
        high=("price", "max"),
        low=("price", "min"),
        close=("price", "last"),
        volume=("volume", "sum"),
    )
    if candles.empty:
        return no_candles()[["timestamp", *PRICES, "volume"]]
    until = min(candles.index.max(), pd.Timestamp(end))
    candles = candles.reindex(pd.date_range(candles.index.min(), until, freq="min", inclusive="left"))
    candles["close"] = candles["close"].ffill()
    for price in PRICES:
        candles[price] = candles[price].fillna(candles["close"])
    candles["volume"] = candles["volume"].fillna(0.0).round(DECIMALS)
    return candles.rename_axis("timestamp").reset_index()


def _parse_trades(rows: list[Any]) -> pd.DataFrame:
    """Read rows of Trades. One that cannot be read spoils them all: its minute would be wrong."""
    try:
        trades = frame_of(rows, TRADE_COLUMNS)[["id", "time", "price", "volume"]]
        trades["time"] = pd.to_datetime(trades["time"], unit="s", utc=True)
        return trades.astype({"id": "int64", "price": "float64", "volume": "float64"})
    except (TypeError, ValueError) as error:
        raise SourceError(f"an answer that holds no trades: {error!r}", temporary=True) from error
