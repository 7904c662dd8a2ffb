"""What the sandbox was asked and what it received: bounded lists, newest last."""

import re
from collections import deque
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import QueryParams

SECRET_NAME = re.compile(r"key|token|secret|passw|signature|auth", re.IGNORECASE)
SLACK_TOKEN = re.compile(r"^(/slack/services)/.*")
HIDDEN = "***"


class Log:
    """Entries by service. The oldest entries beyond `size` are dropped, but still counted."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: dict[str, deque[dict[str, Any]]] = {}
        self._counts: dict[str, int] = {}

    def append(self, service: str, **entry: Any) -> dict[str, Any]:
        """Add an entry, stamped with the time (`at`, UTC), and return it: it may be completed later."""
        stamped = {"at": datetime.now(UTC).isoformat(), **entry}
        self._entries.setdefault(service, deque(maxlen=self._size)).append(stamped)
        self._counts[service] = self._counts.get(service, 0) + 1
        return stamped

    def count(self, service: str) -> int:
        """How many entries were added since the last clearing."""
        return self._counts.get(service, 0)

    def entries(self, service: str) -> list[dict[str, Any]]:
        """The entries still kept, newest last."""
        return list(self._entries.get(service, ()))

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._counts.clear()


def hide_secrets(path: str, query: QueryParams) -> tuple[str, list[list[str]]]:
    """Path and query pairs as they may be shown: keys, tokens and webhook addresses are masked."""
    shown = [[name, HIDDEN if SECRET_NAME.search(name) else value] for name, value in query.multi_items()]
    return SLACK_TOKEN.sub(rf"\1/{HIDDEN}", path), shown
