"""The outside services, a file a vendor: how each is asked, how much it bears, and how its answers say no.

A file holds `SERVICES`, the declarations of its vendor: one, or one for each plan or way of asking, with the
vendor's documented limits. A vendor that reports errors in bodies has `find_fault` there; one with names of
its own for coins has them as `COIN_IDS`, or as `COIN_BASES`, the bases in names of its pairs.

To add a vendor, add its file and its line below; without a line nobody knows it. An exchange that is asked by
way of ccxt needs no line: its declaration is made from what ccxt knows of it (`ccxt.py`).
"""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from include.http import Service

VENDORS = (
    "airflow",
    "bingx",
    "bls",
    "census",
    "coingecko",
    "coinmarketcap",
    "fear_greed",
    "fred",
    "geckoterminal",
    "ibkr",
    "jupiter",
    "kraken",
    "llm",
    "lunarcrush",
    "pagerduty",
    "sandbox",
    "sec",
    "slack",
    "solana",
    "telegram",
    "webhook",
)


class UnknownServiceError(ValueError):
    """No service of this name is declared."""


_modules = {vendor: import_module(f"include.services.{vendor}") for vendor in VENDORS}

SERVICES: Mapping[str, Service] = MappingProxyType(
    {service.name: service for module in _modules.values() for service in module.SERVICES}
)

# Vendor -> a coin's usual code -> what the vendor calls it.
COIN_IDS: Mapping[str, Mapping[str, str | int]] = MappingProxyType(
    {vendor: module.COIN_IDS for vendor, module in _modules.items() if hasattr(module, "COIN_IDS")}
)
COIN_BASES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {vendor: module.COIN_BASES for vendor, module in _modules.items() if hasattr(module, "COIN_BASES")}
)


def find_service(name: str) -> Service:
    """Find a declared service by its name. Raises UnknownServiceError, which names those that there are."""
    if name not in SERVICES:
        raise UnknownServiceError(
            f"no service {name!r} is declared in include/services; known: {', '.join(SERVICES)}"
        )
    return SERVICES[name]
