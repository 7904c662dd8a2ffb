"""The workers over a model: who is asked about when, and when they end."""

import asyncio
from datetime import timedelta

import pytest

from include.llm.errors import ModelUnavailableError
from include.llm.workers import ITEMS_PER_WORKER, MAX_FAILURES_IN_A_ROW, WorkerPool

DOWN = ModelUnavailableError("http_500", "it is down", transient=True)
REFUSED = ModelUnavailableError("http_401", "no such key", transient=False)


class Queue:
    """Items that are taken, and the sizes that were asked for."""

    def __init__(self, count: int) -> None:
        self.items = list(range(count))
        self.asked_for: list[int] = []

    def take(self, most: int) -> list[int]:
        self.asked_for.append(most)
        taken, self.items = self.items[:most], self.items[most:]
        return taken


def work_off(pool: WorkerPool[int], ask, works=None) -> list[int]:
    """Work off all there is; give what was not tried."""

    async def run() -> list[int]:
        if await pool.has_work():
            await pool.work_off(ask, works)
        return await pool.untried()

    return asyncio.run(run())


def pool_over(queue: Queue, workers: int = 4, limit: int = 1000, **options) -> WorkerPool[int]:
    return WorkerPool(queue.take, workers=workers, limit=limit, **options)


def test_each_item_is_asked_about_once_and_no_more_at_once_than_allowed():
    queue, asked, under_way, most = Queue(50), [], 0, 0

    async def ask(item: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001)
        under_way -= 1
        asked.append(item)

    pool = pool_over(queue)
    assert work_off(pool, ask) == []
    assert sorted(asked) == list(range(50))
    assert most == 4
    assert (pool.stopped, set(queue.asked_for)) == (None, {4 * ITEMS_PER_WORKER})


def test_no_more_is_taken_than_the_limit_allows():
    queue, asked = Queue(50), []

    async def ask(item: int) -> None:
        asked.append(item)

    assert work_off(pool_over(queue, limit=18), ask) == []
    assert (sorted(asked), queue.asked_for) == (list(range(18)), [16, 2])


def test_until_the_model_works_it_is_asked_one_at_a_time():
    queue, asked, together = Queue(20), [], False

    async def ask(item: int) -> None:
        nonlocal together
        asked.append(item)
        before = len(asked)
        await asyncio.sleep(0.001)
        together = together or len(asked) > before
        assert together == (len(asked) > 3)

    assert work_off(pool_over(queue), ask, lambda: len(asked) >= 3) == []
    assert together


@pytest.mark.parametrize("failure", [DOWN, REFUSED], ids=["down", "refused"])
def test_a_model_that_fails_the_first_question_is_asked_no_other(failure):
    async def ask(_: int) -> ModelUnavailableError:
        return failure

    pool = pool_over(Queue(100))
    assert work_off(pool, ask, lambda: True) == list(range(1, 4 * ITEMS_PER_WORKER))
    assert (pool.stopped, pool.transient) == (str(failure), failure.transient)


def test_failures_in_a_row_end_it_and_those_between_answers_do_not():
    calls = 0

    async def ask(item: int) -> ModelUnavailableError | None:
        nonlocal calls
        calls += 1
        return DOWN if item >= 30 or item % 2 else None

    pool = pool_over(Queue(100), workers=1)
    untried = work_off(pool, ask)
    assert calls == 29 + MAX_FAILURES_IN_A_ROW
    assert pool.stopped == str(DOWN)
    assert untried[:1] == [calls]


def test_one_refusal_ends_it():
    async def ask(item: int) -> ModelUnavailableError | None:
        return REFUSED if item == 5 else None

    pool = pool_over(Queue(100), workers=1)
    assert work_off(pool, ask)[:1] == [6]
    assert not pool.transient


def test_nothing_is_begun_when_the_time_is_up():
    async def ask(_: int) -> None:
        await asyncio.sleep(0.06)

    queue = Queue(10)
    late = pool_over(queue, working_time=timedelta(0))
    assert (work_off(late, ask), late.stopped, queue.asked_for) == ([], "its time was up", [])
    soon = pool_over(queue, working_time=timedelta(seconds=0.05))
    assert (work_off(soon, ask), soon.stopped) == ([4, 5, 6, 7, 8, 9], "its time was up")


@pytest.mark.parametrize("where", ["ask", "take"])
def test_what_is_raised_ends_all_workers(where):
    def take(most: int) -> list[int]:
        if where == "take":
            raise LookupError("the database is away")
        return list(range(most))

    async def ask(item: int) -> None:
        if item == 2:
            raise LookupError("the database is away")
        await asyncio.sleep(60)

    pool = WorkerPool(take, workers=4, limit=100)
    with pytest.raises(LookupError, match="the database is away"):
        work_off(pool, ask)
