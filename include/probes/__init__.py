"""Probes: is each service that the platform stands on there, fresh and complete, and how full is its quota?

`government_probes` and `platform_probes` make them, `run_round` asks them all at once and stores what came of
it in `probe_results`; `read_status` reads the newest look at each service.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from include.probes.probe import Connections, Probe, ProbeAnswer, ProbeResult, ServiceDownError
from include.probes.results import ServiceStatus, read_status
from include.probes.round import run_round, summarise
from include.probes.verdict import span

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from include.settings import Settings
    from include.storage import Storage

__all__ = [
    "Probe",
    "ProbeAnswer",
    "ProbeResult",
    "ServiceDownError",
    "ServiceStatus",
    "government_probes",
    "platform_probes",
    "read_status",
    "run_round",
    "span",
    "summarise",
]


def government_probes(engine: "Engine", settings: "Settings", connections: Connections) -> list[Probe]:
    """Make the probes of SEC, FRED, BLS and Census. `connections` is asked now, never by a probe's thread."""
    from include.probes.bls import bls_probe
    from include.probes.census import census_probe
    from include.probes.fred import fred_probe
    from include.probes.sec import sec_probe

    return [make(engine, settings, connections) for make in (sec_probe, fred_probe, bls_probe, census_probe)]


def platform_probes(
    engine: "Engine",
    settings: "Settings",
    connections: Connections,
    *,
    database_url: str,
    broker_url: str | None,
    open_storage: Callable[[str], "Storage | None"],
) -> list[Probe]:
    """Make the probes of the database, broker, store, model, sources of candles, BingX, IBKR and Solana."""
    from functools import partial

    from include.probes import services
    from include.probes.trading import trading_probes

    return [
        Probe("postgres", "platform", partial(services.ask_postgres, database_url)),
        services.broker_probe(broker_url),
        services.storage_probe(settings, open_storage),
        services.model_probe(engine, settings, connections),
        *services.market_probes(engine, settings, connections),
        *trading_probes(engine, settings, connections),
    ]
