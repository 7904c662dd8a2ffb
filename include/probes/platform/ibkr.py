"""The IBKR gateway on one's own machine: has it a session? Nothing is traded."""

from include.http.client import Client
from include.probes.outside import outside_probe
from include.probes.probe import Probe, ProbeAnswer, ProbeContext, ServiceDownError
from include.services import find_service
from include.services.ibkr import session_fault


def make_probes(context: ProbeContext) -> list[Probe]:
    """Make the probe."""
    return [outside_probe(context, find_service("ibkr"), ask_ibkr)]


def ask_ibkr(client: Client) -> ProbeAnswer:
    """Ask whether the gateway has a session; the login itself is by hand.

    Raises:
        ServiceError, ServiceDownError: it has none, or does not say so.
    """
    answer = client.post_json("/v1/api/iserver/auth/status", {})
    if fault := session_fault(answer):
        raise ServiceDownError(fault)
    faults = ("another session uses the same login",) if answer.get("competing") else ()
    return ProbeAnswer("logged in and connected", client.milliseconds, faults, sandbox=client.sandbox)
