"""Workers over a language model: items taken in portions, as many questions at once as are allowed.

Whoever has the questions says how the next items are taken and how one of them is asked about, and writes
down what became of it. The pool knows when to end: nothing is left, the model is down, or the time is up.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    from include.llm.errors import ModelUnavailableError

Item = TypeVar("Item")

# After so many failures of the service in a row it counts as down, and the rest waits.
MAX_FAILURES_IN_A_ROW = 10
# Items of each worker that are taken at a time. Together with the next portion they are done, or given back,
# before a lease of theirs lapses, even if each question takes its whole time, twice.
ITEMS_PER_WORKER = 4


class WorkerPool(Generic[Item]):
    """Workers that ask about items until nothing is left, the model is down or the time is up.

    `take` gives up to so many items, in another thread; none: there are no more. `limit` bounds what is
    taken, `working_time` when the last question is begun.

    Attributes:
        stopped: why it ended before its work did, in words; None: it did not.
        transient: whether a try in a few minutes may help, when it was stopped.
    """

    def __init__(
        self,
        take: Callable[[int], list[Item]],
        *,
        workers: int,
        limit: int,
        working_time: timedelta | None = None,
    ) -> None:
        self._take = take
        self._workers = workers
        self._left = limit
        self._until = None if working_time is None else time.monotonic() + working_time.total_seconds()
        self._failures_in_a_row = 0
        self._first: Item | None = None  # what has_work has found
        self._ready: list[Item] = []
        self._portion: asyncio.Task[list[Item]] | None = None  # the next ones, being taken
        self._taking = asyncio.Lock()
        self.stopped: str | None = None
        self.transient = True

    async def has_work(self) -> bool:
        """Whether there is something to ask: a client for the model takes its time to make."""
        self._first = await self._next()
        return self._first is not None

    async def work_off(
        self,
        ask: Callable[[Item], Awaitable[ModelUnavailableError | None]],
        works: Callable[[], bool] | None = None,
    ) -> None:
        """Ask about each item.

        `ask` gives the failure of the service, if that is what came of it. With `works`, which says whether
        the model has shown that it works, it is asked one at a time until it has: a model that is down, or
        refuses everybody, is found out with one question. What `ask` and `take` raise ends all workers.
        """
        if works is None or await self._begin_alone(ask, works):
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(self._workers):
                        group.create_task(self._work(ask))
            except BaseExceptionGroup as errors:
                raise errors.exceptions[0] from None  # the one that ended the others says why

    async def untried(self) -> list[Item]:
        """Give what was taken and not asked about, once."""
        if self._portion:
            self._ready += await self._portion
            self._portion = None
        untried = self._ready if self._first is None else [self._first, *self._ready]
        self._first, self._ready = None, []
        return untried

    async def _begin_alone(
        self, ask: Callable[[Item], Awaitable[ModelUnavailableError | None]], works: Callable[[], bool]
    ) -> bool:
        while (item := await self._next()) is not None:
            if failure := await ask(item):
                self._stop(failure)
                return False
            if works():
                return True
        return False

    async def _work(self, ask: Callable[[Item], Awaitable[ModelUnavailableError | None]]) -> None:
        while self.stopped is None and (item := await self._next()) is not None:
            failure = await ask(item)
            if failure is None:
                self._failures_in_a_row = 0
                continue
            self._failures_in_a_row += 1
            if not failure.transient or self._failures_in_a_row >= MAX_FAILURES_IN_A_ROW:
                self._stop(failure)

    def _stop(self, failure: ModelUnavailableError) -> None:
        self.stopped = str(failure)
        self.transient = failure.transient

    async def _next(self) -> Item | None:
        """Hand out an item; None when there is none left, or none shall be begun any more."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        if self._until is not None and time.monotonic() >= self._until and self.stopped is None:
            self.stopped = "its time was up"
            return None
        async with self._taking:
            if not self._ready:
                self._ready = await (self._portion or self._take_portion())
                self._portion = None
            item = self._ready.pop(0) if self._ready else None
            if self._portion is None and len(self._ready) == self._workers:
                # While the workers ask about these, so that none of them waits for the next.
                self._portion = asyncio.create_task(self._take_portion())
            return item

    async def _take_portion(self) -> list[Item]:
        if not self._left or self.stopped is not None:
            return []
        portion = await asyncio.to_thread(self._take, min(ITEMS_PER_WORKER * self._workers, self._left))
        self._left = self._left - len(portion) if portion else 0
        return portion
