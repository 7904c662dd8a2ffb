"""For the tests of probes: connections to the sandbox, and rounds."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from include.probes import PROBES, Probe, ProbeContext, ProbeResult, make_probes, run_round
from include.settings import Endpoint, Settings

CONTACT = "Example Research ops@example.com"
KEY = "5andb0x5andb0x5andb0x5andb0x5and"
PATHS = {
    "sec": "/sec",
    "fred": "/fred",
    "bls": "/bls/publicAPI/v2",
    "census": "/census",
    "bingx": "/bingx",
    "ibkr": "/ibkr",
    "solana": "/solana",
    "llm": "/llm/v1",
    "llm_second": "/llm_second/v1",
    "market_sandbox": "/market",
    "market_kraken": "/kraken",
    "market_coingecko": "/coingecko/api/v3",
    "market_coinmarketcap": "/coinmarketcap",
    "market_ccxt_binance": "/binance",
}
RUN = "http://airflow/dags/probe/runs/1"
EVERY = timedelta(hours=1)
NO_PAUSE = 1e9  # share of a quota that a look may use: each look asks

Look = Callable[..., ProbeResult]


@pytest.fixture
def connections(sandbox):
    """A look-up of connections, all to the sandbox; `keys` may be changed, None takes a connection away."""

    def look_up(name: str) -> Endpoint | None:
        key = look_up.keys.get(name, KEY)
        if name not in PATHS or key is None:
            return None
        return Endpoint(look_up.hosts.get(name, sandbox.url + PATHS[name]), key or None)

    look_up.keys, look_up.hosts = {}, {}
    return look_up


@pytest.fixture
def settings():
    return Settings(contact=CONTACT, candle_sources=("sandbox",), analysis_model="sandbox-analyst")


@pytest.fixture
def probe_of(database, connections, settings):
    """Makes the probe of one service."""

    def make(service: str, chosen: Settings = settings, **platform) -> Probe:
        contexts = [ProbeContext(kind, database, chosen, connections, **platform) for kind in PROBES]
        made = [probe for context in contexts for probe in make_probes(context)]
        (found,) = [probe for probe in made if probe.service == service]
        return found

    return make


@pytest.fixture
def look(database, probe_of) -> Look:
    """Makes a round of one service, or of one probe, and gives its result."""

    def look(
        service: str | Probe, chosen: Settings | None = None, *, share: float = NO_PAUSE, **platform
    ) -> ProbeResult:
        if isinstance(service, Probe):
            probe = service
        else:
            probe = probe_of(service, chosen, **platform) if chosen else probe_of(service, **platform)
        (result,) = run_round(database, [probe], every=EVERY, quota_share=share, run_url=RUN)
        return result

    return look
