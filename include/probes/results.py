"""Results as rows of probe_results: a round writes them; the next one, the page and the alerts read them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, text

from include.database import sql
from include.probes.probe import Kind, ProbeAnswer, ProbeResult, Quota, Status


@dataclass(frozen=True)
class ServiceStatus:
    """The newest look at a service: a row of the view `probe_status`."""

    service: str
    kind: Kind
    status: Status | None
    reason: str
    checked_at: datetime
    age: timedelta
    stale: bool
    since: datetime
    latency_ms: Decimal | None
    newest: datetime | None
    freshness: str | None
    completeness: Decimal | None
    quota_used: int | None
    quota_limit: int | None
    quota_window: timedelta | None
    quota_share: Decimal | None
    sandbox: bool
    run_url: str


def write_results(engine: Engine, results: Sequence[ProbeResult], every: timedelta, run_url: str) -> None:
    """Store a round in one transaction, and close the services that it no longer looks at."""
    rows = [
        asdict(result)
        | {
            "quota_window": _seconds(result.quota_window),
            "answer": None if result.answer is None else _dump(result.answer),
        }
        for result in results
    ]
    kinds = sorted({result.kind for result in results})
    about = {"check_every": every, "run_url": run_url, "kinds": kinds}
    with engine.begin() as connection:
        connection.execute(sql("probes/write_results"), {"rows": json.dumps(rows, default=_write), **about})


def read_status(engine: Engine) -> list[ServiceStatus]:
    """Read the newest look at each service: government first, then by name."""
    with engine.connect() as connection:
        return select_status(connection)


def select_status(connection: Connection) -> list[ServiceStatus]:
    """Read it as `read_status` does, in a transaction that is open already."""
    names = ", ".join(ServiceStatus.__dataclass_fields__)
    statement = text(f"SELECT {names} FROM probe_status ORDER BY kind, service")  # noqa: S608
    return [ServiceStatus(**row) for row in connection.execute(statement).mappings()]


def read_last_answers(engine: Engine, services: Sequence[str]) -> dict[str, tuple[datetime, ProbeAnswer]]:
    """Read when each service was really asked last, and what it answered."""
    with engine.connect() as connection:
        rows = connection.execute(sql("probes/read_last_answers"), {"services": list(services)})
        return {row.service: (row.asked_at, _load(row.answer)) for row in rows}


def read_quotas(engine: Engine) -> dict[str, tuple[Quota, ...]]:
    """Read how much of each quota of the outside services is used, by all machines."""
    statement = text('SELECT service, used, quota_limit, quota_window, "at" FROM http_quotas')
    found: dict[str, tuple[Quota, ...]] = {}
    with engine.connect() as connection:
        for row in connection.execute(statement):
            quota = Quota(row.used, row.quota_limit, row.quota_window, row.at)
            found[row.service] = (*found.get(row.service, ()), quota)
    return found


def _dump(answer: ProbeAnswer) -> dict[str, Any]:
    # The quota is counted anew at each look.
    return {name: value for name, value in asdict(answer).items() if name != "quota"}


def _load(stored: dict[str, Any]) -> ProbeAnswer:
    times = {
        name: datetime.fromisoformat(stored[name]) if stored[name] else None
        for name in ("newest", "expected_by")
    }
    return ProbeAnswer(**{**stored, **times, "faults": tuple(stored["faults"])})


def _seconds(window: timedelta | None) -> str | None:
    return None if window is None else f"{window.total_seconds()} seconds"


def _write(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"no JSON for {value!r}")
