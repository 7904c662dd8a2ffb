"""`/health`: one word for load balancers and monitors. Anybody may ask, so a flood must cost nothing."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from time import monotonic

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from include.probes.probe import Status

ANSWER_SECONDS = 1.5  # after which the database counts as down
KEPT_SECONDS = 1.0  # for which a look answers whoever asks


class SharedLook:
    """Looks at most once at a time and once a second, whoever and however many ask.

    It has a thread of its own: threads that wait for a database that is away must not hold it up.
    """

    def __init__(self, look: Callable[[], Status], *, seconds: float, kept: float) -> None:
        self._look = look
        self._seconds = seconds
        self._kept = kept
        self._thread = ThreadPoolExecutor(1, "health")
        self._lock = Lock()
        self._running: Future[Status] | None = None
        self._ended = 0.0

    async def __call__(self) -> Status:
        """Give what was found, within the seconds; `down` when it takes longer."""
        found = asyncio.wrap_future(self._begin())
        try:
            # Shielded: who gives up waiting does not end the look for the others.
            return await asyncio.wait_for(asyncio.shield(found), self._seconds)
        except TimeoutError:
            return "down"

    def _begin(self) -> "Future[Status]":
        with self._lock:
            if self._running is None or (self._running.done() and monotonic() - self._ended > self._kept):
                self._running = self._thread.submit(self._timed)
            return self._running

    def _timed(self) -> Status:
        try:
            return self._look()
        finally:
            self._ended = monotonic()


def health(
    look: Callable[[], Status], *, seconds: float = ANSWER_SECONDS, kept: float = KEPT_SECONDS
) -> APIRouter:
    """Make the route `/health`, which answers within `seconds`."""
    router = APIRouter()
    shared = SharedLook(look, seconds=seconds, kept=kept)

    @router.get("/health")
    async def show_health() -> JSONResponse:
        word = await shared()
        return JSONResponse({"status": word}, 503 if word == "down" else 200)

    return router
