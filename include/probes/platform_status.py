"""The platform at one moment: each component, when it last did its regular work, totals, the database."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from sqlalchemy import Connection, Engine, Row, text
from sqlalchemy.exc import SQLAlchemyError

from include.database import DatabaseError, sql, statement_timeout
from include.freeze import Freeze, find_freeze
from include.humanize import age_text
from include.probes.probe import Status
from include.probes.results import ServiceStatus, select_status
from include.telemetry import redact

STATEMENT_LIMIT = timedelta(seconds=3)
MOST_COUNTED = 100_000
SECOND_MODEL = "second model"  # a component where one is set, and else none
# What the contract calls the services that the probes look at. Others of their kind are sources.
COMPONENTS = {
    "postgres": "database",
    "llm": "model",
    "llm_second": SECOND_MODEL,
    "bingx": "exchange",
    "solana": "RPC",
    "ibkr": "gateway",
    **{name: name for name in ("api-server", "scheduler", "dag-processor", "triggerer")},
    **{name: name for name in ("workers", "broker", "storage")},
}
SOURCES = {"platform": "market sources", "government": "government sources"}
AIRFLOW_DATABASE = "airflow_database"
PARTS = {"scheduler": "scheduler", "dag_processor": "dag-processor", "triggerer": "triggerer"}


@dataclass(frozen=True)
class Component:
    """A component: what is known of it, since when, and why. `state` is a status, or `unknown`."""

    name: str
    service: str
    state: str
    reason: str
    since: datetime | None = None
    checked_at: datetime | None = None
    latency_ms: float | None = None
    sandbox: bool = False
    stale: bool = False  # it was looked at, and no longer is


@dataclass(frozen=True)
class PlatformStatus:
    """All of it (UTC). `problem` says why the database, which has the rest, could not be asked."""

    at: datetime
    status: Status
    components: Sequence[Component]
    last: Mapping[str, datetime | None]
    totals: Mapping[str, Any]
    database: Mapping[str, Any] | None
    freeze: Freeze | None = None
    problem: str | None = None


def read_platform_status(
    open_database: Callable[[], AbstractContextManager[Engine]],
    look_at_parts: Callable[[], Mapping[str, Status | None]],
    find_last_runs: Callable[[], Mapping[str, datetime | None]],
) -> PlatformStatus:
    """Read what the probes stored, and look at the database and Airflow's parts directly.

    Args:
        open_database: opens the platform's database.
        look_at_parts: how Airflow's parts are by their heartbeats; None: not in use.
        find_last_runs: when what only Airflow knows of last ended well: `sweep`, `rollup`.
    """
    at = datetime.now(UTC)
    began = monotonic()
    try:
        with open_database() as engine, engine.connect() as connection:
            statement_timeout(connection, STATEMENT_LIMIT)
            connection.execute(text("SELECT 1"))
            latency = (monotonic() - began) * 1000
            found = [_component(one) for one in select_status(connection)]
            last = connection.execute(sql("probes/read_last_work")).one()._asdict()
            totals = connection.execute(sql("probes/read_totals"), {"most": MOST_COUNTED}).one()._asdict()
            database = read_database_figures(connection)
            freeze = find_freeze(connection)
    except (DatabaseError, SQLAlchemyError) as error:
        words = redact(" ".join(str(error).split()))[:300]
        away = Component("database", "postgres", "down", words, checked_at=at)
        unseen = "the database is away, which has what the probes saw"
        components = _complete([away], look_at_parts(), at, unseen)
        return PlatformStatus(at, "down", components, {}, {}, None, problem=words)
    now_seen = Component("database", "postgres", "healthy", "it answers", at, at, latency)
    found = [_confirmed(one, now_seen) if one.name == "database" else one for one in found]
    if not any(one.name == "database" for one in found):
        found.append(now_seen)
    components = _complete(found, look_at_parts(), at)
    return PlatformStatus(
        at, _overall(components), components, {**find_last_runs(), **last}, totals, database, freeze
    )


def _component(found: ServiceStatus) -> Component:
    name = COMPONENTS.get(found.service, SOURCES[found.kind])
    state, reason = found.status or "unknown", found.reason
    if found.stale:
        state, reason = "unknown", f"not looked at for {age_text(found.age)}; it was {found.status}: {reason}"
    latency = None if found.latency_ms is None else float(found.latency_ms)
    return Component(
        name,
        found.service,
        state,
        reason,
        found.since,
        found.checked_at,
        latency,
        found.sandbox,
        found.stale,
    )


def _confirmed(known: Component, seen: Component) -> Component:
    """What was seen just now, with the time since when the probes say the same."""
    if known.state == "degraded" and seen.state == "healthy":
        return known  # a direct look sees less than a probe
    since = known.since if known.state == seen.state else seen.since
    reason = known.reason if known.state == seen.state else seen.reason
    latency = seen.latency_ms if seen.latency_ms is not None else known.latency_ms
    return Component(seen.name, seen.service, seen.state, reason, since, seen.checked_at, latency)


def _complete(
    found: Sequence[Component],
    parts: Mapping[str, Status | None],
    at: datetime,
    unseen: str = "nobody has looked at it yet",
) -> list[Component]:
    """Add what is seen directly, and what nobody has looked at yet, so that each component is there."""
    by_name = {one.name: one for one in found}
    seen = [Component("api-server", "api-server", "healthy", "it answers this", at, at)]
    for key, name in PARTS.items():
        state = parts.get(key)
        if state is not None:
            words = "its heart beats" if state == "healthy" else "its heart does not beat"
            seen.append(Component(name, name, state, words, at, at))
    if state := parts.get(AIRFLOW_DATABASE):
        words = "Airflow's own database does not answer: nobody knows how its other parts are"
        seen.append(Component("airflow-database", "airflow-database", state, words, at, at))
    done = {one.name: _confirmed(by_name.get(one.name, one), one) for one in seen}
    rest = [one for one in found if one.name not in done]
    named = (
        {*COMPONENTS.values(), *SOURCES.values()} - {SECOND_MODEL} - {one.name for one in rest} - done.keys()
    )
    rest_named = [Component(name, name, "unknown", unseen) for name in named]
    return sorted([*rest, *done.values(), *rest_named], key=lambda one: (one.name, one.service))


def _overall(components: Iterable[Component]) -> Status:
    """As `/health`: what is known not to be healthy, or is no longer looked at, degrades the whole."""
    troubled = any(one.state in ("degraded", "down") or one.stale for one in components)
    return "degraded" if troubled else "healthy"


def read_database_figures(connection: Connection) -> dict[str, Any] | None:
    """Read what PostgreSQL's probe measured last, and rates of the last hour; None: it measured nothing."""
    row = connection.execute(sql("probes/read_database_figures")).one_or_none()
    return None if row is None else row._asdict()


def read_uptime(connection: Connection, days: int) -> Sequence[Row[Any]]:
    """Read the uptime of the last days (UTC) in percent, the newest first, and how much was looked at."""
    return connection.execute(sql("probes/read_uptime"), {"days": days}).all()
