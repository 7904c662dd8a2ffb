"""A probe of an outside service: who calls, by which connection, within which time."""

from collections.abc import Callable
from datetime import timedelta

from include.http import Service, identify, with_timeout
from include.http.client import Client
from include.probes.probe import REQUEST_SECONDS, Probe, ProbeAnswer, ProbeContext
from include.settings import SANDBOX, Endpoint

SANDBOX_CONTACT = "the local stack nobody@sandbox.invalid"  # who calls the sandbox, and nobody else


def outside_probe(
    context: ProbeContext,
    service: Service,
    ask: Callable[[Client], ProbeAnswer],
    *,
    cost: int = 1,
    pause: timedelta = timedelta(0),
) -> Probe:
    """Make the probe of an outside service. Without its connection, or a contact it wants, it is not asked.

    Args:
        context: what probes are made from.
        service: how it is called; its connection has its name, less `-keyless`.
        ask: asks it by a client that is open; raises ServiceError or ServiceDownError.
        cost: requests that asking takes at most.
        pause: time between two askings at least.
    """
    name = service.name.removesuffix("-keyless")
    endpoint = context.connections(name)
    if endpoint is None:
        return Probe(name, context.kind, None, f"not configured: there is no connection `{name}`")
    contact = context.settings.contact
    if not contact and _is_sandbox(endpoint, context.connections(SANDBOX)):
        contact = SANDBOX_CONTACT
    if service.wants_contact and not contact:
        return Probe(name, context.kind, None, f"{name} refuses callers without a contact: set `contact`")
    called = with_timeout(identify(service, contact) if contact else service, REQUEST_SECONDS)

    def ask_service() -> ProbeAnswer:
        with Client(called, endpoint, context.engine) as client:
            return ask(client)

    return Probe(name, context.kind, ask_service, limited_by=service.name, cost=cost, pause=pause)


def _is_sandbox(endpoint: Endpoint, sandbox: Endpoint | None) -> bool:
    """Whether the connection leads into the local sandbox, to which nobody needs a name."""
    return sandbox is not None and endpoint.base_url.startswith(f"{sandbox.base_url}/")
