"""What is declared of an outside service: where it is, how it is asked, how much it bears, how it says no."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from include.http.errors import RateLimitedError, RequestRefusedError, ServiceUnavailableError

MINUTE, DAY = 60.0, 86_400.0
MONTH = 31 * DAY  # the longest: a quota by the month holds whenever the vendor's month begins


@dataclass(frozen=True)
class Auth:
    """Where the key goes: into a header, into one as `Bearer <key>`, the query, or the JSON of a POST."""

    place: Literal["header", "bearer", "query", "json"]
    name: str = "Authorization"
    required: bool = True


@dataclass(frozen=True)
class Timeout:
    """In seconds: to connect, between two pieces of the answer, and for one attempt from begin to end."""

    connect: float = 5.0
    read: float = 20.0
    total: float = 60.0


@dataclass(frozen=True)
class Limit:
    """At most `calls` in any stretch of `seconds`, over all processes on all machines."""

    calls: int
    seconds: float


@dataclass(frozen=True)
class Retry:
    """How often and how long one call is tried.

    `budget` (seconds) bounds all of it: waiting for the quota, attempts, and pauses. A pause starts at
    `wait_initial`, doubles up to `wait_max`, and gets up to `jitter` on top; Retry-After goes before that.
    """

    attempts: int = 4
    budget: float = 120.0
    wait_initial: float = 0.5
    wait_max: float = 20.0
    jitter: float = 1.0
    statuses: frozenset[int] = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})


# Of messages to people: what does not arrive soon waits in the database, so a call is short.
MESSAGE_TIMEOUT = Timeout(connect=4.0, read=8.0, total=10.0)
MESSAGE_RETRY = Retry(attempts=2, budget=15.0, wait_initial=0.5, wait_max=2.0)


@dataclass(frozen=True)
class Breaker:
    """After `threshold` failed attempts in a row nobody calls for `recovery` seconds; then one call tries.

    The threshold exceeds the attempts of one call: one cursed request is no dead service.
    """

    threshold: int = 10
    recovery: float = 60.0


@dataclass(frozen=True)
class VendorFault:
    """How a body says no. `kind` decides on retries: a refusal is final, the others are transient."""

    kind: type[RateLimitedError | RequestRefusedError | ServiceUnavailableError]
    message: str
    wait: float | None = None  # seconds the vendor asks for, where Retry-After is missing


def no_fault(_payload: object) -> VendorFault | None:
    """For services that keep to HTTP's statuses."""
    return None


@dataclass(frozen=True)
class Service:
    """One outside service.

    `find_fault` looks for an error in the body of an answer, whatever its status: it gets the parsed JSON,
    or the text where it is not JSON. `max_bytes` bounds the body, unpacked. `pauses` says for how long, in
    seconds, nobody calls at least after an answer of that status. `wants_contact`: it refuses callers whose
    User-Agent names nobody to write to; see `identify`. `connection` is the Airflow connection that holds
    address and key, where it is not called like the service: complaints name it. `sandbox_path` is
    where the sandbox imitates it, below the address of the connection `sandbox`, for those who ask it there.
    `places_at_once`: questions in a row take up to so many places of the quota together, with one statement,
    and use them within `places_kept` seconds, so much later than they were counted.
    """

    name: str
    base_url: str | None = None  # None: only the endpoint knows
    auth: Auth | None = None
    limits: tuple[Limit, ...] = ()
    timeout: Timeout = Timeout()
    retry: Retry = Retry()
    breaker: Breaker = Breaker()
    find_fault: Callable[[object], VendorFault | None] = no_fault
    headers: Mapping[str, str] = field(default_factory=dict)
    pauses: Mapping[int, float] = field(default_factory=dict)
    wants_contact: bool = False
    max_bytes: int = 64 * 1024 * 1024
    connection: str | None = None
    sandbox_path: str | None = None
    places_at_once: int = 1
    places_kept: float = 2.0

    @property
    def connection_id(self) -> str:
        """The Airflow connection that holds its address and key."""
        return self.connection or self.name


def identify(service: Service, contact: str) -> Service:
    """The same service with a User-Agent that says who calls: a name and an email."""
    return replace(service, headers={**service.headers, "User-Agent": f"tradeops {contact}"})


def with_timeout(service: Service, seconds: float) -> Service:
    """The same service, asked once and within so many seconds: probes measure and do not insist."""
    timeout = Timeout(connect=min(service.timeout.connect, seconds / 2), read=seconds * 0.8, total=seconds)
    return replace(service, timeout=timeout, retry=replace(service.retry, attempts=1, budget=seconds))
