"""Asking the sources of one collection, each in threads of its own, so that none waits for another.

A question runs in a thread of its source. All the rest, here and in who asks, runs in one thread, that of the
event loop: no lock is needed, and who comes first never decides what comes of it. See decision 0017.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar

from include.candles.case import breakdowns_of
from include.candles.sources import Fetched, Offer, Source, SourceError, UnknownSymbolError
from include.http.deadline import stopped_by

Answer = TypeVar("Answer")

MAX_FAILURES = 3  # in a row, after which a source is asked whether it works at all


class NotAskedError(Exception):
    """A question was not put. The message says why; `temporary`: it may be put at the next collection."""

    def __init__(self, message: str, *, temporary: bool):
        super().__init__(message)
        self.temporary = temporary


class AskedSource:
    """One source of a collection. A context manager: at its end no question is under way any more.

    Questions are put in the order in which they come. What the source has of a symbol is asked beside the
    candles, one thing at a time: so nobody waits for candles of others to learn that it does not know a
    symbol. Candles are asked for one thing at a time until the source has answered, then `at_once`; a local
    source, which costs this machine's own work and memory, always one thing at a time.

    Whether a failure is the source's or the symbol's own no other symbol's failure can tell. So after
    MAX_FAILURES in a row the source is asked the cheapest question there is. If that fails too, or after a
    failure for good, the source is left alone; otherwise it is asked on. What it has and its candles count
    each for itself: who needs none of its candles is told nothing of how those fare.

    Attributes:
        source: the source.
        has_answered: it gave an answer, be it that it has no candles.
        was_spared: somebody did not ask it, because it was given up.
    """

    def __init__(self, source: Source, at_once: int, deadline: float):
        """Take an open source.

        Args:
            source: the source.
            at_once: requests for candles that may be under way at the same time.
            deadline: by time.monotonic(); after it no question is put any more.
        """
        self.source = source
        self.name = source.name
        self._given_up: dict[str, SourceError] = {}  # kind of question -> the failure for which it is not put
        self.has_answered = False
        self.was_spared = False
        self._deadline = deadline
        self._at_once = 1 if source.local else at_once
        self._failures: Counter[str] = Counter()  # kind of question -> failures in a row
        self._stopped = threading.Event()
        self._offer_turns = asyncio.Semaphore(1)
        self._candle_turns = asyncio.Semaphore(1)
        self._offer_thread = ThreadPoolExecutor(1, f"{self.name} offers")
        self._candle_threads = self._offer_thread
        if not source.local:
            self._candle_threads = ThreadPoolExecutor(at_once, f"{self.name} candles")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        for threads in (self._offer_thread, self._candle_threads):
            threads.shutdown(wait=True, cancel_futures=True)

    @property
    def given_up(self) -> SourceError | None:
        """The failure for which it is left alone; None: it is asked."""
        return next(iter(self._given_up.values()), None)

    async def find_offers(self, symbol: str, now: datetime) -> tuple[Offer, ...]:
        """Ask what it has of a symbol. Raises UnknownSymbolError, SourceError, NotAskedError."""
        async with self._offer_turns:
            offers = await self._ask("offers", lambda: self.source.offers(symbol, now))
            self._failures["offers"] = 0
            return offers

    async def fetch(self, symbol: str, resolution: str, start: datetime, end: datetime) -> Fetched:
        """Ask for candles, as `Source.fetch` does. Raises UnknownSymbolError, SourceError, NotAskedError."""
        async with self._candle_turns:
            try:
                fetched = await self._ask(
                    "candles", lambda: self.source.fetch(symbol, resolution, start, end)
                )
            except UnknownSymbolError:
                self._note_answer()
                raise
            self._note_answer()
            return fetched

    async def _ask(self, kind: str, question: Callable[[], Answer]) -> Answer:
        threads = self._offer_thread if kind == "offers" else self._candle_threads
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, self._put, kind, question)
        except SourceError as error:
            await self._note_failure(kind, error)
            raise

    def _put(self, kind: str, question: Callable[[], Answer]) -> Answer:
        """Put a question, in a thread of the source."""
        if failure := self._given_up.get(kind):
            self.was_spared = True
            raise NotAskedError(f"left alone after it failed: {failure}", temporary=failure.temporary)
        if time.monotonic() > self._deadline:
            raise NotAskedError("the time ran out before it was asked for everything", temporary=True)
        with stopped_by(self._stopped), breakdowns_of(self.source):
            return question()

    def _note_answer(self) -> None:
        self._failures["candles"] = 0
        if not self.has_answered:
            self.has_answered = True
            # Twice as many turns as threads: the next question waits at the thread while an answer is stored.
            for _ in range(2 * self._at_once - 1):
                self._candle_turns.release()

    async def _note_failure(self, kind: str, error: SourceError) -> None:
        self._failures[kind] += 1
        if not error.temporary:
            self._given_up.setdefault(kind, error)
        elif self._failures[kind] == MAX_FAILURES:
            self._failures[kind] = 0
            try:
                await asyncio.get_running_loop().run_in_executor(
                    self._offer_thread, self._put, kind, lambda: self.source.ping()
                )
            except SourceError as failure:
                self._given_up.setdefault(kind, failure)
            except NotAskedError:
                pass  # whoever asks next is told so
