"""The channels through which people are notified: one file a channel, and one line a channel in `CHANNELS`.

A file bears the name of its channel and declares it as `CHANNEL`: its connection, what that must hold, how it
is opened, and whether people or machines read it. An open channel has `send(message)`, which answers with
what the service said, and raises ChannelError when the message did not arrive. Nothing here retries for long:
what did not arrive waits in the database. A kind with `places` has channels within: `slack:#incidents` has
the connection `slack_incidents`, or that of the kind where there is none. What has no line here nobody knows:
not the settings, not the rules, not the delivery.
"""

import re
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
    Place,
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
    "own_connection",
]

CHANNELS = (
    "slack",
    "email",
    "pagerduty",
    "webhook",
)


_PLACE = re.compile(r"#[a-z0-9_-]{1,79}")


class UnknownChannelError(ValueError):
    """Nobody knows a channel of this name; the message names those that there are."""


def check_channel_names(names: Iterable[str]) -> None:
    """See that all names are those of channels. Raises UnknownChannelError."""
    for name in names:
        kind, colon, place = name.partition(":")
        if kind not in CHANNELS:
            close = get_close_matches(kind.lower(), CHANNELS, n=1)
            hint = f"; did you mean {close[0]}?" if close else ";"
            raise UnknownChannelError(f"unknown channel {name!r}{hint} known: {', '.join(CHANNELS)}")
        if colon and not _declared(kind).places:
            raise UnknownChannelError(f"{name!r}: {kind} has no channels within; write {kind}")
        if colon and not _PLACE.fullmatch(place):
            raise UnknownChannelError(f"{name!r}: write it like {kind}:#incidents, in small letters")


def find_channel(name: str) -> ChannelKind:
    """Find what is declared of a channel; `slack:#incidents` is of the kind slack.

    Raises UnknownChannelError.
    """
    check_channel_names([name])
    return _declared(name.partition(":")[0])


def own_connection(name: str) -> str | None:
    """The connection that a channel within another may have: `slack_incidents` of `slack:#incidents`."""
    kind, _, place = name.partition(":")
    return f"{kind}_{place.removeprefix('#').replace('-', '_')}" if place else None


def _declared(kind: str) -> ChannelKind:
    declared: ChannelKind = import_module(f"{__name__}.{kind}").CHANNEL
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
            used = own_connection(name) or kind.connection
            stored = read_connection(used)
            if stored is None and used != kind.connection:
                used, stored = kind.connection, read_connection(kind.connection)
            if stored is None:
                raise ChannelError(
                    f"{name}: there is no connection {used!r}; store {kind.needs}: docs/alerts.md",
                    pause=MENDING_PAUSE,
                )
            place = Place(name.partition(":")[2], own_connection(name) or "", used != kind.connection)
            opened = kind.opened(stored, engine, place) if place.name else kind.opened(stored, engine)
            channel = stack.enter_context(opened)
        except (ValueError, ServiceError) as error:
            message = f"{name}: the connection {used!r} cannot be used: {error}"
            raise ChannelError(message, pause=MENDING_PAUSE) from error
        yield channel
