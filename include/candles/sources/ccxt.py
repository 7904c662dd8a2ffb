"""Any exchange that ccxt knows: `ccxt:binance`, `ccxt:coinbase`, `ccxt:bingx`, …

ccxt knows the exchanges: their addresses, markets, candles and errors. The requests themselves go through
include.http, with its time limits, retries, quota, breaker and measurements, like those of other sources.
See https://docs.ccxt.com/#/README?id=ohlcv-candlestick-charts.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import TracebackType
from typing import Any, Self

import pandas as pd
from sqlalchemy import Engine

from include.candles.frame import CANDLE, RESOLUTIONS, no_candles
from include.candles.sources.source import (
    Fetched,
    Offer,
    Opening,
    PingResult,
    SourceError,
    UnknownSymbolError,
    service_errors,
)
from include.http import Service
from include.services.ccxt import ANY_EXCHANGE, ExchangeCalls, declare_exchange
from include.settings import Endpoint
from include.symbols import find_markets, lacking_dollar, what_would_work

CANDLES_A_PAGE = 500  # candles asked for at once where ccxt does not know how many an exchange gives
MAX_PAGES = 100  # of one fetch
# How far behind ours the clock of an exchange counts: a Date has whole seconds, and servers renew it once a
# second; further behind than an hour it is wrong, and no answer is kept for so long.
CLOCK_BEHIND = (timedelta(seconds=2), timedelta(hours=1))
NEWEST_ONLY = {"kraken": 720}  # exchanges that give their newest candles only, whatever is asked: how many


class Ccxt:
    """Candles of the spot markets of one exchange. A context manager.

    Candles that an exchange leaves out, as some do when there was no trade, are not made up.
    """

    local = False

    def __init__(
        self, exchange: str, endpoint: Endpoint | None, engine: Engine, service: Service = ANY_EXCHANGE
    ) -> None:
        """Prepare ccxt; the exchange is asked at the first question only.

        Args:
            exchange: its id in ccxt, like `binance`.
            endpoint: where it answers, instead of its own addresses (a mirror, the sandbox); None: there.
            engine: the platform's database, for include.http.
            service: the declaration to take time limits and retries from.

        Raises:
            ValueError: ccxt knows no such exchange, or it has no candles.
        """
        import ccxt  # takes seconds

        if exchange not in ccxt.exchanges:
            raise ValueError(f"ccxt knows no exchange {exchange!r}: https://docs.ccxt.com lists them")
        self._open_exchange = getattr(ccxt, exchange)
        spot = {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}}
        self._options = {"options": spot}
        self._exchange: Any = self._open_exchange(self._options)
        self._calls = ExchangeCalls(
            self._exchange, declare_exchange(self._exchange, service), endpoint, engine, only_questions=True
        )
        self._exchange.fetch = self._calls.fetch
        self._idle: deque[Any] = deque([self._exchange])  # ccxt's objects that nobody asks at the moment
        if self._exchange.has["fetchOHLCV"] is not True:
            raise ValueError(f"{exchange} gives no candles through ccxt")
        self.name = f"ccxt:{exchange}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and write the measurements."""
        self._calls.close()
        for exchange in self._idle:
            exchange.close()

    def ping(self) -> PingResult:
        """Ask for the exchange's clock, or its status, or else its markets. Raises SourceError."""
        methods = {"fetchTime": "fetch_time", "fetchStatus": "fetch_status"}
        known = [method for name, method in methods.items() if self._exchange.has.get(name) is True]
        if known:
            self._ask(known[0])
        else:
            self._ask("load_markets", True)
        client = self._calls.latest.client
        if client is None:
            raise SourceError(f"ccxt answered for {self.name} without asking it", temporary=False)
        return PingResult(client.milliseconds or 0.0, client.sandbox)

    def offers(self, symbol: str, now: datetime) -> tuple[Offer, ...]:
        """Offer what ccxt says that the exchange has. Raises UnknownSymbolError, SourceError."""
        self._market_of(symbol)
        reach = NEWEST_ONLY.get(self._exchange.id)
        return tuple(
            Offer(resolution, now - reach * interval if reach else None, volume=True)
            for resolution, interval in RESOLUTIONS.items()
            if resolution in self._exchange.timeframes
        )

    def fetch(self, symbol: str, resolution: str, start: datetime, end: datetime) -> Fetched:
        """Get the closed candles with `start <= open time < end`. Raises UnknownSymbolError, SourceError.

        Exchanges answer with so many candles from a time on, or with those of a stretch of time. So an empty
        page is no end, and a page that ends early may be all there is: the next one begins where it ended.
        """
        market = self._market_of(symbol)
        problems = []
        if dollar := lacking_dollar(market, symbol):
            problems.append(f"{market} stands for {symbol}: there is no market in {dollar}")
        interval = RESOLUTIONS[resolution]
        features = (self._exchange.features or {}).get("spot") or {}
        page = (features.get("fetchOHLCV") or {}).get("limit") or CANDLES_A_PAGE
        parts = [no_candles()]
        at, until = start, min(end, datetime.now(UTC))
        for _ in range(MAX_PAGES):
            if at + interval > until:
                break
            limit = min(page, (until - at) // interval + 1)  # one more: an exchange may count the open one
            candles = _read(self._ask("fetch_ohlcv", market, resolution, int(at.timestamp() * 1000), limit))
            parts.append(candles[candles["timestamp"] + interval <= self._answered_at()])
            following = at + limit * interval
            if not candles.empty and at <= candles["timestamp"].max() < following:
                following = candles["timestamp"].max().to_pydatetime() + interval
            elif candles.empty:  # there are none, or the exchange failed and does not say so
                empty_to = min(following, end)
                problems.append(f"an empty page from {at:%Y-%m-%d %H:%M} to {empty_to:%Y-%m-%d %H:%M}")
            at = following
        candles = pd.concat(parts, ignore_index=True).drop_duplicates()  # pages may overlap
        wanted = (candles["timestamp"] >= start) & (candles["timestamp"] < end)
        return Fetched(
            candles[wanted].assign(symbol=symbol)[CANDLE],
            tuple(problems),
            reached=at if at + interval <= until else None,
        )

    def _answered_at(self) -> datetime:
        """When the latest answer was made: candles that were open then are no whole candles.

        By the exchange's clock where it is behind ours, since its candles close by that one; an answer that
        somebody kept for a while bears the time at which it was made, too.
        """
        now = datetime.now(UTC)
        clock = self._calls.latest.clock
        if clock and CLOCK_BEHIND[0] < now - clock < CLOCK_BEHIND[1]:
            return clock
        return now

    def _market_of(self, symbol: str) -> str:
        """Choose the market of a symbol, the one in its own dollar before others."""
        # A closed market still has its candles: it is meant where it is named in full, or no other fits.
        named = [market for market in self._markets if _letters(market) == _letters(symbol)]
        open_markets = [market for market, is_open in self._markets.items() if is_open]
        markets = named or find_markets(symbol, open_markets) or find_markets(symbol, self._markets)
        if not markets:
            hint = what_would_work(symbol, self._markets)
            raise UnknownSymbolError(f"unknown symbol {symbol}" + (f": {hint}" if hint else ""))
        return markets[0]

    @cached_property
    def _markets(self) -> dict[str, bool]:
        """The spot markets, like BTC/USDT -> whether it is open."""
        markets = {
            market["symbol"]: market["active"] is not False
            for market in self._ask("load_markets").values()
            if market["spot"]
        }
        if not markets:  # otherwise every symbol would be taken for unknown
            raise SourceError("an answer that holds no markets", temporary=True)
        return markets

    def _ask(self, method: str, *arguments: Any) -> Any:
        """Call a method of ccxt; its errors, and those of the requests below it, become ours."""
        import ccxt

        try:
            with service_errors(), self._idle_exchange() as exchange:
                return getattr(exchange, method)(*arguments)
        except ccxt.BadSymbol as error:
            raise UnknownSymbolError(str(error)) from error
        except (ccxt.AuthenticationError, ccxt.ArgumentsRequired, ccxt.NotSupported) as error:
            raise SourceError(str(error), temporary=False) from error
        except ccxt.BaseError as error:  # it passes, or it is about this one question
            raise SourceError(str(error), temporary=True) from error
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise SourceError(f"an answer that ccxt cannot read: {error!r}", temporary=True) from error

    @contextmanager
    def _idle_exchange(self) -> Iterator[Any]:
        """One of ccxt's objects, for one question: they promise nothing to threads that share one."""
        try:
            exchange = self._idle.pop()
        except IndexError:
            exchange = self._new_exchange()
            if self._exchange.markets:
                exchange.set_markets_from_exchange(self._exchange)
        try:
            yield exchange
        finally:
            self._idle.append(exchange)

    def _new_exchange(self) -> Any:
        exchange = self._open_exchange(self._options)
        exchange.fetch = self._calls.fetch
        return exchange


@contextmanager
def opened(opening: Opening) -> Iterator[Ccxt]:
    """Open the exchange that the name says, like `ccxt:binance`. Raises ValueError."""
    exchange = opening.name.partition(":")[2]
    endpoint = opening.endpoint(f"market_ccxt_{exchange}")
    with Ccxt(exchange, endpoint, opening.engine, opening.paced(ANY_EXCHANGE)) as source:
        yield source


def _letters(name: str) -> str:
    return "".join(letter for letter in name.upper() if letter.isalnum())


def _read(rows: Any) -> pd.DataFrame:
    """Read ccxt's candles: `[[open time in ms, open, high, low, close, volume], …]`."""
    try:
        candles = pd.DataFrame(rows, columns=["timestamp", *CANDLE[2:]])
        candles["timestamp"] = pd.to_datetime(candles["timestamp"], unit="ms", utc=True)
        for column in CANDLE[2:]:  # what is no number is refused by the collector
            candles[column] = pd.to_numeric(candles[column], errors="coerce").astype("float64")
    except (TypeError, ValueError) as error:
        raise SourceError(f"an answer that holds no candles: {error!r}", temporary=True) from error
    return candles
