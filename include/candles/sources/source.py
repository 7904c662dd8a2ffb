"""What all sources of candles share: what they offer, what they give, how they fail."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import pandas as pd

from include.http import RequestRefusedError, ServiceError
from include.http.client import Client
from include.symbols import Coin, coin_of


@dataclass(frozen=True)
class Offer:
    """One resolution that a source has for a symbol."""

    resolution: str  # one of RESOLUTIONS
    oldest: datetime | None  # earliest open time it reaches, tz-aware UTC; None: no limit is known
    volume: bool  # whether its candles carry a volume


@dataclass(frozen=True)
class Fetched:
    """What a source gave, and in words what of its data could not be used."""

    candles: pd.DataFrame  # a candle frame without `source`; rows in any order, the collector normalises them
    problems: tuple[str, ...] = ()
    reached: datetime | None = None  # where it stopped of itself, to be asked on from there; None: at the end


@dataclass(frozen=True)
class Pong:
    """What came of the cheapest question to a source."""

    milliseconds: float  # from sending it to the end of the answer
    sandbox: bool = False  # a local imitation answered


class UnknownSymbol(Exception):
    """The source has nothing under this name. The message says so in words."""


class SourceError(Exception):
    """The source could not answer; the message says why, without its name and without secrets.

    `temporary`: it may well answer later. Otherwise it answers nothing until somebody changes something.
    """

    def __init__(self, message: str, *, temporary: bool):
        super().__init__(message)
        self.temporary = temporary


class MissingSetting(ValueError):
    """A source that the settings name lacks a setting of its own."""


def listed_coin(symbol: str) -> Coin:
    """Find the coin of a symbol in the table, for vendors that are asked by ids of their own.

    Raises:
        UnknownSymbol: it is not in the table.
    """
    coin = coin_of(symbol)
    if coin is None:
        raise UnknownSymbol(
            f"unknown symbol {symbol}: it is not in the table of coins, which the setting coins adds to"
        )
    return coin


class Source(Protocol):
    """Where candles come from. A source keeps its own limits: pages, timeouts, rates."""

    @property
    def name(self) -> str:
        """The name that settings use and that is stored with each candle (`archive`, `ccxt:binance`)."""
        ...

    @property
    def local(self) -> bool:
        """Whether asking costs nobody anything, so that what it lacked need not be remembered."""
        ...

    def ping(self) -> Pong:
        """Ask the cheapest question that shows whether it works. Raises SourceError."""
        ...

    def offers(self, symbol: str, now: datetime) -> tuple[Offer, ...]:
        """Say what there is for a symbol as a trade spells it, at most one offer a resolution.

        Raises UnknownSymbol or SourceError.
        """
        ...

    def fetch(self, symbol: str, resolution: str, start: datetime, end: datetime) -> Fetched:
        """Get the candles with `start <= open time < end`, under the symbol as it was spelled in the call.

        Asked for are 10,000 candles at most; no candles is an answer too. Raises UnknownSymbol, SourceError.
        """
        ...


class LeftOut:
    """Stands for a source that could not be opened, and says why at every question."""

    local = False

    def __init__(self, name: str, why: str):
        """Take the name that the settings use, and in words why there is no such source now."""
        self.name = name
        self.why = why

    def ping(self) -> Pong:
        """Raise SourceError."""
        raise SourceError(self.why, temporary=False)

    def offers(self, symbol: str, now: datetime) -> tuple[Offer, ...]:
        """Raise SourceError."""
        raise SourceError(self.why, temporary=False)

    def fetch(self, symbol: str, resolution: str, start: datetime, end: datetime) -> Fetched:
        """Raise SourceError."""
        raise SourceError(self.why, temporary=False)


def ask_cheaply(client: Client, path: str) -> tuple[Any, Pong]:
    """GET a path that costs next to nothing; give the answer and what it took. Raises SourceError."""
    try:
        answer = client.get_json(path)
    except ServiceError as error:
        raise SourceError(error.message, temporary=not isinstance(error, RequestRefusedError)) from error
    return answer, Pong(client.milliseconds or 0.0, client.sandbox)
