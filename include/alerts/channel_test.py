"""A marked test message for a channel: does what we send there arrive, and what does it answer?"""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from include.alerts.channels import Channel, ChannelError, find_channel
from include.alerts.messages import Item, Message, one_line


def send_test_messages(
    names: Iterable[str], open_channel: Callable[[str], Channel], sent_by: str
) -> tuple[dict[str, str], dict[str, str]]:
    """Send a test message to each channel, whatever becomes of the others.

    Args:
        names: of channels, such as `email` or `slack:#incidents`.
        open_channel: gives the channel of a name; raises ChannelError when it cannot be used.
        sent_by: who tries them.

    Returns:
        What each channel answered, and why the others took no message; by name.
    """
    answered: dict[str, str] = {}
    failed: dict[str, str] = {}
    for name in names:
        message = _message(name, sent_by)
        try:
            channel = open_channel(name)
            receipt = channel.send(message)
            if find_channel(name).incidents:  # nobody has to close the incident of a test
                channel.send(_ended(message))
        except ChannelError as error:
            failed[name] = str(error)
        else:
            answered[name] = receipt.response
    return answered, failed


def _message(name: str, sent_by: str) -> Message:
    title = f"Test message for {name}"
    item = Item(
        fingerprint=f"test/{name}",
        status="Test",
        title=title,
        severity="info",
        owner="platform",
        counted=1,
        facts=(
            ("Sent by", one_line(sent_by, 100)),
            ("Why", "Somebody tries this channel. Nothing is wrong."),
        ),
        quote=None,
        next_step=None,
        link=None,
        runbook=None,
        ended=False,
        acknowledged=False,
        labels={"test": "true"},
        notices=(),
    )
    return Message(
        id=uuid.uuid4(),
        kind="test",
        subject=f"test/{name}",
        severity="info",
        headline=f"TEST: {title}",
        items=(item,),
        counted=1,
        opened_at=datetime.now(UTC),
        reference={},
    )


def _ended(message: Message) -> Message:
    items = tuple(replace(item, ended=True, status="Resolved") for item in message.items)
    return replace(message, id=uuid.uuid4(), kind="ended", items=items)
