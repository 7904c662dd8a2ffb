"""The proof of `make bench order_faults`, small: every order and trade of ours ends as the exchange's."""

import threading
from datetime import timedelta

from sqlalchemy import event

from benchmarks.order_faults import let_run, problems, prove


class DiedError(BaseException):
    """No Exception: nothing may catch it. What was not committed is lost, as with a kill."""


def test_orders_under_faults_and_deaths_end_as_the_exchange_has_them(database, sandbox):
    def step(works, random, deadly):
        """One of the two at a time, in this process: which, and at which statement it dies, is seeded."""
        submit, compare = works
        work = random.choice((submit, submit, compare))
        left = round(60 ** random.random()) if deadly else 0

        def count(*_):
            nonlocal left
            if threading.current_thread() is threading.main_thread():  # telemetry writes in another
                left -= 1
                if left == 0:
                    raise DiedError

        event.listen(database, "before_cursor_execute", count)
        try:
            let_run(work, database)
        except DiedError:
            return 1
        finally:
            event.remove(database, "before_cursor_execute", count)
        return 0

    found = prove(database, sandbox.http, orders=10, kills=4, seed=7, step=step, not_found_after=timedelta(0))
    assert problems(found) == {}, found
    assert found.kills == 4 and found.trades and found.faults
