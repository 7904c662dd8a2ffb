"""A Solana node: does it keep up? Nothing is traded."""

from dataclasses import replace

from include.http.client import Client
from include.probes.outside import outside_probe
from include.probes.probe import Probe, ProbeAnswer, ProbeContext, ServiceDownError
from include.services import find_service


def make_probes(context: ProbeContext) -> list[Probe]:
    """Make the probe."""
    # A node that lags behind says so as an error; here it is the answer.
    service = replace(find_service("solana"), find_fault=lambda _payload: None)
    return [outside_probe(context, service, ask_solana)]


def ask_solana(client: Client) -> ProbeAnswer:
    """Ask the node for its health. Raises ServiceError, ServiceDownError."""
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
