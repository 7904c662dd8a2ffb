"""What a probe is, what it is made from, what it brings back, and what is made of that."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Engine

from include.services import SERVICES
from include.settings import Endpoint, Settings
from include.storage import Storage

Kind = Literal["government", "platform"]
Status = Literal["healthy", "degraded", "down"]
Connections = Callable[[str], Endpoint | None]  # a connection's name -> where it leads; None: there is none

REQUEST_SECONDS = 10.0  # that one request may take in all
PROBE_SECONDS = 25.0  # that a probe may take in all, with every request of it


class ServiceDownError(Exception):
    """The service gave nothing of use; the message says why, in words without secrets."""


class NotInUseError(Exception):
    """This part turned out not to be in use here, so that there is nothing to judge."""


@dataclass(frozen=True)
class ProbeContext:
    """What probes are made from. It is asked while they are made, never by a probe's thread.

    Attributes:
        kind: the family to make.
        engine: the platform's database.
        settings: the settings in force.
        connections: looks a connection up.
        database_url: of the platform's database; this and what follows is for the family `platform`.
        broker_url: of Celery's broker, None where the executor needs none.
        airflow_url: of the api-server that tasks talk to.
        open_storage: opens the store at a location; gives None without its connection.
    """

    kind: Kind
    engine: Engine
    settings: Settings
    connections: Connections
    database_url: str = ""
    broker_url: str | None = None
    airflow_url: str | None = None
    open_storage: Callable[[str], Storage | None] = lambda _location: None


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
        figures: what else was measured, as JSON has it.
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
    figures: Mapping[str, Any] = field(default_factory=dict, hash=False)


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
        own_part: it is a part of the platform itself, which is down while this part is.
    """

    service: str
    kind: Kind
    ask: Callable[[], ProbeAnswer] | None
    why_not: str = ""
    limited_by: str | None = None
    cost: int = 1
    pause: timedelta = timedelta(0)
    timeout: float = PROBE_SECONDS
    own_part: bool = False

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
    own_part: bool = False
    answer: ProbeAnswer | None = None  # what it was found from
