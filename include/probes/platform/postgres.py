"""PostgreSQL: does the platform's database let anybody in, is it in order, and what does it count?"""

import logging
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from include.database import DatabaseError, connect, sql
from include.probes.probe import REQUEST_SECONDS, Probe, ProbeAnswer, ProbeContext, Quota, ServiceDownError
from include.telemetry import redact

logger = logging.getLogger(__name__)

OLD_TRANSACTION = timedelta(hours=1)  # it keeps VACUUM from clearing anything that died since
STANDBY_LAG = timedelta(minutes=5)
SLOW_MS = 100.0  # in the mean


def make_probes(context: ProbeContext) -> list[Probe]:
    """Make the probe."""
    asked = partial(ask_postgres, context.database_url)
    return [Probe("postgres", context.kind, asked, own_part=True)]


def ask_postgres(url: str, *, old: timedelta = OLD_TRANSACTION) -> ProbeAnswer:
    """Connect anew and ask the server about itself. Raises ServiceDownError."""
    engine = connect(
        url, application="tradeops:probe", pool_size=0, statement_timeout=timedelta(seconds=REQUEST_SECONDS)
    )
    started = monotonic()
    try:
        with engine.connect() as connection:
            latency = (monotonic() - started) * 1000
            found = connection.execute(sql("probes/look_at_postgres")).one()
            figures = measure_database(connection)
    except (DatabaseError, SQLAlchemyError) as error:
        raise ServiceDownError(redact(" ".join(str(error).split()))[:300]) from error
    faults = []
    if found.oldest_transaction and found.oldest_transaction > old:
        faults.append(f"a transaction is open for {found.oldest_transaction}: nothing is vacuumed past it")
    if found.standby and found.lag and found.lag > STANDBY_LAG:
        faults.append(f"the standby is {found.lag} behind")
    role = "a standby" if found.standby else f"{found.replicas} standbys"
    words = f"{found.size} on disk, {found.used} of {found.most} connections, {role}"
    quota = Quota(found.used, found.most, None)
    return ProbeAnswer(words, latency, tuple(faults), quota=quota, figures=figures)


def measure_database(connection: Connection) -> dict[str, Any]:
    """Measure the database's figures: sessions by state, counters since `counted_since`, slow statements.

    `slow_statements` is None where pg_stat_statements cannot tell: it is not there, not loaded, or not ours.
    """
    row = connection.execute(sql("probes/measure_database")).one()._asdict()
    slow = _slow_statements(connection) if row.pop("knows_statements") else None
    since = row.pop("counted_since")
    return {**row, "counted_since": since.isoformat() if since else None, "slow_statements": slow}


def _slow_statements(connection: Connection) -> list[dict[str, Any]] | None:
    try:
        with connection.begin_nested():  # what it refuses must not cost the other figures
            found = connection.execute(sql("probes/find_slow_statements"), {"milliseconds": SLOW_MS})
            return [{**row, "statement": redact(row["statement"])} for row in found.mappings()]
    except DBAPIError as error:
        logger.warning("pg_stat_statements does not answer: %s", " ".join(str(error.orig).split()))
        return None
