"""May this service be called, and when? Quota and circuit breaker, shared by all processes.

Both live in PostgreSQL: `http_services` (a row a service: the breaker, and the pause that Retry-After asked
for) and `http_calls` (the calls of the longest window, for an exact count). The function `http_admit` decides
under the row's lock, by the database's clock, so that neither skewed machines nor short-lived processes
matter; `http_note` tells the breaker what came of it. A caller that must wait for the quota gets its own
place at once: nobody polls, and nobody is overtaken.
"""

import logging
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, TextClause, text
from sqlalchemy.exc import SQLAlchemyError

from include.database import DatabaseError
from include.http.errors import BreakerOpenError, QuotaUnknownError, RateLimitedError
from include.http.service import Service
from include.telemetry import error_in_words

logger = logging.getLogger(__name__)

# Others are kept from calling no longer than this, whatever Retry-After says: a mistyped date must not
# switch a service off for a year.
LONGEST_HOLD = 3600.0

_ADMIT = text(
    "SELECT verdict, wait, probe, failures, last_failure FROM http_admit("
    ":service, CAST(:calls AS integer[]), CAST(:windows AS double precision[]),"
    " CAST(:patience AS double precision), CAST(:lease AS double precision), :places)"
)
_NOTE = text(
    "SELECT http_note(:service, CAST(:probe AS timestamptz), CAST(:failure AS text), :threshold,"
    " CAST(:recovery AS double precision))"
)
_HOLD = text(
    "UPDATE http_services"
    " SET held_until = greatest(held_until, clock_timestamp() + make_interval(secs => :seconds))"
    " WHERE service = :service RETURNING true"
)


@dataclass(frozen=True)
class Admission:
    """Leave to call in `wait` seconds.

    `probe` is set on the trial call of a half-open breaker; `failures` counts the failed attempts in a row
    before this one.
    """

    wait: float
    probe: datetime | None
    failures: int


def admit(engine: Engine, service: Service, *, patience: float, lease: float, places: int = 1) -> Admission:
    """Take a place among the calls of this service, or several, at most `patience` seconds from now.

    A trial call that says nothing within `lease` seconds is taken for dead; the next call is the trial then.

    Raises:
        BreakerOpenError: the service is given a rest.
        RateLimitedError: the next free place is further away than `patience`.
        QuotaUnknownError: the database cannot tell.
    """
    values = {
        "service": service.name,
        "calls": [limit.calls for limit in service.limits],
        "windows": [limit.seconds for limit in service.limits],
        "patience": max(0.0, patience),
        "lease": lease,
        "places": places,
    }
    try:
        with _autocommit(engine).connect() as connection:
            row = connection.execute(_ADMIT, values).one()
    except (SQLAlchemyError, DatabaseError) as error:
        message = f"not called, because its quota cannot be counted: {error_in_words(error)}"
        raise QuotaUnknownError(service.name, message) from None
    if row.verdict != "go":
        raise _refusal(service, row)
    return Admission(row.wait, row.probe, row.failures)


class Places(threading.local):
    """What a thread has left of the places that it took together, for its questions in a row."""

    _left: int = 0
    _taken: int = 1  # the last time
    _until: float = 0.0  # by time.monotonic()

    def admit(
        self, engine: Engine, service: Service, *, question: bool, patience: float, lease: float
    ) -> Admission:
        """Give a place as `admit` does, or one that is left; a question may take several.

        Twice as many each time that all were used, up to the service's `places_at_once`, and as many as were
        used where some had to be given up. Several are taken only where they are free at once.
        """
        late = time.monotonic() - self._until
        if question and self._left and late < 0:
            self._left -= 1
            return Admission(0.0, None, 0)
        taken = 1
        if question and late < service.places_kept:
            used = self._taken - self._left
            taken = min(2 * used if late < 0 else max(used, 1), service.places_at_once)
        if taken > 1:
            try:
                admission = admit(engine, service, patience=0.0, lease=lease, places=taken)
            except RateLimitedError:
                taken = 1
        if taken == 1:
            admission = admit(engine, service, patience=patience, lease=lease)
        if question:
            self._taken = taken
            # A trial call is alone: whether there will be others is what it finds out.
            self._left = 0 if admission.probe or admission.failures else taken - 1
            self._until = time.monotonic() + admission.wait + service.places_kept
        return admission

    def forget(self) -> None:
        """Use none of those that are left."""
        self._left = 0


def hold(engine: Engine, service: Service, seconds: float) -> None:
    """Let nobody call for so long, an hour at most: the service asked for it. A failure is logged."""
    _write(engine, service, _HOLD, {"seconds": min(seconds, LONGEST_HOLD)})


def note_answer(engine: Engine, service: Service, admission: Admission) -> None:
    """The service works: its failures are forgotten. A failure to note it is logged."""
    if admission.failures or admission.probe:
        _write(engine, service, _NOTE, _outcome(service, admission, None))


def note_failure(engine: Engine, service: Service, admission: Admission, message: str) -> bool:
    """Count a failed attempt; True when that opened the breaker. A failure to note it is logged."""
    return _write(engine, service, _NOTE, _outcome(service, admission, message))


def _outcome(service: Service, admission: Admission, failure: str | None) -> dict[str, Any]:
    return {
        "probe": admission.probe,
        "failure": failure,
        "threshold": service.breaker.threshold,
        "recovery": service.breaker.recovery,
    }


def _refusal(service: Service, row: Row[Any]) -> BreakerOpenError | RateLimitedError:
    if row.verdict == "full":
        quota = ", ".join(f"{limit.calls} in {limit.seconds:g} s" for limit in service.limits)
        return RateLimitedError(
            service.name, f"not called, the quota of {quota} is used up", retry_after=row.wait
        )
    if row.verdict == "held":
        return RateLimitedError(service.name, "not called, it asked for a pause", retry_after=row.wait)
    message = f"not called, {row.failures} attempts in a row failed"
    if row.verdict == "probing":
        message += " and a trial call is under way"
    return BreakerOpenError(service.name, f"{message} (the latest: {row.last_failure})", retry_after=row.wait)


def _write(engine: Engine, service: Service, statement: TextClause, values: dict[str, Any]) -> bool:
    """Write about a call that is over. Its answer, or its error, counts for more than the note."""
    try:
        with _autocommit(engine).connect() as connection:
            return bool(connection.execute(statement, {"service": service.name, **values}).scalar())
    except (SQLAlchemyError, DatabaseError) as error:
        logger.warning("The state of %s could not be noted: %s", service.name, error_in_words(error))
        return False


def _autocommit(engine: Engine) -> Engine:
    # One statement is one transaction: fewer round trips, and no lock outlives a caller that stalls.
    return engine.execution_options(isolation_level="AUTOCOMMIT")
