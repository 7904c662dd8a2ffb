"""What a call to an outside service can fail with: one family, so that one `except` catches it.

ServiceError
├── RequestRefusedError       the service says no to this call, and will again
├── RateLimitedError          the quota is used up, or the service asked for a pause
├── ServiceUnavailableError   it does not work: 5xx, time-outs, broken connections
├── BadAnswerError            it answered, but not with what was asked for
├── BreakerOpenError          nothing was sent: it failed so often that it is given a rest
└── QuotaUnknownError         nothing was sent: our own database cannot count the call
"""

from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal, Self


class ServiceError(Exception):
    """A call to an outside service failed. `str()` is a sentence for people and holds no secret.

    Attributes:
        outcome: the kind of failure in one word, for statistics.
        shared_cause: what many calls fail of at once: the service, or the database; None: this call alone.
        service: the name of the service.
        message: what happened, in words, without the name of the service.
        status: the HTTP status, None where there was no answer.
        retry_after: seconds after which another call makes sense, None where nobody knows.
        transient: whether the same call may succeed in a moment.
        may_have_run: whether the service may have carried out the request.
    """

    outcome: ClassVar[str] = "error"
    shared_cause: ClassVar[Literal["service", "database"] | None] = None

    def __init__(
        self,
        service: str,
        message: str,
        status: int | None = None,
        retry_after: float | None = None,
        transient: bool = False,
        may_have_run: bool = False,
    ) -> None:
        # All of it goes to `args`, so that the exception survives pickling between processes.
        super().__init__(service, message, status, retry_after, transient, may_have_run)
        self.service = service
        self.message = message
        self.status = status
        self.retry_after = retry_after
        self.transient = transient
        self.may_have_run = may_have_run

    def with_message(self, message: str) -> Self:
        """The same failure with another message."""
        return type(self)(
            self.service, message, self.status, self.retry_after, self.transient, self.may_have_run
        )

    def __str__(self) -> str:
        if self.retry_after is None:
            return f"{self.service}: {self.message}"
        # Nobody plans further than a year ahead, and datetime ends in the year 9999.
        seconds = min(self.retry_after, 366 * 86400.0)
        back = datetime.now(UTC) + timedelta(seconds=seconds)
        return (
            f"{self.service}: {self.message}; try again in {seconds:.0f} s, after {back:%Y-%m-%d %H:%M:%S}Z"
        )


class RequestRefusedError(ServiceError):
    """The service will not answer this call, now or later: a bad request, key or plan, an unknown thing."""

    outcome = "refused"


class RateLimitedError(ServiceError):
    """The quota is used up for longer than this call may wait."""

    outcome = "rate_limited"
    shared_cause = "service"


class ServiceUnavailableError(ServiceError):
    """The service does not work: 5xx, time-outs, broken connections, after all retries."""

    outcome = "unavailable"
    shared_cause = "service"


class BadAnswerError(ServiceError):
    """The service answered, but not with the JSON that was asked for."""

    outcome = "bad_answer"
    shared_cause = "service"


class BreakerOpenError(ServiceError):
    """The service failed so often that it is not called for a while. Nothing was sent."""

    outcome = "breaker_open"
    shared_cause = "service"


class QuotaUnknownError(ServiceError):
    """The database that keeps quota and breaker does not answer, so nothing was sent.

    A call that nobody counts could break a quota that all share, and the product cannot work without its
    database anyway.
    """

    outcome = "quota_unknown"
    shared_cause = "database"
