"""The sandbox market: invented candles of the local stack over real HTTP, marked `sandbox` where stored."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from include.candles.frame import CANDLE, numbers_of
from include.candles.local_stack import refuse_invented_prices
from include.candles.sources.source import (
    Fetched,
    Offer,
    Opening,
    PingResult,
    SourceError,
    ask_cheaply,
    service_errors,
)
from include.http import RequestRefusedError
from include.http.client import Client
from include.symbols import same

CANDLES_A_PAGE = 10_000  # candles an answer holds at most
MAX_PAGES = 100  # of one fetch
OFFERED_RESOLUTIONS = ("1m", "5m", "15m", "30m", "1h", "4h", "1d")


class Sandbox:
    """Candles of the sandbox, by its native API: `GET /candles` below the address of the connection."""

    name = "sandbox"
    local = False

    def __init__(self, client: Client):
        """Take an open client of the service `sandbox`; whoever opened it closes it."""
        self._client = client

    def ping(self) -> PingResult:
        """Ask for the coins that it trades. Raises SourceError."""
        return ask_cheaply(self._client, "/symbols")[1]

    def offers(self, symbol: str, now: datetime) -> tuple[Offer, ...]:
        """Offer candles of any age; whether the symbol is known shows at the first fetch."""
        return tuple(Offer(resolution, oldest=None, volume=True) for resolution in OFFERED_RESOLUTIONS)

    def fetch(self, symbol: str, resolution: str, start: datetime, end: datetime) -> Fetched:
        """Get the candles with `start <= open time < end`. Raises UnknownSymbolError, SourceError."""
        params = {
            "symbol": symbol,
            "resolution": resolution,
            "start": start.isoformat(),
            "end": end.isoformat(),
            "limit": str(CANDLES_A_PAGE),
        }
        parts = []
        for _ in range(MAX_PAGES):
            candles, following = _read(symbol, self._ask(symbol, params))
            parts.append(candles)
            if following is None:
                return Fetched(candles if len(parts) == 1 else pd.concat(parts, ignore_index=True))
            if following <= datetime.fromisoformat(params["start"]):
                raise SourceError(f"the page after {params['start']} begins at {following}", temporary=True)
            params["start"] = following.isoformat()
        raise SourceError(f"more than {MAX_PAGES} pages from {start} to {end}", temporary=False)

    def _ask(self, symbol: str, params: dict[str, str]) -> Any:
        def unknown(error: RequestRefusedError) -> str | None:
            named = error.status == 404 and "unknown symbol" in error.message  # not: a wrong address
            return f"unknown symbol {symbol}" if named else None

        with service_errors(unknown=unknown):
            return self._client.get_json("/candles", params)


@contextmanager
def opened(opening: Opening) -> Iterator[Sandbox]:
    """Open the sandbox market, for the local stack's own database. Raises ForeignDatabaseError."""
    with opening.engine.connect() as connection:
        refuse_invented_prices(connection)
    with opening.client("sandbox") as client:
        yield Sandbox(client)


def _read(symbol: str, answer: Any) -> tuple[pd.DataFrame, datetime | None]:
    """Read one page: its candles, and the start of the next page."""
    try:
        if not same(answer["symbol"], symbol):
            raise SourceError(f"answered with {answer['symbol']} instead of {symbol}", temporary=True)
        rows = answer["candles"]
        width = len(CANDLE[1:])
        if any(len(row) != width for row in rows):
            raise ValueError(f"a row has not {width} values")
        values = list(chain.from_iterable(rows))
        moments, *numbers = (values[place::width] for place in range(width))
        candles = pd.DataFrame(
            {
                "symbol": pd.Series([symbol] * len(rows), dtype="str"),
                "timestamp": pd.to_datetime(np.array(moments, dtype="int64"), unit="ms", utc=True),
                # Decimal numbers as text; what is none is refused by the collector.
                **dict(zip(CANDLE[2:], map(numbers_of, numbers), strict=True)),
            }
        )
        following = answer["next"] and datetime.fromisoformat(answer["next"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise SourceError(f"an answer that holds no candles: {error!r}", temporary=True) from error
    return candles, following
