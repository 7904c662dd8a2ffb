"""The sandbox as one application, and the server that runs it."""

from importlib import import_module

import uvicorn
from fastapi import FastAPI

from sandbox import control, exchange_control, token_control
from sandbox.breakage import Breakage, TransportProtocol
from sandbox.faults import FaultBook
from sandbox.records import Log
from sandbox.service import Service, State
from sandbox.services.bingx import refuse
from sandbox.trading import RefusedError

# A line a service: its file in sandbox/services.
IMITATIONS = (
    "market",
    "kraken",
    "binance",
    "coingecko",
    "coinmarketcap",
    "fear_greed",
    "lunarcrush",
    "llm",
    "llm_second",
    "slack",
    "pagerduty",
    "webhook",
    "sec",
    "fred",
    "bls",
    "census",
    "bingx",
    "ibkr",
    "solana",
    "jupiter",
    "geckoterminal",
    "telegram",
)
_modules = [import_module(f"sandbox.services.{name}") for name in IMITATIONS]
SERVICES: dict[str, Service] = {module.SERVICE.name: module.SERVICE for module in _modules}
REQUESTS_KEPT, MESSAGES_KEPT = 2_000, 500


def create_app() -> FastAPI:
    """A new sandbox with nothing recorded and no fault switched on."""
    app = FastAPI(title="sandbox", docs_url=None, redoc_url=None, openapi_url=None)
    faults = FaultBook(
        {name: service.all_kinds for name, service in SERVICES.items()},
        [name for name, service in SERVICES.items() if service.symbol_of],
    )
    state = State(faults, Log(REQUESTS_KEPT), Log(MESSAGES_KEPT))
    state.open_accounts()
    app.state.sandbox, app.state.services = state, SERVICES
    app.include_router(control.router)
    app.include_router(exchange_control.router)
    app.include_router(token_control.router)
    app.add_exception_handler(RefusedError, refuse)
    for service in SERVICES.values():
        app.include_router(service.router)
    app.add_middleware(Breakage, services=SERVICES, state=state)
    return app


def create_server(host: str, port: int) -> uvicorn.Server:
    """A server for a new sandbox, not yet running; `port` 0 takes a free one."""
    return uvicorn.Server(
        uvicorn.Config(
            create_app(),
            host=host,
            port=port,
            http=TransportProtocol,
            loop="asyncio",  # its transports show their socket, which a reset needs
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,  # the request log does that
            date_header=False,  # uvicorn's may be seconds old, and clients take it for the clock
            timeout_keep_alive=60,
            timeout_graceful_shutdown=1,  # a request that hangs must not keep the server
        )
    )
