"""The IBKR gateway on one's own machine: has it a session? Nothing is traded."""

from include.http.client import Client
from include.probes.outside import outside_probe
from include.probes.probe import Probe, ProbeAnswer, ProbeContext, ServiceDownError
from include.services import find_service


def make_probes(context: ProbeContext) -> list[Probe]:
    """Make the probe."""
    return [outside_probe(context, find_service("ibkr"), ask_ibkr)]


def ask_ibkr(client: Client) -> ProbeAnswer:
    """Ask whether the gateway has a session; the login itself is by hand.

    Raises:
        ServiceError, ServiceDownError: it has none, or does not say so.
    """
    answer = client.post_json("/v1/api/iserver/auth/status", {})
    if not isinstance(answer, dict) or not isinstance(answer.get("authenticated"), bool):
        raise ServiceDownError("an answer without `authenticated`")
    if not answer.get("connected"):
        raise ServiceDownError("the gateway has no connection to IBKR's servers")
    if not answer["authenticated"]:
        raise ServiceDownError("nobody is logged in: log in by hand at the gateway")
    faults = ("another session uses the same login",) if answer.get("competing") else ()
    return ProbeAnswer("logged in and connected", client.milliseconds, faults, sandbox=client.sandbox)
