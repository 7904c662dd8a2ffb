"""Where candles come from: one file an outside source, all with the interface of `Source`."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from include.candles.sources.source import (
    Fetched,
    LeftOut,
    MissingSetting,
    Offer,
    Pong,
    Source,
    SourceError,
    UnknownSymbol,
)
from include.settings import Endpoint, Settings
from include.symbols import add_coins

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = [
    "Fetched",
    "LeftOut",
    "Offer",
    "Pong",
    "Source",
    "SourceError",
    "UnknownSymbol",
    "open_source",
    "open_sources",
]

KNOWN = "archive, sandbox, kraken, coinmarketcap, coingecko, coingecko:pro, ccxt:<exchange>"


@contextmanager
def open_sources(
    settings: Settings, engine: "Engine", endpoint: Callable[[str], Endpoint | None]
) -> Iterator[list[Source]]:
    """Open all sources that `candle_sources` names, in this order, and close them afterwards.

    One that lacks an address, a key or a setting stands in its place as LeftOut, and does not stop the
    others. If that is true of all, the first one's error is raised. Raises ValueError for an unknown name.
    """
    from include.http import RequestRefusedError

    with ExitStack() as stack:
        sources: list[Source] = []
        errors: list[Exception] = []
        for name in settings.candle_sources:
            try:
                sources.append(stack.enter_context(open_source(name, settings, engine, endpoint)))
            except (RequestRefusedError, MissingSetting) as error:
                errors.append(error)
                sources.append(
                    LeftOut(name, error.message if isinstance(error, RequestRefusedError) else str(error))
                )
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
    from include.http import with_timeout
    from include.http.client import Client
    from include.services import find_service

    add_coins(settings.coins)

    def opened(service_name: str) -> Client:
        service = (
            find_service(service_name) if within is None else with_timeout(find_service(service_name), within)
        )
        return Client(service, endpoint(service.connection_id), engine)

    match name.split(":"):
        case ["archive"]:
            from include.candles.sources.archive import Archive

            if settings.archive_path is None:
                raise MissingSetting(
                    "candle_sources names the archive: set archive_path to its file or folder"
                )
            yield Archive(settings.archive_path)
        case ["ccxt", exchange]:
            from include.candles.sources.ccxt import Ccxt
            from include.services.ccxt import ANY_EXCHANGE

            service = ANY_EXCHANGE if within is None else with_timeout(ANY_EXCHANGE, within)
            with Ccxt(exchange, endpoint(f"market_ccxt_{exchange}"), engine, service) as source:
                yield source
        case ["coingecko"] | ["coingecko", "pro"]:
            from include.candles.sources.coingecko import CoinGecko

            with opened(name.replace(":", "-")) as client:
                yield CoinGecko(client, name)
        case ["coinmarketcap"]:
            from include.candles.sources.coinmarketcap import CoinMarketCap

            with opened(name) as client:
                yield CoinMarketCap(client)
        case ["kraken"]:
            from include.candles.sources.kraken import Kraken

            with opened(name) as client:
                yield Kraken(client)
        case ["sandbox"]:
            from include.candles.playground import refuse_invented_prices
            from include.candles.sources.sandbox import Sandbox

            with engine.connect() as connection:
                refuse_invented_prices(connection)
            with opened(name) as client:
                yield Sandbox(client)
        case _:
            raise ValueError(f"candle_sources: unknown source {name!r}; known: {KNOWN}")
