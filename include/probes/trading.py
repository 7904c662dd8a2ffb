"""Where trades would go: BingX, the IBKR gateway on one's own machine, a Solana node. Nothing is traded."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Engine

from include.http.client import Client
from include.probes.probe import Connections, Probe, ProbeAnswer, ServiceDownError, outside_probe
from include.services import find_service
from include.settings import Settings

SKEW = 5.0  # seconds; BingX refuses signed orders whose stamp is more than 5 s off by default


def trading_probes(engine: Engine, settings: Settings, connections: Connections) -> list[Probe]:
    """Make the probes."""
    # A node that lags behind says so as an error; here it is the answer.
    solana = replace(find_service("solana"), find_fault=lambda _payload: None)
    opened = partial(Client, engine=engine)
    return [
        outside_probe(service, "platform", connections, settings, ask, opened)
        for service, ask in (
            (find_service("bingx"), ask_bingx),
            (find_service("ibkr"), ask_ibkr),
            (solana, ask_solana),
        )
    ]


def ask_bingx(open_client: Callable[[], Client]) -> ProbeAnswer:
    """Ask for the exchange's clock and compare it with ours. Raises ServiceError, ServiceDownError."""
    with open_client() as client:
        answer = client.get_json("/openApi/swap/v2/server/time")
    try:
        skew = abs(datetime.now(UTC).timestamp() - float(answer["data"]["serverTime"]) / 1000)
    except (KeyError, TypeError, ValueError) as error:
        raise ServiceDownError(f"an answer without the time: {error!r}") from error
    faults = (f"its clock and ours are {skew:.0f} s apart",) if skew > SKEW else ()
    return ProbeAnswer("its clock runs", client.milliseconds, faults, sandbox=client.sandbox)


def ask_ibkr(open_client: Callable[[], Client]) -> ProbeAnswer:
    """Ask whether the gateway has a session; the login itself is by hand.

    Raises:
        ServiceError, ServiceDownError: it has none, or does not say so.
    """
    with open_client() as client:
        answer = client.post_json("/v1/api/iserver/auth/status", {})
    if not isinstance(answer, dict) or not isinstance(answer.get("authenticated"), bool):
        raise ServiceDownError("an answer without `authenticated`")
    if not answer.get("connected"):
        raise ServiceDownError("the gateway has no connection to IBKR's servers")
    if not answer["authenticated"]:
        raise ServiceDownError("nobody is logged in: log in by hand at the gateway")
    faults = ("another session uses the same login",) if answer.get("competing") else ()
    return ProbeAnswer("logged in and connected", client.milliseconds, faults, sandbox=client.sandbox)


def ask_solana(open_client: Callable[[], Client]) -> ProbeAnswer:
    """Ask the node for its health. Raises ServiceError, ServiceDownError."""
    with open_client() as client:
        answer = client.post_json("/", {"jsonrpc": "2.0", "id": 0, "method": "getHealth"})
    if not isinstance(answer, dict):
        raise ServiceDownError("an answer that is no JSON-RPC")
    if answer.get("result") == "ok":
        return ProbeAnswer("the node keeps up", client.milliseconds, sandbox=client.sandbox)
    error = answer.get("error")
    if not isinstance(error, dict) or error.get("code") != -32005:
        raise ServiceDownError(f"an answer that is no health: {str(error or answer)[:200]}")
    data = error.get("data")
    slots = data.get("numSlotsBehind") if isinstance(data, dict) else None
    if not isinstance(slots, int):
        raise ServiceDownError("the node is behind, and does not say how far")
    return ProbeAnswer(
        "the node answers",
        client.milliseconds,
        (f"it is {slots} slots behind, some {slots * 0.4:.0f} s",),  # a slot takes 400 ms
        sandbox=client.sandbox,
    )
