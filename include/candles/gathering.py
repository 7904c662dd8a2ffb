"""Gathering what symbols, filled side by side, ask of the store, so that it is done for many at once."""

import asyncio
import logging
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Self, TypeVar

import psycopg
from sqlalchemy.exc import DBAPIError

logger = logging.getLogger(__name__)

Request = TypeVar("Request")
Answer = TypeVar("Answer")

GATHERED_CANDLES = 20_000  # that wait; more are not waited for
GATHER = timedelta(seconds=0.1)  # likewise
# Classes of SQL states: data, constraints, a transaction that was given up for another one.
ONE_AT_FAULT = ("22", "23", "40")


@dataclass
class _Waiting:
    group: Hashable
    do: Callable[[Sequence[Any]], Sequence[Any]]
    request: Any
    answer: asyncio.Future[Any]


class Gathering:
    """What is asked waits until all who may ask do, for a moment, or until there is much; then all is done.

    All happens in the thread of the event loop, which stands still meanwhile. A context manager: at its end
    what waits is done, also when the collection was stopped; what came of an outside call is not lost.
    """

    def __init__(self, gather: timedelta = GATHER):
        """Take for how long a request may wait for others."""
        self._members = 0
        self._seconds = gather.total_seconds()
        self._waiting: list[_Waiting] = []
        self._candles = 0
        self._handle: asyncio.TimerHandle | None = None
        self._is_due = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._do_all()

    def join(self, members: int) -> None:
        """So many more may ask, each one thing at a time."""
        self._members += members

    def leave(self) -> None:
        """One member asks nothing any more."""
        self._members -= 1
        self._do_if_due()

    async def ask(
        self,
        group: Hashable,
        do: Callable[[Sequence[Request]], Sequence[Answer]],
        request: Request,
        *,
        candles: int = 0,
    ) -> Answer:
        """Have this request and others of its group done by one call of `do`, which gives an answer for each.

        All members of a group hand over the same `do`, and it is one transaction: what the database refuses
        for one request is done again for each by itself, and raised to the one at fault. `candles`: how many
        are held in memory meanwhile.
        """
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(group, do, request, answer))
        self._candles += candles
        self._do_if_due()
        return await answer

    def _do_if_due(self) -> None:
        if not self._waiting:
            return
        due = len(self._waiting) >= self._members or self._candles >= GATHERED_CANDLES
        if due and not self._is_due:
            self._schedule(0.0)
        elif self._handle is None:
            self._schedule(self._seconds)
        self._is_due |= due

    def _schedule(self, seconds: float) -> None:
        """Do all after so long; never at once, so that those who waited go on in their order."""
        if self._handle is not None:
            self._handle.cancel()
        self._handle = asyncio.get_running_loop().call_later(seconds, self._do_all)

    def _do_all(self) -> None:
        waiting, self._waiting, self._candles = self._waiting, [], 0
        self._handle, self._is_due = None, False
        groups: dict[Hashable, list[_Waiting]] = {}
        for one in waiting:
            groups.setdefault(one.group, []).append(one)
        for some in groups.values():
            _do(some)


def _do(some: Sequence[_Waiting]) -> None:
    try:
        answers = some[0].do([one.request for one in some])
    except Exception as error:
        if len(some) > 1 and _is_of_one(error):
            for one in some:
                _do([one])
            return
        for one in some:
            if one.answer.done():
                logger.error("not stored at the end of a collection that was stopped: %s", error)
            else:
                one.answer.set_exception(error)
        return
    for one, answer in zip(some, answers, strict=True):
        if not one.answer.done():
            one.answer.set_result(answer)


def _is_of_one(error: Exception) -> bool:
    """Say whether one request may be at fault, and not the database for all of them."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    refused = isinstance(cause, psycopg.Error) and (cause.sqlstate or "")[:2] in ONE_AT_FAULT
    return refused or isinstance(cause, ValueError)  # a frame that is none
