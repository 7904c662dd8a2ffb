"""Sources of candles in memory, for the tests of the collector, and what it left in the database."""

from datetime import datetime, timedelta

import pandas as pd
from sqlalchemy import text

from include.candles import Fetched, Offer, PingResult, SourceError, UnknownSymbolError
from include.candles.frame import no_candles
from include.candles.store import read_candles
from tests.support.candles import NOW, START, windows

MINUTE = timedelta(minutes=1)
HOUR = windows(("BTC", START, START + 60 * MINUTE))


class Shelf:
    """A source of candles in memory, by the protocol: real answers, only without a network between."""

    def __init__(self, name: str, *frames: pd.DataFrame, resolution: str = "1m", local: bool = False):
        self.name = name
        self.local = local
        self.shelves = {resolution: pd.concat([no_candles(), *frames])}
        self.oldest: dict[str, datetime] = {}  # by resolution; no entry: no limit
        self.asked: list[tuple[str, str, datetime, datetime]] = []

    def add(self, resolution: str, frame: pd.DataFrame) -> "Shelf":
        self.shelves[resolution] = frame
        return self

    def knows(self, symbol: str) -> bool:
        return any((frame["symbol"] == symbol).any() for frame in self.shelves.values())

    def ping(self) -> PingResult:
        return PingResult(0.0)

    def offers(self, symbol: str, now: datetime) -> tuple[Offer, ...]:
        if not self.knows(symbol):
            raise UnknownSymbolError(f"unknown symbol {symbol}")
        return tuple(
            Offer(resolution, self.oldest.get(resolution), volume=True) for resolution in self.shelves
        )

    def fetch(self, symbol: str, resolution: str, start: datetime, end: datetime) -> Fetched:
        self.asked.append((symbol, resolution, start, end))
        shelf = self.shelves[resolution]
        times = shelf["timestamp"]
        return Fetched(shelf[(shelf["symbol"] == symbol) & (times >= start) & (times < end)])


class Broken(Shelf):
    """A source that fails, at all or for one symbol."""

    temporary = True
    symbol: str | None = None

    def ping(self) -> PingResult:
        if self.symbol is None:
            raise SourceError("503: out of order", temporary=self.temporary)
        return super().ping()

    def fetch(self, symbol: str, resolution: str, start: datetime, end: datetime) -> Fetched:
        found = super().fetch(symbol, resolution, start, end)
        if self.symbol in (None, symbol):
            raise SourceError("503: out of order", temporary=self.temporary)
        return found


def stored(database, resolution="1m", *, sandbox=False):
    everything = windows(*((symbol, START - 900 * MINUTE, NOW) for symbol in ("BTC", "ETH", "XRP")))
    with database.begin() as connection:
        return read_candles(connection, everything, resolution, sandbox=sandbox)


def fetches(database):
    with database.connect() as connection:
        return connection.execute(text("SELECT * FROM candle_fetches ORDER BY id")).all()
