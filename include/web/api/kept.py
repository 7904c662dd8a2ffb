"""Answers that were given lately stay in this process, for as long as nothing that they show has changed.

The guard's one statement says at each request in which version the caller sees trades and statistics
(`trade_versions`). An answer is kept with the version that the guard was told before it was made, so that it
is as new as that, or newer; and it is given again, by the guard, to the same caller asking for the same,
under the same version only. So no worker shows what another one does not.
"""

import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from threading import Lock
from typing import Any

from sqlalchemy import Engine

KEPT_BYTES = 32 << 20  # in one process
ENTRY_BYTES = 1000  # that an answer takes besides its body and the question: headers, version, objects


@dataclass(frozen=True)
class GivenAnswer:
    """JSON with its headers, the route that made it, until when it is true at most (`time.monotonic()`)."""

    version: str
    body: bytes
    headers: dict[str, str]
    route: Any
    until: float


class GivenAnswers:
    """The answers that were asked for last, up to `most` bytes in all. Threads share it."""

    def __init__(self, most: int = KEPT_BYTES) -> None:
        self._most = most
        self._lock = Lock()
        self._answers: OrderedDict[Hashable, GivenAnswer] = OrderedDict()
        self._size = 0

    def find(self, asked: Hashable, version: str) -> GivenAnswer | None:
        """The answer to a question, if it was made under this version; else it is forgotten."""
        with self._lock:
            kept = self._answers.get(asked)
            if kept is None:
                return None
            if kept.version != version or kept.until <= time.monotonic():
                self._forget(asked)
                return None
            self._answers.move_to_end(asked)
            return kept

    def keep(self, asked: Hashable, answer: GivenAnswer) -> None:
        """Keep an answer, and forget those that nobody asked for longest."""
        with self._lock:
            if asked in self._answers:
                self._forget(asked)
            self._answers[asked] = answer
            self._size += _size_of(asked, answer)
            while self._size > self._most:
                self._forget(next(iter(self._answers)))

    def _forget(self, asked: Hashable) -> None:
        self._size -= _size_of(asked, self._answers.pop(asked))


def _size_of(asked: Hashable, answer: GivenAnswer) -> int:
    return ENTRY_BYTES + len(str(asked)) + len(answer.body)


@dataclass(frozen=True)
class Question:
    """What is asked, by whom, and in which version the data was when it was let through; None: unknown.

    `engine` is the database that said so.
    """

    engine: Engine
    answers: GivenAnswers
    asked: Hashable
    version: str | None

    def find(self) -> GivenAnswer | None:
        """The answer that was kept, if it is still true."""
        return self.answers.find(self.asked, self.version) if self.version else None

    def keep(self, body: bytes, headers: dict[str, str], route: Any, until: float) -> None:
        """Keep the answer, if the data has a version."""
        if self.version:
            self.answers.keep(self.asked, GivenAnswer(self.version, body, headers, route, until))
