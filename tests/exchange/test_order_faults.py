"""The proof of `make bench order_faults`, small: every order and trade of ours ends as the exchange's."""

import threading

from sqlalchemy import event

from benchmarks.order_faults import let_run, problems, prove


class DiedError(BaseException):
    """No Exception: nothing may catch it. What was not committed is lost, as with a kill."""


def test_orders_under_faults_and_deaths_end_as_the_exchange_has_them(database, sandbox):
    def die(work, point):
        left = point

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
            return True
        finally:
            event.remove(database, "before_cursor_execute", count)
        return False

    found = prove(database, sandbox.http, orders=10, kills=4, seed=7, die=die, largest_point=60)
    assert problems(found) == {}, found
    assert found.kills == 4 and found.trades and found.faults
