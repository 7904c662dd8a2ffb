"""What a call to an outside service can fail with: one family, so that one `except` catches it."""

from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal, Self


class ServiceError(Exception):
    """A call to an outside service failed. `str()` is a sentence for people and holds no secret.

    Attributes:
        outcome: the kind of failure in one word, for statistics.
        shared_cause: what many calls fail of at once: the service, or the database; None: this call alone.
        service: the name of the service.
        status: the HTTP status, None where there was no answer.
        retry_after: seconds after which another call makes sense, None where nobody knows.
        passing: whether the same call may succeed in a moment.
        acted: whether the service may have carried out the request.
    """

    outcome: ClassVar[str] = "error"
    shared_cause: ClassVar[Literal["service", "database"] | None] = None

    def __init__(
        self,
        service: str,
        words: str,
        status: int | None = None,
        retry_after: float | None = None,
        passing: bool = False,
        acted: bool = False,
    ) -> None:
        # All of it goes to `args`, so that the exception survives pickling between processes.
        super().__init__(service, words, status, retry_after, passing, acted)
        self.service = service
        self.words = words
        self.status = status
        self.retry_after = retry_after
        self.passing = passing
        self.acted = acted

    def with_words(self, words: str) -> Self:
        """The same failure in other words."""
        return type(self)(self.service, words, self.status, self.retry_after, self.passing, self.acted)

    def __str__(self) -> str:
        if self.retry_after is None:
            return f"{self.service}: {self.words}"
        # Nobody plans further than a year ahead, and datetime ends in the year 9999.
        seconds = min(self.retry_after, 366 * 86400.0)
        back = datetime.now(UTC) + timedelta(seconds=seconds)
        return f"{self.service}: {self.words}; try again in {seconds:.0f} s, after {back:%Y-%m-%d %H:%M:%S}Z"


class Refused(ServiceError):
    """The service will not answer this call, now or later: a bad request, key or plan, an unknown thing."""

    outcome = "refused"


class RateLimited(ServiceError):
    """The quota is used up for longer than this call may wait."""

    outcome = "rate_limited"
    shared_cause = "service"


class Unavailable(ServiceError):
    """The service does not work: 5xx, time-outs, broken connections, after all retries."""

    outcome = "unavailable"
    shared_cause = "service"


class BadAnswer(ServiceError):
    """The service answered, but not with the JSON that was asked for."""

    outcome = "bad_answer"
    shared_cause = "service"


class BreakerOpen(ServiceError):
    """The service failed so often that it is not called for a while. Nothing was sent."""

    outcome = "breaker_open"
    shared_cause = "service"


class QuotaUnknown(ServiceError):
    """The database that keeps quota and breaker does not answer, so nothing was sent.

    A call that nobody counts could break a quota that all share, and the product cannot work without its
    database anyway.
    """

    outcome = "quota_unknown"
    shared_cause = "database"
