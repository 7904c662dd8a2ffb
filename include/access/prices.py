"""What the sources say of the token's price, each in its own way; `requirement` decides what is believed."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

from sqlalchemy import Engine

from include.access.requirement import Quote
from include.http import ServiceError
from include.http.answer import dig
from include.http.client import Client
from include.services import find_service
from include.settings import Endpoint, Settings

logger = logging.getLogger(__name__)

HIGHEST_PRICE, LOWEST_PRICE = Decimal("1e9"), Decimal("1e-15")  # US dollars; beyond it, it is no price
GECKO_PATH = "/simple/networks/solana/token_price/{mint}"


class NoPriceError(Exception):
    """The source gave no price that can be used; the message says why, without its name."""


@dataclass(frozen=True)
class TokenPriceSource:
    """A source: the service that is asked, and how. `ask` raises NoPriceError and ServiceError."""

    service: str
    ask: Callable[[Client, str, Settings], Decimal]


def ask_jupiter(client: Client, mint: str, settings: Settings) -> Decimal:
    """Ask Jupiter's Price API V3, which makes prices of the last swap: with little liquidity they jump."""
    found = dig(client.get_json("/price/v3", {"ids": mint}), mint)
    price = read_price(dig(found, "usdPrice"))
    liquidity = _number(dig(found, "liquidity"))
    if liquidity is None or liquidity < settings.access_liquidity_min_usd:
        known = "unknown" if liquidity is None else f"{liquidity} USD"
        raise NoPriceError(f"its liquidity is {known}; {settings.access_liquidity_min_usd} USD are needed")
    return price


def ask_geckoterminal(client: Client, mint: str, settings: Settings) -> Decimal:
    """Ask GeckoTerminal, whose prices are texts."""
    return _read_gecko(client.get_json(GECKO_PATH.format(mint=mint)), mint)


def ask_coingecko(client: Client, mint: str, settings: Settings) -> Decimal:
    """Ask CoinGecko's on-chain prices. They are GeckoTerminal's: together the two confirm nothing."""
    return _read_gecko(client.get_json("/onchain" + GECKO_PATH.format(mint=mint)), mint)


PRICE_SOURCES: Mapping[str, TokenPriceSource] = MappingProxyType(
    {
        "jupiter": TokenPriceSource("jupiter", ask_jupiter),
        "geckoterminal": TokenPriceSource("geckoterminal", ask_geckoterminal),
        "coingecko": TokenPriceSource("coingecko", ask_coingecko),
    }
)


def ask_prices(
    engine: Engine, settings: Settings, mint: str, endpoint_of: Callable[[str], Endpoint | None]
) -> list[Quote]:
    """Ask each source of the settings once; one that fails is a quote that says why, and stops no other."""
    quotes = []
    for name in settings.access_price_sources:
        source = PRICE_SOURCES[name]
        service = find_service(source.service)
        try:
            with Client(service, endpoint_of(service.connection_id), engine) as client:
                quotes.append(Quote(name, source.ask(client, mint, settings)))
        except (NoPriceError, ServiceError) as error:
            logger.warning("%s gave no price of the token: %s", name, error)
            quotes.append(Quote(name, None, str(error)))
    return quotes


def read_price(said: object) -> Decimal:
    """Read a price, a JSON number or a text, as it is written. Raises NoPriceError for what is none."""
    price = _number(said)
    if price is None or not LOWEST_PRICE <= price <= HIGHEST_PRICE:
        raise NoPriceError(
            "it knows no price of the token" if said is None else f"it said {str(said)[:40]!r}"
        )
    return price


def _read_gecko(answer: Any, mint: str) -> Decimal:
    return read_price(dig(answer, "data", "attributes", "token_prices", mint))


def _number(said: object) -> Decimal | None:
    if isinstance(said, bool) or not isinstance(said, str | int | float):
        return None
    try:
        number = Decimal(str(said))  # of a float its shortest text, which is what the answer held
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
