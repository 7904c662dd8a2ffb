"""More trades in one moment than Kraken gives on a page."""

from datetime import UTC, datetime, timedelta

import pytest

from include.candles.collect import collect_candles
from include.candles.sources import kraken
from tests.candles.sources.opened import opened, usable
from tests.support.candles import windows
from tests.support.http_server import Server, reply

MINUTE = timedelta(minutes=1)
START = datetime(2025, 3, 4, 4, 0, tzinfo=UTC)
END = START + 60 * MINUTE
SECOND = 1_000_000_000
BURST = (START + 30 * MINUTE + timedelta(seconds=5) - kraken.EPOCH) // timedelta(seconds=1) * SECOND + 123_456


def trades(burst):
    """A trade every ten seconds, and in the middle so many at once: `(ns, price, number)`."""
    first = (START - kraken.TRADES_LEAD - kraken.EPOCH) // timedelta(seconds=1) * SECOND
    calm = [(first + i * 10 * SECOND, "100.0") for i in range(80 * 6)]
    return [(*trade, number) for number, trade in enumerate(sorted(calm + [(BURST, "99.0")] * burst), 1)]


def answering(made, *, inclusive=False):
    """A Kraken with these trades; `inclusive` begins a page at `since` itself, so that none leads on."""

    def answer(request):
        if "Trades" not in request.path:
            return reply({"error": [], "result": {"XXBTZUSD": {"wsname": "XBT/USD"}}})
        since, count = int(request.query["since"]), int(request.query["count"])
        page = [trade for trade in made if trade[0] > since - inclusive][:count]
        rows = [[price, "0.1", ns / SECOND, "b", "m", "", number] for ns, price, number in page]
        last = str(page[-1][0] if page else since)
        return reply({"error": [], "result": {"XXBTZUSD": rows, "last": last}})

    return answer


@pytest.fixture
def exchange(database):
    with Server() as server, opened("kraken", server.url, database) as source:

        def exchange(made, **about):
            answer = answering(made, **about)
            server.answers = [lambda connection: answer(server.received[-1])(connection)]
            return source

        exchange.server = server
        yield exchange


@pytest.mark.parametrize("burst", [0, 400, 999, 1000, 1001, 1700, 2600])
def test_the_minutes_behind_a_burst_are_there(exchange, burst):
    fetched = exchange(trades(burst)).fetch("BTC", "1m", START, END)
    candles = usable(fetched, "1m")
    assert len(candles) == 60
    assert candles["low"].min() == (99 if burst else 100)
    assert fetched.reached is None
    assert len(exchange.server.received) < 10
    lost = burst - kraken.TRADES_A_PAGE
    if lost > 0:
        (problem,) = fetched.problems
        assert problem.startswith(f"{lost} of the trades at 2025-03-04 04:30:05 are missing in its minute")
    else:
        assert fetched.problems == ()


def test_a_page_that_cannot_be_passed_is_said_and_ends(exchange):
    source = exchange(trades(1500), inclusive=True)
    fetched = source.fetch("BTC", "1m", START, END)
    assert fetched.reached == START + 30 * MINUTE
    assert len(fetched.candles) == 30
    assert len(exchange.server.received) < 10
    again = source.fetch("BTC", "1m", fetched.reached, END)
    assert again.candles.empty
    assert again.problems == ("its trades could not be read past 2025-03-04 04:30",)


def test_what_lies_behind_it_is_not_noted_as_looked_at(exchange, database):
    source = exchange(trades(1500), inclusive=True)
    hour = windows(("BTC", START, END))
    collection = collect_candles(database, hour, [source], resolutions=("1m",))
    assert collection.written == 30
    assert "could not be read past 2025-03-04 04:30" in collection.missing["BTC"]
    exchange(trades(1500))  # it lets itself be passed now
    assert collect_candles(database, hour, [source], resolutions=("1m",)).written == 30


def test_pages_that_do_not_reach_the_first_minute_are_said_and_not_noted(exchange, monkeypatch):
    monkeypatch.setattr(kraken, "TRADES_A_PAGE", 10)
    monkeypatch.setattr(kraken, "MAX_PAGES", 3)
    fetched = exchange(trades(0)).fetch("BTC", "1m", START, END)
    assert fetched.reached < START
    assert "could not be read past" in fetched.problems[0]
