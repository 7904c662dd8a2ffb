"""Sources and symbols side by side: how much at once, who waits for whom, how it ends, what comes of it."""

import random
import re
import signal
import threading
import time
from datetime import datetime, timedelta

import pandas as pd
import pytest
from sqlalchemy import text

from include.candles import Fetched, Offer, PingResult, SourceError
from include.candles.asking import MAX_FAILURES
from include.candles.collect import collect_candles
from include.database import connect
from include.http.deadline import CallStoppedError, wait_for
from tests.support.candles import NOW, START, minutes, windows
from tests.support.shelf import HOUR, MINUTE, Broken, Shelf

PATIENCE = 60.0  # seconds that a test waits for what must come at once


def hours_of(symbols):
    return windows(*((symbol, START, START + 60 * MINUTE) for symbol in symbols))


class Watched(Shelf):
    """Counts the questions under way; each waits for as many others as `together` says, but for the first."""

    def __init__(self, name: str, *frames, together: int = 1, **options):
        super().__init__(name, *frames, **options)
        self.barrier = threading.Barrier(together)
        self.under_way = self.most = self.answered = 0
        self.counting = threading.Lock()

    def fetch(self, symbol: str, resolution: str, start: datetime, end: datetime) -> Fetched:
        with self.counting:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            first = self.answered == 0
        try:
            if not first:
                self.barrier.wait(PATIENCE)
            return super().fetch(symbol, resolution, start, end)
        finally:
            with self.counting:
                self.under_way -= 1
                self.answered += 1


def threads_left():
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if "candles" in name or "offers" in name]


@pytest.mark.parametrize("at_once", [1, 4])
def test_as_many_requests_are_under_way_as_allowed_and_never_more(database, at_once):
    symbols = [f"COIN{number:02}" for number in range(1 + 2 * at_once)]
    source = Watched("kraken", *(minutes(60, symbol) for symbol in symbols), together=at_once)
    collection = collect_candles(database, hours_of(symbols), [source], now=NOW, at_once=at_once)
    assert (collection.written, collection.missing) == (60 * len(symbols), {})
    assert source.most == at_once
    assert source.asked[0][0] == "COIN00", "the first question goes alone"
    assert threads_left() == []


def test_sources_do_not_wait_for_each_other(database):
    kraken = [f"KRAKEN{number}" for number in range(4)]
    bingx = [f"BINGX{number}" for number in range(4)]
    meet = threading.Barrier(2)
    first = Watched("kraken", *(minutes(60, symbol) for symbol in kraken))
    second = Watched("ccxt:bingx", *(minutes(60, symbol) for symbol in bingx))
    first.barrier = second.barrier = meet  # a question to one goes on only beside one to the other
    collection = collect_candles(database, hours_of([*kraken, *bingx]), [first, second], now=NOW, at_once=1)
    assert collection.written == 60 * 8


def test_a_slow_source_holds_up_nobody_who_does_not_need_it(database):
    done = threading.Event()

    class Slow(Shelf):
        def fetch(self, symbol, resolution, start, end):
            assert done.wait(PATIENCE), "the others waited for the slow one"
            return super().fetch(symbol, resolution, start, end)

    class Quick(Shelf):
        def fetch(self, symbol, resolution, start, end):
            found = super().fetch(symbol, resolution, start, end)
            if len(self.asked) == len(others):
                done.set()
            return found

    needing = [f"A{number}" for number in range(6)]  # more than may ask at once, and before the others
    others = [f"B{number}" for number in range(6)]
    slow = Slow("kraken", *(minutes(60, symbol) for symbol in needing))
    quick = Quick("ccxt:bingx", *(minutes(60, symbol) for symbol in others))
    collection = collect_candles(database, hours_of([*needing, *others]), [slow, quick], now=NOW, at_once=2)
    assert (collection.written, collection.missing) == (60 * 12, {})


def test_what_has_come_is_stored_while_a_slow_source_is_waited_for(database):
    class Slow(Shelf):
        def fetch(self, symbol, resolution, start, end):
            for _ in range(600):
                with database.connect() as connection:
                    if connection.execute(text("SELECT count(*) FROM market_candles")).scalar() == 60:
                        return super().fetch(symbol, resolution, start, end)
                time.sleep(0.1)
            raise AssertionError("the quick source's candles were not stored")

    quick = Shelf("ccxt:bingx", minutes(60, "B"))
    sources = [Slow("kraken", minutes(60, "A")), quick]
    assert collect_candles(database, hours_of(["A", "B"]), sources, now=NOW).written == 120


def test_a_source_that_nobody_needs_is_not_even_asked_what_it_has(database):
    class Unreachable(Shelf):
        def offers(self, symbol: str, now: datetime) -> tuple[Offer, ...]:
            raise AssertionError("asked")

    collection = collect_candles(database, HOUR, [Shelf("kraken", minutes(60)), Unreachable("ccxt:bingx")])
    assert (collection.written, collection.left_out) == (60, {})


def test_a_source_that_dies_in_the_middle_is_left_alone_soon(database):
    class Dying(Watched):
        def fetch(self, symbol, resolution, start, end):
            found = super().fetch(symbol, resolution, start, end)
            if symbol > "COIN02":
                raise SourceError("503: out of order", temporary=True)
            return found

        def ping(self):
            raise SourceError("503: out of order", temporary=True)

    symbols = [f"COIN{number:02}" for number in range(40)]
    source = Dying("kraken", *(minutes(60, symbol) for symbol in symbols))
    collection = collect_candles(database, hours_of(symbols), [source], now=NOW, at_once=4)
    assert collection.written == 3 * 60
    assert len(source.asked) <= 3 + MAX_FAILURES + 2 * 4 + MAX_FAILURES
    assert set(collection.missing.values()) == {
        "kraken: 503: out of order",
        "kraken: left alone after it failed: 503: out of order",
    }
    assert collection.left_out == {"kraken": "503: out of order"}


def test_symbols_that_fail_for_reasons_of_their_own_cost_no_other_symbol_its_source(database):
    class Picky(Shelf):
        def fetch(self, symbol, resolution, start, end):
            found = super().fetch(symbol, resolution, start, end)
            if symbol < "COIN20":
                raise SourceError("502: this one question", temporary=True)
            return found

    symbols = [f"COIN{number:02}" for number in range(24)]
    source = Picky("kraken", *(minutes(60, symbol) for symbol in symbols))
    collection = collect_candles(database, hours_of(symbols), [source], now=NOW, at_once=4)
    assert (collection.written, len(collection.missing), collection.left_out) == (4 * 60, 20, {})


def test_a_refused_key_is_used_once(database):
    symbols = [f"COIN{number}" for number in range(9)]
    source = Broken("kraken", *(minutes(60, symbol) for symbol in symbols))
    source.temporary = False
    collection = collect_candles(database, hours_of(symbols), [source], now=NOW, at_once=4)
    assert [symbol for symbol, *_ in source.asked] == ["COIN0"]
    assert len(collection.missing) == 9


def test_files_are_read_one_at_a_time(database):
    symbols = [f"COIN{number}" for number in range(6)]
    archive = Watched("archive", *(minutes(60, symbol) for symbol in symbols), local=True)
    assert collect_candles(database, hours_of(symbols), [archive], now=NOW, at_once=4).written == 360
    assert archive.most == 1


def test_a_collection_takes_one_connection_however_many_threads(database, database_url):
    symbols = [f"COIN{number}" for number in range(9)]
    source = Watched("kraken", *(minutes(60, symbol) for symbol in symbols), together=4)
    narrow = connect(database_url, application="tests", pool_size=1)
    try:
        collection = collect_candles(narrow, hours_of(symbols), [source], now=NOW, at_once=4)
    finally:
        narrow.dispose()
    assert collection.written == 60 * 9


@pytest.fixture
def interruptible():
    """Ctrl-C is heard, which a shell's background process has not."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.mark.parametrize("how", ["in a thread", "in the main thread"])
def test_whatever_ends_a_collection_no_thread_is_left(database, how, interruptible):
    waiting = threading.Barrier(3)
    stopped = []

    class Endless(Shelf):
        def fetch(self, symbol, resolution, start, end):
            if symbol == "A":
                return super().fetch(symbol, resolution, start, end)
            waiting.wait(PATIENCE)
            if symbol == "B":
                if how == "in a thread":
                    raise KeyboardInterrupt
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            try:
                wait_for(10 * PATIENCE)  # as a call that waits for its quota
            except CallStoppedError:
                stopped.append(symbol)
                raise
            return Fetched(minutes(0))

    symbols = ["A", "B", "C", "D", "E", "F"]
    source = Endless("kraken", *(minutes(60, symbol) for symbol in symbols))
    with pytest.raises(KeyboardInterrupt):
        collect_candles(database, hours_of(symbols), [source], now=NOW, at_once=3)
    assert threads_left() == []
    assert len(stopped) >= 2, "those that waited were stopped"
    with database.connect() as connection:
        rows = connection.execute(text("SELECT symbol, outcome FROM candle_fetches")).all()
        assert [tuple(row) for row in rows] == [("A", "answered")], "a call that was stopped is no failure"
        assert set(connection.execute(text("SELECT DISTINCT symbol FROM market_candles")).scalars()) == {"A"}


def test_after_the_time_limit_nothing_is_asked_and_what_is_under_way_is_stored(database):
    class Tardy(Shelf):
        def fetch(self, symbol, resolution, start, end):
            found = super().fetch(symbol, resolution, start, end)
            if symbol > "COIN0":
                time.sleep(1.5)
            return found

    symbols = [f"COIN{number}" for number in range(9)]
    source = Tardy("kraken", *(minutes(60, symbol) for symbol in symbols))
    other = Shelf("ccxt:bingx", minutes(60, "COIN8"))
    collection = collect_candles(
        database, hours_of(symbols), [source, other], now=NOW, budget=timedelta(seconds=1), at_once=2
    )
    asked = {symbol for symbol, *_ in source.asked}
    assert asked == {"COIN0", "COIN1", "COIN2"}, "in the order of the symbols"
    assert collection.written == 3 * 60
    assert set(collection.missing) == set(symbols) - asked
    assert all("kraken: the time ran out" in words for words in collection.missing.values())
    assert collection.left_out == {}


SYMBOLS = [f"COIN{number}" for number in range(6)]


class World(Shelf):
    """A source with holes, unknown symbols and failures, whose answers take their time in any order."""

    def __init__(self, name: str, seed: int, *, hurried: random.Random | None = None, **options):
        super().__init__(name, **options)
        dice = random.Random(f"{seed} {name}")
        self.dead = dice.random() < 0.15
        self.for_good = dice.random() < 0.5
        self.hurried = hurried
        self.failing = dice.sample(SYMBOLS, dice.choice([0, 0, 1, 2, 4, 5]))
        self.tired = dice.random() < 0.3
        self.shelves = {}
        for resolution in dice.sample(["1m", "5m", "1h"], dice.choice([1, 2])):
            step = {"1m": 1, "5m": 5, "1h": 60}[resolution] * MINUTE
            known = [symbol for symbol in SYMBOLS if dice.random() < 0.8]
            parts = [minutes(0)]
            for symbol in known:
                whole = minutes(6 * 60 * MINUTE // step, symbol, step=step)
                keep = dice.choice([1.0, 0.95, 0.5])
                parts.append(whole[[dice.random() < keep for _ in whole.index]])
            self.shelves[resolution] = pd.concat(parts)
            if dice.random() < 0.3:
                self.oldest[resolution] = START + 30 * MINUTE

    def wait(self):
        if self.hurried:
            time.sleep(self.hurried.choice([0, 0, 0.002, 0.01]))

    def ping(self) -> PingResult:
        self.wait()
        if self.dead:
            raise SourceError("no route", temporary=not self.for_good)
        return super().ping()

    def offers(self, symbol, now):
        self.wait()
        return super().offers(symbol, now)

    def fetch(self, symbol, resolution, start, end):
        self.wait()
        if self.dead:
            raise SourceError("no route", temporary=not self.for_good)
        if symbol in self.failing and resolution == next(iter(self.shelves)):
            raise SourceError("502: this one question", temporary=True)
        found = super().fetch(symbol, resolution, start, end)
        reached = start + 100 * MINUTE
        if self.tired and resolution == "1m" and reached < end:
            return Fetched(found.candles[found.candles["timestamp"] < reached], reached=reached)
        return found


def _causes(words):
    """A reason without whether a source that is down was asked for this symbol, or was left alone before."""
    said = re.split("; |, ", words.replace("left alone after it failed: ", ""))
    return list(dict.fromkeys(said))


def outcome_of(database, seed, at_once, hurried, symbols=SYMBOLS):
    """Collect in a world; give all that came of it, and leave the database empty."""
    dice = random.Random(seed)
    sources = [
        World("archive", seed, local=True, hurried=hurried),
        World("kraken", seed, hurried=hurried),
        World("ccxt:bingx", seed, hurried=hurried),
    ][dice.choice([0, 0, 1]) :]
    spans = []
    for symbol in SYMBOLS:
        for _ in range(dice.choice([1, 3])):
            at = START + dice.randrange(300) * MINUTE
            spans.append((symbol, at, at + dice.choice([1, 30, 180]) * MINUTE))
    now = dice.choice([NOW, START + 400 * MINUTE])
    wanted = windows(*(span for span in spans if span[0] in symbols))
    collection = collect_candles(database, wanted, sources, now=now, at_once=at_once)
    with database.begin() as connection:
        held = connection.execute(
            text(
                "SELECT symbol, resolution, source, timestamp, open, volume FROM market_candles"
                " ORDER BY 1, 2, 3, 4"
            )
        ).all()
        # Whether it failed or was left alone after it failed is chance, of a source that is down.
        notes = connection.execute(
            text(
                "SELECT symbol, resolution, source, start_at, end_at, ask_again_at, candles, outcome, reason"
                " FROM candle_fetches WHERE outcome <> 'failed' ORDER BY 1, 2, 3, 4, 5, 8"
            )
        ).all()
        connection.execute(text("DELETE FROM market_candles"))
        connection.execute(text("DELETE FROM candle_fetches"))
    said = {symbol: _causes(words) for symbol, words in (collection.missing | collection.awaited).items()}
    told = (collection.written, collection.missing.keys(), collection.refused, collection.left_out)
    return told, said, [tuple(row) for row in held], [tuple(row) for row in notes]


@pytest.mark.parametrize("seed", range(6))
def test_whenever_answers_come_the_same_comes_of_it(database, seed):
    alone = outcome_of(database, seed, 1, None)
    assert outcome_of(database, seed, 4, random.Random(seed)) == alone


@pytest.mark.parametrize("seed", range(2))
def test_what_comes_of_a_symbol_is_what_comes_of_it_alone(database, seed):
    _, said, held, notes = outcome_of(database, seed, 4, random.Random(seed))
    for symbol in SYMBOLS:
        _, alone, own, noted = outcome_of(database, seed, 1, None, [symbol])
        assert alone == {name: words for name, words in said.items() if name == symbol}
        assert own == [row for row in held if row[0] == symbol]
        assert noted == [row for row in notes if row[0] == symbol]
