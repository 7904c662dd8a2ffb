"""What a probe is, what it brings back, and what is made of that."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from include.http import Service, identify, with_timeout
from include.http.client import Client
from include.services import SERVICES
from include.settings import SANDBOX, Endpoint, Settings

Kind = Literal["government", "platform"]
Status = Literal["healthy", "degraded", "down"]
Connections = Callable[[str], Endpoint | None]  # a connection's name -> where it leads; None: there is none

NOBODY = "the local stack nobody@sandbox.invalid"  # who calls the sandbox, and nobody else
SECONDS = 10.0  # that one request may take in all
TIMEOUT = 25.0  # seconds that a probe may take in all, with every request of it


class ServiceDownError(Exception):
    """The service gave nothing of use; the message says why, in words without secrets."""


@dataclass(frozen=True)
class Quota:
    """How much of a limit is used: calls in a window, or, without a window, a number at once."""

    used: int
    limit: int
    window: timedelta | None
    at: datetime | None = None  # when the busiest window ended; None: it ends now

    @property
    def share(self) -> float:
        """Used by limit: 1 is all of it."""
        return self.used / self.limit


@dataclass(frozen=True)
class ProbeAnswer:
    """What a service answered.

    Attributes:
        words: what it said, for people.
        latency_ms: what its answer took, without the wait for our own rate limit.
        faults: what is not as it should be, each in words; any of them makes it degraded.
        broken: why it is of no use, which makes it down.
        newest: its newest filing or observation, by its own date (UTC).
        expected_by: when the next one is due by the publication calendar.
        completeness: share of the expected observations or fields that were there, 0 to 1.
        quota: a limit of its own, like connections; those of outside services are counted by include.http.
        sandbox: a local imitation answered.
    """

    words: str
    latency_ms: float | None = None
    faults: tuple[str, ...] = ()
    broken: str | None = None
    newest: datetime | None = None
    expected_by: datetime | None = None
    completeness: float | None = None
    quota: Quota | None = None
    sandbox: bool = False


@dataclass(frozen=True)
class Probe:
    """How one service is looked at.

    Attributes:
        service: its name in the results.
        kind: the family.
        ask: asks it; raises http.ServiceError or ServiceDownError. None: it is not asked, see `why_not`.
        why_not: why it is not asked.
        limited_by: its name in include.http, whose quota it uses.
        cost: requests that asking takes at most.
        pause: time between two askings at least, however large the quota.
        timeout: seconds after which it counts as hanging.
    """

    service: str
    kind: Kind
    ask: Callable[[], ProbeAnswer] | None
    why_not: str = ""
    limited_by: str | None = None
    cost: int = 1
    pause: timedelta = timedelta(0)
    timeout: float = TIMEOUT

    def spacing(self, share: float) -> timedelta:
        """The time between two askings that keeps them within a share of every limit."""
        declared = SERVICES.get(self.limited_by or "")
        limits = declared.limits if declared else ()
        needed = (limit.seconds * self.cost / (limit.calls * share) for limit in limits)
        return timedelta(seconds=max(needed, default=0.0))


@dataclass(frozen=True)
class ProbeResult:
    """What a look at a service came to: a row of `probe_results`. Times are tz-aware UTC."""

    service: str
    kind: Kind
    status: Status | None  # None: nobody knows
    reason: str
    checked_at: datetime
    asked_at: datetime | None  # before checked_at: an earlier answer is used again; None: it was not asked
    latency_ms: float | None = None
    newest: datetime | None = None
    expected_by: datetime | None = None
    freshness: str | None = None
    completeness: float | None = None
    quota_used: int | None = None
    quota_limit: int | None = None
    quota_window: timedelta | None = None
    sandbox: bool = False
    answer: ProbeAnswer | None = None  # what it was found from


def outside_probe(
    service: Service,
    kind: Kind,
    connections: Connections,
    settings: Settings,
    ask: Callable[[Callable[[], Client]], ProbeAnswer],
    open_client: Callable[[Service, Endpoint], Client],
    **about: object,
) -> Probe:
    """Make the probe of an outside service; without its connection it is not asked."""
    name = service.name.removesuffix("-keyless")
    found = connections(name)
    if found is None:
        return Probe(name, kind, None, f"not configured: there is no connection `{name}`")
    contact = settings.contact or (NOBODY if _is_imitation(found, connections(SANDBOX)) else "")
    if service.wants_contact and not contact:
        return Probe(name, kind, None, f"{name} refuses callers without a contact: set `contact`")
    asked = with_timeout(identify(service, contact) if contact else service, SECONDS)
    probe = Probe(name, kind, lambda: ask(lambda: open_client(asked, found)), limited_by=service.name)
    return replace(probe, **about)  # type: ignore[arg-type]


def _is_imitation(found: Endpoint, sandbox: Endpoint | None) -> bool:
    """Whether the connection leads into the local sandbox, which is nobody's to introduce oneself to."""
    return sandbox is not None and found.base_url.startswith(f"{sandbox.base_url}/")
