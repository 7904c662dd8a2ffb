"""What all channels have in common."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from include.alerts.messages import Message
from include.http import ServiceError

MENDING_PAUSE = timedelta(minutes=15)  # until the next try, where a person must mend the connection first


@dataclass(frozen=True)
class Receipt:
    """What the service said; `reference` is how it names the message, so that others can follow it."""

    response: str
    reference: Mapping[str, Any] = field(default_factory=dict)


class ChannelError(Exception):
    """The message did not arrive; `str()` says why, without secrets.

    Attributes:
        final: the service will never take this message.
        pause: how long to wait before another try; None: as usual.
    """

    def __init__(self, message: str, *, final: bool = False, pause: timedelta | None = None) -> None:
        super().__init__(message, final, pause)
        self.message = message
        self.final = final
        self.pause = pause

    def __str__(self) -> str:
        return self.message


class Channel(Protocol):
    """One way to tell people."""

    def send(self, message: Message) -> Receipt:
        """Send the message; raises ChannelError."""
        ...


@contextmanager
def service_errors() -> Iterator[None]:
    """Turn what `include.http` raises into a ChannelError.

    400, 413 and 422 speak of the message itself, which will not get better. Other refusals speak of the key
    or the address: somebody must mend the connection. The rest passes.
    """
    try:
        yield
    except ServiceError as error:
        if error.outcome == "refused":
            final = error.status in (400, 413, 422)
            raise ChannelError(str(error), final=final, pause=MENDING_PAUSE) from error
        pause = None if error.retry_after is None else timedelta(seconds=min(error.retry_after, 3600.0))
        raise ChannelError(str(error), pause=pause) from error
