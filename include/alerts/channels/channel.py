"""What all channels have in common."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from include.alerts.messages import Message
from include.http import ServiceError
from include.settings import Endpoint

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
    """One way to notify people, ready to send."""

    def send(self, message: Message) -> Receipt:
        """Send the message; raises ChannelError."""
        ...


@dataclass(frozen=True)
class StoredConnection:
    """What an operator has stored of a service: Airflow's connection, without Airflow.

    `base_url` is the host as a URL, with the port; empty where no host is stored.
    """

    base_url: str
    secret: str | None = field(default=None, repr=False)
    host: str = ""
    port: int | None = None
    login: str | None = None
    read_extra: Callable[[], Mapping[str, Any]] = dict  # raises ValueError where it is no JSON

    @property
    def extra(self) -> Mapping[str, Any]:
        """Further options. Read when asked for: a broken extra that nobody needs stops no message."""
        return self.read_extra()

    @property
    def endpoint(self) -> Endpoint:
        """Address and key, as include.http takes them."""
        return Endpoint(self.base_url, self.secret)


@dataclass(frozen=True)
class Place:
    """A channel within another, such as `#incidents` in Slack.

    Attributes:
        name: as the service knows it, `#incidents`.
        connection: the connection that it may have of its own.
        own: whether it has; else it is opened from the connection of the kind.
    """

    name: str
    connection: str
    own: bool


@dataclass(frozen=True)
class ChannelKind:
    """What the file of a channel declares of it, as `CHANNEL`.

    Attributes:
        connection: the Airflow connection that it is opened from.
        needs: what an operator must store there, in words.
        opened: opens the channel; raises ValueError, in words, where the connection lacks something. With
            `places`, a Place may follow connection and database.
        places: it has channels within, such as Slack's `#incidents`.
        for_people: people read it: messages are gathered and kept quiet. False: a machine takes each at once.
        incidents: each alert is a subject of its own, which ends on its own, whatever else is wrong.
    """

    connection: str
    needs: str
    opened: "Callable[..., AbstractContextManager[Channel]]"
    for_people: bool = False
    incidents: bool = False
    places: bool = False


@contextmanager
def service_errors() -> Iterator[None]:
    """Turn what `include.http` raises into a ChannelError.

    400, 413 and 422 speak of the message itself, which will not get better. Other refusals speak of the key
    or the address: somebody must mend the connection. The rest is transient.
    """
    try:
        yield
    except ServiceError as error:
        if error.outcome == "refused":
            final = error.status in (400, 413, 422)
            raise ChannelError(str(error), final=final, pause=MENDING_PAUSE) from error
        pause = None if error.retry_after is None else timedelta(seconds=min(error.retry_after, 3600.0))
        raise ChannelError(str(error), pause=pause) from error
