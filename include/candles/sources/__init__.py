"""Where candles come from: one file a source, and one line a source in the table `CANDLE_SOURCES`.

A file has a class with the interface of `Source`, and a context manager `opened(opening)` that gives an open
one. What is not in the table nobody knows: not the settings, not the probes, not the store.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from include.candles.sources.source import (
    Fetched,
    LeftOut,
    MissingSettingError,
    Offer,
    Opening,
    PingResult,
    Source,
    SourceError,
    UnknownSymbolError,
)
from include.http import RequestRefusedError
from include.settings import Endpoint, Settings
from include.symbols import add_coins

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = [
    "CANDLE_SOURCES",
    "Fetched",
    "LeftOut",
    "Offer",
    "Opening",
    "PingResult",
    "Source",
    "SourceError",
    "UnknownSourceError",
    "UnknownSymbolError",
    "check_source_names",
    "find_entry",
    "open_source",
    "open_sources",
    "rank_of",
    "worse_kinds",
]

# Whose candle stays where two sources differ, the lower rank's: an exchange reports its own trades, an
# aggregator averages over exchanges, the sandbox invents.
EXCHANGE, AGGREGATOR, INVENTED = 1, 2, 3


@dataclass(frozen=True)
class SourceEntry:
    """A line of the table. `<exchange>` in it stands for what follows the colon of such a name."""

    module: str  # its file in this folder
    rank: int
    connection: str | None = (
        None  # the Airflow connection with its address and key; None: it is asked nowhere
    )
    service: str | None = None  # what include.http counts its calls by, where not by the name of the source

    @property
    def outside(self) -> bool:
        """Whether a real vendor is asked: not for an archive, nor for the sandbox."""
        return self.connection is not None and self.rank != INVENTED


CANDLE_SOURCES: Mapping[str, SourceEntry] = MappingProxyType(
    {
        "archive": SourceEntry("archive", EXCHANGE),
        "sandbox": SourceEntry("sandbox", INVENTED, "market_sandbox"),
        "kraken": SourceEntry("kraken", EXCHANGE, "market_kraken"),
        "coinmarketcap": SourceEntry("coinmarketcap", AGGREGATOR, "market_coinmarketcap"),
        "coingecko": SourceEntry("coingecko", AGGREGATOR, "market_coingecko"),
        "coingecko:pro": SourceEntry("coingecko", AGGREGATOR, "market_coingecko", "coingecko-pro"),
        "ccxt:<exchange>": SourceEntry("ccxt", EXCHANGE, "market_ccxt_<exchange>"),
    }
)


class UnknownSourceError(ValueError):
    """Nobody knows a source of candles of this name; the message names those that there are."""


def find_entry(name: str) -> SourceEntry:
    """Find the line of a source by the name that the settings use. Raises UnknownSourceError."""
    if name in CANDLE_SOURCES and "<" not in name:
        return CANDLE_SOURCES[name]
    kind, _, exchange = name.partition(":")
    family = CANDLE_SOURCES.get(f"{kind}:<exchange>")
    if family is None or not exchange.replace("_", "").isalnum():
        close = get_close_matches(name.lower(), [known for known in CANDLE_SOURCES if "<" not in known], n=1)
        hint = f"; did you mean {close[0]}?" if close else ";"
        raise UnknownSourceError(f"unknown candle source {name!r}{hint} known: {', '.join(CANDLE_SOURCES)}")
    return SourceEntry(
        family.module, family.rank, (family.connection or "").replace("<exchange>", exchange), name
    )


def check_source_names(names: Sequence[str]) -> None:
    """See that all names are those of sources. Raises UnknownSourceError."""
    for name in names:
        find_entry(name)


def rank_of(name: str) -> int:
    """Give the rank of a source: of two, the lower one's candle stays. Raises UnknownSourceError."""
    return find_entry(name).rank


def worse_kinds(rank: int) -> list[str]:
    """Name the kinds of sources, the part of a name before the colon, whose rank is above this one."""
    return sorted({name.partition(":")[0] for name, entry in CANDLE_SOURCES.items() if entry.rank > rank})


@contextmanager
def open_sources(
    settings: Settings, engine: "Engine", endpoint: Callable[[str], Endpoint | None]
) -> Iterator[list[Source]]:
    """Open all sources that `candle_sources` names, in this order, and close them afterwards.

    One that lacks an address, a key or a setting stands in its place as LeftOut, and does not stop the
    others. If that is true of all, the first one's error is raised. Raises ValueError for an unknown name.
    """
    with ExitStack() as stack:
        sources: list[Source] = []
        errors: list[Exception] = []
        for name in settings.candle_sources:
            try:
                sources.append(stack.enter_context(open_source(name, settings, engine, endpoint)))
            except RequestRefusedError as error:
                errors.append(error)
                sources.append(LeftOut(name, error.message))
            except MissingSettingError as error:
                errors.append(error)
                sources.append(LeftOut(name, str(error)))
        if errors and len(errors) == len(sources):
            raise errors[0]
        yield sources


@contextmanager
def open_source(
    name: str,
    settings: Settings,
    engine: "Engine",
    endpoint: Callable[[str], Endpoint | None],
    *,
    within: float | None = None,
) -> Iterator[Source]:
    """Open the source that `candle_sources` names, and close it afterwards.

    `endpoint` looks up the connection of a source, `market_kraken` or `market_ccxt_binance`; None stands for
    the vendor's own address without a key. `within` has each question asked once, within so many seconds, for
    probes; None: as its service declares. Raises ValueError for an unknown name, when the source lacks a
    setting, or when the sandbox is named with a database that is not the local stack's own, and
    include.http.RequestRefusedError when it lacks an address or a key.
    """
    try:
        entry = find_entry(name)
    except UnknownSourceError as error:
        raise UnknownSourceError(f"candle_sources: {error}") from None
    add_coins(settings.coins)
    module = import_module(f"{__name__}.{entry.module}")
    opened: AbstractContextManager[Source] = module.opened(Opening(name, settings, engine, endpoint, within))
    with opened as source:
        yield source
