"""What all sources of candles share: what they offer, what they give, how they fail."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from include.http import RequestRefusedError, Service, ServiceError, with_timeout
from include.services import find_service
from include.settings import Endpoint, Settings
from include.symbols import Coin, coin_of

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Engine

    from include.http.client import Client


@dataclass(frozen=True)
class Offer:
    """One resolution that a source has for a symbol."""

    resolution: str  # one of RESOLUTIONS
    oldest: datetime | None  # earliest open time it reaches, tz-aware UTC; None: no limit is known
    volume: bool  # whether its candles carry a volume


@dataclass(frozen=True)
class Fetched:
    """What a source gave, and in words what of its data could not be used."""

    candles: (
        "pd.DataFrame"  # a candle frame without `source`; rows in any order, the collector normalises them
    )
    problems: tuple[str, ...] = ()
    reached: datetime | None = None  # where it stopped of itself, to be asked on from there; None: at the end


@dataclass(frozen=True)
class PingResult:
    """What came of the cheapest question to a source."""

    milliseconds: float  # from sending it to the end of the answer
    sandbox: bool = False  # a local imitation answered


class UnknownSymbolError(Exception):
    """The source has nothing under this name. The message says so in words."""


class SourceError(Exception):
    """The source could not answer; the message says why, without its name and without secrets.

    `temporary`: it may well answer later. Otherwise it answers nothing until somebody changes something.
    """

    def __init__(self, message: str, *, temporary: bool):
        super().__init__(message)
        self.temporary = temporary


class MissingSettingError(ValueError):
    """A source that the settings name lacks a setting of its own."""


class Source(Protocol):
    """Where candles come from. A source keeps its own limits: pages, timeouts, rates.

    Several threads ask it at once, unless it is local. Its first questions come one after the other.
    """

    @property
    def name(self) -> str:
        """The name that settings use and that is stored with each candle (`archive`, `ccxt:binance`)."""
        ...

    @property
    def local(self) -> bool:
        """Whether asking costs nobody anything, so that what it lacked need not be remembered."""
        ...

    def ping(self) -> PingResult:
        """Ask the cheapest question that shows whether it works. Raises SourceError."""
        ...

    def offers(self, symbol: str, now: datetime) -> tuple[Offer, ...]:
        """Say what there is for a symbol as a trade spells it, at most one offer a resolution.

        Raises UnknownSymbolError or SourceError.
        """
        ...

    def fetch(self, symbol: str, resolution: str, start: datetime, end: datetime) -> Fetched:
        """Get the candles with `start <= open time < end`, under the symbol as it was spelled in the call.

        Asked for are 10,000 candles at most; no candles is an answer too.

        Raises UnknownSymbolError, SourceError.
        """
        ...


class LeftOut:
    """Stands for a source that could not be opened, and says why at every question."""

    local = False

    def __init__(self, name: str, why: str):
        """Take the name that the settings use, and in words why there is no such source now."""
        self.name = name
        self.why = why

    def ping(self) -> PingResult:
        """Raise SourceError."""
        raise SourceError(self.why, temporary=False)

    def offers(self, symbol: str, now: datetime) -> tuple[Offer, ...]:
        """Raise SourceError."""
        raise SourceError(self.why, temporary=False)

    def fetch(self, symbol: str, resolution: str, start: datetime, end: datetime) -> Fetched:
        """Raise SourceError."""
        raise SourceError(self.why, temporary=False)


@dataclass(frozen=True)
class Opening:
    """What a source is opened with: the name that the settings use, the settings, and the ways out."""

    name: str
    settings: Settings
    engine: "Engine"
    endpoint: Callable[[str], Endpoint | None]  # a connection's name -> where it leads; None: there is none
    within: float | None = (
        None  # seconds in which each question is asked, once; None: as its service declares
    )

    def client(self, service: str) -> "Client":
        """Open a client of a declared service. Raises RequestRefusedError without its address or key."""
        from include.http.client import Client

        declared = self.paced(find_service(service))
        return Client(declared, self.endpoint(declared.connection_id), self.engine)

    def paced(self, service: Service) -> Service:
        """The same service, with the time limit of this opening."""
        return service if self.within is None else with_timeout(service, self.within)


@contextmanager
def service_errors(
    *, unknown: Callable[[RequestRefusedError], str | None] | None = None, one_question: int | None = None
) -> Iterator[None]:
    """Make a failed call within it the SourceError that it means for a source of candles.

    Args:
        unknown: says by which words a refusal means that the symbol is not known; None: by none.
        one_question: the status of refusals that are about this one question: another may well be answered.

    Raises UnknownSymbolError, or SourceError with the failed call as its cause.
    """
    try:
        yield
    except RequestRefusedError as error:
        if unknown and (words := unknown(error)):
            raise UnknownSymbolError(words) from error
        raise SourceError(
            error.message, temporary=one_question is not None and error.status == one_question
        ) from error
    except ServiceError as error:
        raise SourceError(error.message, temporary=True) from error


def ask_cheaply(client: "Client", path: str) -> tuple[Any, PingResult]:
    """GET a path that costs next to nothing; give the answer and what it took. Raises SourceError."""
    with service_errors():
        answer = client.get_json(path)
    return answer, PingResult(client.milliseconds or 0.0, client.sandbox)


def listed_coin(symbol: str, vendor: str) -> Coin:
    """Find the coin of a symbol in the table, for a vendor that is asked by ids of its own.

    Raises:
        UnknownSymbolError: it is not in the table.
    """
    coin = coin_of(symbol)
    if coin is None or vendor not in coin.ids:
        raise UnknownSymbolError(
            f"unknown symbol {symbol}: it is not in the table of coins, which the setting coins adds to"
        )
    return coin
