"""What a channel says of a report that it took."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sent:
    """To whom a report went, what the service said, and how it names what it took."""

    sent_to: str
    response: str
    reference: Mapping[str, str] = field(default_factory=dict)


class NotTakenError(Exception):
    """A channel cannot take a report as things are; the message says what to mend."""
