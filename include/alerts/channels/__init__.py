"""The channels through which people are notified: one file a channel, and one line a channel in `CHANNELS`.

A file bears the name of its channel and declares it as `CHANNEL`: its connection, what that must hold, how it
is opened, and whether people or machines read it. An open channel has `send(message)`, which answers
with what the service said, and raises ChannelError when the message did not arrive. Nothing here retries for
long: what did not arrive waits in the database. What has no line here nobody knows: not the settings, not the
rules, not the delivery.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING

from include.alerts.channels.channel import (
    MENDING_PAUSE,
    Channel,
    ChannelError,
    ChannelKind,
    Receipt,
    StoredConnection,
)
from include.http import ServiceError

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = [
    "CHANNELS",
    "Channel",
    "ChannelError",
    "ChannelKind",
    "Receipt",
    "StoredConnection",
    "UnknownChannelError",
    "check_channel_names",
    "find_channel",
    "open_channels",
]

CHANNELS = (
    "slack",
    "email",
    "pagerduty",
    "webhook",
)


class UnknownChannelError(ValueError):
    """Nobody knows a channel of this name; the message names those that there are."""


def check_channel_names(names: Iterable[str]) -> None:
    """See that all names are those of channels. Raises UnknownChannelError."""
    for name in names:
        if name not in CHANNELS:
            close = get_close_matches(name.lower(), CHANNELS, n=1)
            hint = f"; did you mean {close[0]}?" if close else ";"
            raise UnknownChannelError(f"unknown channel {name!r}{hint} known: {', '.join(CHANNELS)}")


def find_channel(name: str) -> ChannelKind:
    """Find what is declared of a channel. Raises UnknownChannelError."""
    check_channel_names([name])
    declared: ChannelKind = import_module(f"{__name__}.{name}").CHANNEL
    return declared


@contextmanager
def open_channels(
    engine: "Engine", read_connection: Callable[[str], StoredConnection | None]
) -> Iterator[Callable[[str], Channel]]:
    """Give a function that opens the channel of a name, each once, when it is first needed.

    It raises ChannelError, in words, when the channel is unknown, or its connection is missing or cannot be
    used. `read_connection` gives what is stored under an id; None: there is no such connection.
    """
    opened: dict[str, Channel] = {}
    with ExitStack() as stack:

        def open_channel(name: str) -> Channel:
            if name not in opened:
                opened[name] = stack.enter_context(_opened(name, engine, read_connection))
            return opened[name]

        yield open_channel


@contextmanager
def _opened(
    name: str, engine: "Engine", read_connection: Callable[[str], StoredConnection | None]
) -> Iterator[Channel]:
    with ExitStack() as stack:
        try:
            kind = find_channel(name)
        except UnknownChannelError as error:
            raise ChannelError(str(error), pause=MENDING_PAUSE) from None
        try:
            stored = read_connection(kind.connection)
            if stored is None:
                raise ChannelError(
                    f"{name}: there is no connection {kind.connection!r}; store {kind.needs}: docs/alerts.md",
                    pause=MENDING_PAUSE,
                )
            channel = stack.enter_context(kind.opened(stored, engine))
        except (ValueError, ServiceError) as error:
            message = f"{name}: the connection {kind.connection!r} cannot be used: {error}"
            raise ChannelError(message, pause=MENDING_PAUSE) from error
        yield channel
