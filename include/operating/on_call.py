"""Who is on call: the settings name people in their turn, each has a week."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from include.settings import Settings

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class OnCall:
    """Somebody's week; `until` is a Monday, 0:00 UTC. `contact` is None where the settings have none."""

    name: str
    contact: str | None
    until: datetime
    next_name: str

    @property
    def words(self) -> str:
        """`ann (+49 30 1234)`."""
        return f"{self.name} ({self.contact})" if self.contact else self.name


def find_on_call(settings: Settings, at: datetime) -> OnCall | None:
    """Find who is on call at a moment (tz-aware); None: the settings name nobody.

    Weeks before `on_call_since` go round backwards in the same order.
    """
    if not settings.on_call:
        return None
    began = datetime.combine(settings.on_call_since, time(), UTC)
    week = (at - began) // WEEK
    name = settings.on_call[week % len(settings.on_call)]
    return OnCall(
        name,
        settings.contacts.get(name),
        began + (week + 1) * WEEK,
        settings.on_call[(week + 1) % len(settings.on_call)],
    )
