"""Places in the quota that questions in a row take together."""

import pytest
from sqlalchemy import event, text

from include.http import Breaker, BreakerOpenError, Limit, RateLimitedError, Retry, ServiceUnavailableError
from tests.support.http_server import reply

OK = reply([])
ONCE = Retry(attempts=1, budget=5.0)


def test_questions_in_a_row_take_their_places_together_and_the_quota_holds(database, server, client_of):
    """20 questions: 1, 2, 4, 8 and 16 places, of which 11 are left; a POST takes one of its own."""
    server.answers, asked = [OK], []

    def count(_connection, _cursor, statement, *_):
        asked.append("http_admit" in statement)

    client = client_of(limits=(Limit(40, 600.0),), places_at_once=16, places_kept=600.0, retry=ONCE)
    event.listen(database, "before_cursor_execute", count)
    try:
        for number in range(20):
            client.get_json("/question")
            if number == 9:
                client.post_json("/order", {})
    finally:
        event.remove(database, "before_cursor_execute", count)
    assert sum(asked) == 5 + 1
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM http_calls")).scalar_one() == 31 + 1
    for _ in range(11):
        client.get_json("/question")
    for _ in range(8):  # 16 more are not there, and are taken one by one
        client.get_json("/question")
    with pytest.raises(RateLimitedError, match="used up"):
        client.get_json("/question")
    assert len(server.received) == 40


def test_after_a_failure_no_place_is_left(server, client_of):
    server.answers = [OK, OK, OK, OK, reply({}, status=500)]
    client = client_of(
        places_at_once=16, places_kept=600.0, retry=ONCE, breaker=Breaker(threshold=1, recovery=60.0)
    )
    for _ in range(4):
        client.get_json("/question")
    with pytest.raises(ServiceUnavailableError):
        client.get_json("/question")
    with pytest.raises(BreakerOpenError):
        client.get_json("/question")
