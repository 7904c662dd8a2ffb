"""The outside services, a file a vendor: how each is asked, how much it bears, and how its answers say no.

A file holds `SERVICES`, the declarations of its vendor: one, or one for each plan or way of asking, with the
vendor's documented limits. A vendor that reports errors in bodies has `find_fault` there. To add a vendor,
add its file and its line below; without a line nobody knows it. An exchange that is asked by way of ccxt
needs no line: its declaration is made from what ccxt knows of it (`ccxt.py`).
"""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from include.http import Service

VENDORS = (
    "bingx",
    "bls",
    "census",
    "coingecko",
    "coinmarketcap",
    "fear_greed",
    "fred",
    "ibkr",
    "kraken",
    "llm",
    "lunarcrush",
    "pagerduty",
    "sandbox",
    "sec",
    "slack",
    "solana",
    "webhook",
)


class UnknownServiceError(ValueError):
    """No service of this name is declared."""


def _declared() -> dict[str, Service]:
    found: tuple[Service, ...] = ()
    for vendor in VENDORS:
        found += import_module(f"include.services.{vendor}").SERVICES
    return {service.name: service for service in found}


SERVICES: Mapping[str, Service] = MappingProxyType(_declared())


def find_service(name: str) -> Service:
    """Find a declared service by its name. Raises UnknownServiceError, which names those that there are."""
    if name not in SERVICES:
        raise UnknownServiceError(
            f"no service {name!r} is declared in include/services; known: {', '.join(SERVICES)}"
        )
    return SERVICES[name]
