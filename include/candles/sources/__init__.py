"""Where candles come from: one file an outside source, all with the interface of `Source`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from include.candles.sources.source import Fetched, Offer, Pong, Source, SourceError, UnknownSymbol
from include.settings import Endpoint, Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["Fetched", "Offer", "Pong", "Source", "SourceError", "UnknownSymbol", "open_source"]

KNOWN = "archive, sandbox, kraken, coinmarketcap, coingecko, coingecko:pro, ccxt:<exchange>"


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
    include.http.Refused when it lacks an address or a key.
    """
    from include.http import SERVICES, Client, Service, hurry

    def declared(service: str) -> Service:
        return SERVICES[service] if within is None else hurry(SERVICES[service], within)

    match name.split(":"):
        case ["archive"]:
            from include.candles.sources.archive import Archive

            if settings.archive_path is None:
                raise ValueError("candle_sources names the archive: set archive_path to its file or folder")
            yield Archive(settings.archive_path)
        case ["ccxt", exchange]:
            from include.candles.sources.ccxt import SERVICE, Ccxt

            service = SERVICE if within is None else hurry(SERVICE, within)
            with Ccxt(exchange, endpoint(f"market_ccxt_{exchange}"), engine, service) as source:
                yield source
        case ["coingecko"] | ["coingecko", "pro"]:
            from include.candles.sources.coingecko import CoinGecko

            with Client(declared(name.replace(":", "-")), endpoint("market_coingecko"), engine) as client:
                yield CoinGecko(client, name)
        case ["coinmarketcap"]:
            from include.candles.sources.coinmarketcap import CoinMarketCap

            with Client(declared(name), endpoint("market_coinmarketcap"), engine) as client:
                yield CoinMarketCap(client)
        case ["kraken"]:
            from include.candles.sources.kraken import Kraken

            with Client(declared(name), endpoint("market_kraken"), engine) as client:
                yield Kraken(client)
        case ["sandbox"]:
            from include.candles.playground import refuse_invented_prices
            from include.candles.sources.sandbox import Sandbox

            with engine.connect() as connection:
                refuse_invented_prices(connection)
            with Client(declared(name), endpoint("market_sandbox"), engine) as client:
                yield Sandbox(client)
        case _:
            raise ValueError(f"candle_sources: unknown source {name!r}; known: {KNOWN}")
