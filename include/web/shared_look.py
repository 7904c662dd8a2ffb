"""Looking at what may be away or slow, without making those who ask wait for it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

Seen = TypeVar("Seen")


class SharedLook(Generic[Seen]):
    """Looks at most once at a time and once in some seconds, whoever and however many ask.

    It has a thread of its own: threads that wait for what is away must not hold it up, nor it them.
    """

    def __init__(self, look: Callable[[], Seen], *, late: Seen, seconds: float, kept: float) -> None:
        """`late` is given while a look takes longer than `seconds`; what it found is `kept` for seconds."""
        self._look = look
        self._late = late
        self._seconds = seconds
        self._kept = kept
        self._thread = ThreadPoolExecutor(1, "look")
        self._lock = Lock()
        self._running: Future[Seen] | None = None
        self._ended = 0.0

    async def __call__(self) -> Seen:
        """Give what was found, within the seconds; `late` when it takes longer."""
        found = asyncio.wrap_future(self._begin())
        try:
            # Shielded: who gives up waiting does not end the look for the others.
            return await asyncio.wait_for(asyncio.shield(found), self._seconds)
        except TimeoutError:
            return self._late

    def _begin(self) -> "Future[Seen]":
        with self._lock:
            if self._running is None or (self._running.done() and monotonic() - self._ended > self._kept):
                self._running = self._thread.submit(self._timed)
            return self._running

    def _timed(self) -> Seen:
        try:
            return self._look()
        finally:
            self._ended = monotonic()
