"""The outside services, declared: where they are, how they are asked, and how much they bear.

To add a service, add an entry to `SERVICES`; if it reports errors under status 200, add a function that
finds them. Limits are the vendors' documented ones for the plan named beside them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from include.http.errors import RateLimited, Refused, Unavailable

MINUTE, DAY = 60.0, 86_400.0
MONTH = 31 * DAY  # the longest: a quota by the month holds whenever the vendor's month begins
SEC_PAUSE = 601.0  # SEC lets nobody in again before the rate has been low for ten minutes


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


@dataclass(frozen=True)
class Breaker:
    """After `threshold` failed attempts in a row nobody calls for `recovery` seconds; then one call tries.

    The threshold exceeds the attempts of one call: one cursed request is no dead service.
    """

    threshold: int = 10
    recovery: float = 60.0


@dataclass(frozen=True)
class Fault:
    """An error that a body tells. `kind` decides on retries: RateLimited and Unavailable may pass."""

    kind: type[RateLimited | Refused | Unavailable]
    words: str
    wait: float | None = None  # seconds the vendor asks for, where Retry-After is missing


def no_fault(_payload: object) -> Fault | None:
    """For services that keep to HTTP's statuses."""
    return None


@dataclass(frozen=True)
class Service:
    """One outside service.

    `find_fault` looks for an error in the body of an answer, whatever its status: it gets the parsed JSON,
    or the text where it is not JSON. `max_bytes` bounds the body, unpacked. `pauses` says for how long, in
    seconds, nobody calls at least after an answer of that status. `wants_contact`: it refuses callers whose
    User-Agent names nobody to write to; see `introduce`. `connection` is the Airflow connection that holds
    address and key, where it is not called like the service: complaints name it.
    """

    name: str
    base_url: str | None = None  # None: only the endpoint knows
    auth: Auth | None = None
    limits: tuple[Limit, ...] = ()
    timeout: Timeout = Timeout()
    retry: Retry = Retry()
    breaker: Breaker = Breaker()
    find_fault: Callable[[object], Fault | None] = no_fault
    headers: Mapping[str, str] = field(default_factory=dict)
    pauses: Mapping[int, float] = field(default_factory=dict)
    wants_contact: bool = False
    max_bytes: int = 64 * 1024 * 1024
    connection: str | None = None

    @property
    def connection_id(self) -> str:
        """The Airflow connection that holds its address and key."""
        return self.connection or self.name


def introduce(service: Service, contact: str) -> Service:
    """The same service, told in the User-Agent who calls: a name and an email."""
    return replace(service, headers={**service.headers, "User-Agent": f"tradeops {contact}"})


def hurry(service: Service, seconds: float) -> Service:
    """The same service, asked once and within so many seconds: probes measure and do not insist."""
    timeout = Timeout(connect=min(service.timeout.connect, seconds / 2), read=seconds * 0.8, total=seconds)
    return replace(service, timeout=timeout, retry=replace(service.retry, attempts=1, budget=seconds))


def find_coinmarketcap_fault(payload: object) -> Fault | None:
    """`status.error_code`: a number in v1 and v2, a text in v3; 0 is no error."""
    status = payload.get("status") if isinstance(payload, dict) else None
    if not isinstance(status, dict) or str(status.get("error_code", 0)) in ("0", "None"):
        return None
    code = str(status["error_code"])
    words = f"error {code}: {status.get('error_message') or 'no message'}"
    if code in ("1008", "1011"):  # the minute's quota, the quota of this IP address
        return Fault(RateLimited, words, wait=60.0)
    if code in ("1009", "1010"):  # the day's, the month's: nobody says when they begin, so ask by the hour
        return Fault(RateLimited, words, wait=3600.0)
    return Fault(Unavailable if code.startswith("5") else Refused, words)


def find_coingecko_fault(payload: object) -> Fault | None:
    """`error` as a text or with a nested `status`, or `status.error_code`; codes like 10012 are final."""
    if not isinstance(payload, dict):
        return None
    error = payload.get("error")
    status = error.get("status") if isinstance(error, dict) else payload.get("status")
    if isinstance(status, dict) and status.get("error_code"):
        code = str(status["error_code"])
        words = f"error {code}: {status.get('error_message') or 'no message'}"
        if code == "429":
            return Fault(RateLimited, words)
        return Fault(Unavailable if len(code) == 3 and code.startswith("5") else Refused, words)
    return Fault(Refused, str(error)) if error else None


def find_kraken_fault(payload: object) -> Fault | None:
    """`error`, a list: what begins with E is an error, with W a warning. Always under status 200."""
    errors = payload.get("error") if isinstance(payload, dict) else None
    if not isinstance(errors, list):
        return None
    words = ", ".join(str(error) for error in errors if not str(error).startswith("W"))
    if not words:
        return None
    if any(mark in words for mark in ("Too many requests", "Rate limit", "Throttled", "Temporary lockout")):
        return Fault(RateLimited, words)
    return Fault(Unavailable if "EService:" in words or "Internal error" in words else Refused, words)


def find_lunarcrush_fault(payload: object) -> Fault | None:
    """`error`, a text beside or instead of `data`."""
    error = payload.get("error") if isinstance(payload, dict) else None
    return Fault(Refused, str(error)) if error else None


def find_fear_greed_fault(payload: object) -> Fault | None:
    """`metadata.error`, null when all is well."""
    metadata = payload.get("metadata") if isinstance(payload, dict) else None
    error = metadata.get("error") if isinstance(metadata, dict) else None
    return Fault(Refused, str(error)) if error else None


def find_sec_fault(payload: object) -> Fault | None:
    """HTML for two causes, mostly under status 403: an agent that names nobody, and too high a rate.

    Both pages bear the title "Request Rate Threshold Exceeded"; that of a bad agent says so below.
    """
    if not isinstance(payload, str):
        return None
    if "undeclared automated tool" in payload.lower():
        words = "it refuses this User-Agent as an undeclared automated tool: see the setting `contact`"
        return Fault(Refused, words, wait=SEC_PAUSE)
    if "request rate threshold exceeded" in payload.lower():
        words = "Request Rate Threshold Exceeded: it lets nobody in until the rate was low for ten minutes"
        return Fault(RateLimited, words, wait=SEC_PAUSE)
    return None


def find_bls_fault(payload: object) -> Fault | None:
    """`status`, always under HTTP 200: anything but REQUEST_SUCCEEDED is an error, told in `message`."""
    if not isinstance(payload, dict) or payload.get("status", "REQUEST_SUCCEEDED") == "REQUEST_SUCCEEDED":
        return None
    said = payload.get("message")
    words = " ".join(str(line) for line in said) if isinstance(said, list) else str(said or "no message")
    if (
        "threshold" in words.lower()
    ):  # the day's requests; nobody says when the day begins, so ask by the hour
        return Fault(RateLimited, f"{payload['status']}: {words}", wait=3600.0)
    return Fault(Refused, f"{payload['status']}: {words}")


def find_bingx_fault(payload: object) -> Fault | None:
    """`code`, 0 when all is well; mostly under status 200."""
    code = payload.get("code", 0) if isinstance(payload, dict) else 0
    if str(code) == "0":
        return None
    words = f"error {code}: {payload.get('msg') or 'no message'}" if isinstance(payload, dict) else str(code)
    if str(code) in ("100410", "100429"):
        return Fault(RateLimited, words)
    return Fault(Unavailable if str(code).startswith(("1005", "100421")) else Refused, words)


def find_solana_fault(payload: object) -> Fault | None:
    """`error` of JSON-RPC; -32005 is a node that lags behind, which may pass."""
    error = payload.get("error") if isinstance(payload, dict) else None
    if not error:
        return None
    code = error.get("code") if isinstance(error, dict) else None
    words = f"error {code}: {error.get('message')}" if isinstance(error, dict) else str(error)
    if code == -32005:
        return Fault(Unavailable, words)
    return Fault(RateLimited if code in (429, -32429) else Refused, words)


# Of messages: what does not arrive soon waits in the database, so a call is short.
_BRIEF = Timeout(connect=4.0, read=8.0, total=10.0)
_ONCE_MORE = Retry(attempts=2, budget=15.0, wait_initial=0.5, wait_max=2.0)

_DECLARED = (
    Service("sandbox", limits=(Limit(200, 1),), connection="market_sandbox"),
    Service(
        "coinmarketcap",
        "https://pro-api.coinmarketcap.com",
        auth=Auth("header", "X-CMC_PRO_API_KEY"),
        limits=(Limit(30, MINUTE),),
        find_fault=find_coinmarketcap_fault,
        connection="market_coinmarketcap",
    ),
    Service(  # demo plan; errors count against it too
        "coingecko",
        "https://api.coingecko.com/api/v3",
        auth=Auth("header", "x-cg-demo-api-key", required=False),
        limits=(Limit(100, MINUTE), Limit(10_000, MONTH)),
        find_fault=find_coingecko_fault,
        connection="market_coingecko",
    ),
    Service(
        "coingecko-pro",
        "https://pro-api.coingecko.com/api/v3",
        auth=Auth("header", "x-cg-pro-api-key"),
        limits=(Limit(500, MINUTE),),
        find_fault=find_coingecko_fault,
        connection="market_coingecko",
    ),
    Service(
        "kraken",
        "https://api.kraken.com",
        limits=(Limit(1, 1),),
        find_fault=find_kraken_fault,
        connection="market_kraken",
    ),
    Service(  # individual plan
        "lunarcrush",
        "https://lunarcrush.com/api4/public",
        auth=Auth("bearer"),
        limits=(Limit(10, MINUTE), Limit(2_000, DAY)),
        find_fault=find_lunarcrush_fault,
        connection="market_lunarcrush",
    ),
    Service(
        "fear_greed",
        "https://api.alternative.me",
        limits=(Limit(60, MINUTE),),
        find_fault=find_fear_greed_fault,
        connection="market_fear_greed",
    ),
    Service(  # https://www.sec.gov/about/webmaster-frequently-asked-questions#developers
        "sec",
        "https://data.sec.gov",
        limits=(Limit(10, 1),),
        find_fault=find_sec_fault,
        pauses={403: SEC_PAUSE, 429: SEC_PAUSE},
        wants_contact=True,
    ),
    Service(  # the key travels in the address
        "fred",
        "https://api.stlouisfed.org",
        auth=Auth("query", "api_key"),
        limits=(Limit(120, MINUTE),),
    ),
    Service(  # https://www.bls.gov/developers/api_faqs.htm; 500 a minute, as an old guide has it, is wrong
        "bls",
        "https://api.bls.gov/publicAPI/v2",
        auth=Auth("json", "registrationkey"),
        limits=(Limit(500, DAY),),
        find_fault=find_bls_fault,
    ),
    Service(
        "bls-keyless",
        "https://api.bls.gov/publicAPI/v1",
        limits=(Limit(25, DAY),),
        find_fault=find_bls_fault,
        connection="bls",
    ),
    Service(  # the one figure that it has published, for callers without a key; it asks for one since 2026-05
        "census",
        "https://api.census.gov",
        auth=Auth("query", "key"),
        limits=(Limit(500, DAY),),
    ),
    Service(  # market data, spot and futures together, by address
        "bingx",
        "https://open-api.bingx.com",
        limits=(Limit(500, 10),),
        find_fault=find_bingx_fault,
    ),
    Service(
        "ibkr", limits=(Limit(10, 1),)
    ),  # the gateway on a machine of one's own; its limit for one session
    Service(  # the public node: 100 requests in 10 seconds from an address, 40 of one method
        "solana",
        "https://api.mainnet-beta.solana.com",
        limits=(Limit(40, 10),),
        find_fault=find_solana_fault,
    ),
    Service(
        "llm", auth=Auth("bearer", required=False), limits=(Limit(60, MINUTE),)
    ),  # its list of models only
    # Messages about alerts. The key of a Slack webhook is part of its path, that of PagerDuty of its body.
    Service(  # one message a second and channel
        "slack",
        "https://hooks.slack.com/services",
        limits=(Limit(1, 1),),
        timeout=_BRIEF,
        retry=_ONCE_MORE,
        connection="slack_alerts",
    ),
    Service(
        "slack-bot",
        "https://slack.com/api",
        auth=Auth("bearer"),
        limits=(Limit(1, 1),),
        timeout=_BRIEF,
        retry=_ONCE_MORE,
        connection="slack_alerts",
    ),
    Service(
        "pagerduty",
        "https://events.pagerduty.com",
        limits=(Limit(120, MINUTE),),
        timeout=_BRIEF,
        retry=_ONCE_MORE,
    ),
    Service("webhook", limits=(Limit(10, 1),), timeout=_BRIEF, retry=_ONCE_MORE, connection="alert_webhook"),
)
SERVICES: Mapping[str, Service] = MappingProxyType({service.name: service for service in _DECLARED})
