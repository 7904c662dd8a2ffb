"""What a collection remembers of its sources: what they lacked, and every request."""

from datetime import timedelta

from include.candles.collect import collect_candles
from tests.support.candles import NOW, START, minutes, windows
from tests.support.shelf import HOUR, MINUTE, Broken, Shelf, fetches


def test_what_a_source_lacked_is_asked_of_it_again_after_growing_pauses(database):
    source = Shelf("kraken", minutes(30))
    expired = START + 60 * MINUTE
    asked_after = []
    for minute in (20, 39, 40, 79, 80, 159, 160, 319, 320, 639, 640, 999, 1000, 1359, 1360, 1400):
        before = len(source.asked)
        collection = collect_candles(database, HOUR, [source], now=expired + minute * MINUTE)
        assert "BTC" in collection.missing
        if len(source.asked) > before:
            asked_after.append(minute)
    # For two hours its end may only be late; then the pauses double, up to six hours.
    assert asked_after == [20, 39, 40, 79, 80, 159, 319, 639, 999, 1359]
    assert collection.missing == {"BTC": "kraken: had no more 1m candles"}

    source.shelves["1m"] = minutes(60)
    assert collect_candles(database, HOUR, [source], now=expired + timedelta(days=2)).missing == {}


def test_the_memory_does_not_hide_other_windows_or_other_sources(database):
    source = Shelf("kraken", minutes(30))
    collect_candles(database, HOUR, [source], now=NOW)
    later = windows(("BTC", START + 30 * MINUTE, START + 90 * MINUTE))
    collect_candles(database, later, [source], now=NOW)
    assert source.asked[1:] == [("BTC", "1m", START + 60 * MINUTE, START + 90 * MINUTE)]
    other = Shelf("ccxt:binance", minutes(90))
    assert collect_candles(database, later, [source, other], now=NOW).missing == {}
    assert len(source.asked) == 2


def test_an_unknown_symbol_is_remembered_too(database):
    class Counting(Shelf):
        questions = 0

        def knows(self, symbol: str) -> bool:
            self.questions += 1
            return super().knows(symbol)

    source = Counting("kraken")
    reason = collect_candles(database, HOUR, [source], now=NOW).missing
    assert collect_candles(database, HOUR, [source], now=NOW).missing == reason
    assert source.questions == 1
    collect_candles(database, HOUR, [source], now=NOW + timedelta(hours=6))
    assert source.questions == 2


def test_a_local_source_is_asked_each_time(database):
    source = Shelf("archive", minutes(30), local=True)
    collect_candles(database, HOUR, [source], now=NOW)
    source.shelves["1m"] = minutes(60)
    assert collect_candles(database, HOUR, [source], now=NOW).missing == {}


def test_old_notes_are_forgotten(database):
    source = Shelf("kraken", minutes(30))
    collect_candles(database, HOUR, [source], now=NOW)
    assert len(fetches(database)) == 1
    collect_candles(
        database, windows(("ETH", START, START + 9 * MINUTE)), [source], now=NOW + timedelta(days=31)
    )
    assert [row.symbol for row in fetches(database)] == ["ETH"]


def test_every_request_leaves_a_note(database):
    sources = [Shelf("ccxt:bingx"), Broken("kraken", minutes(5)), Shelf("coingecko", minutes(50))]
    collect_candles(database, HOUR, sources, now=NOW)
    notes = [(row.source, row.resolution, row.outcome, row.candles, row.reason) for row in fetches(database)]
    assert notes == [
        ("ccxt:bingx", None, "unknown_symbol", 0, "unknown symbol BTC"),
        ("kraken", "1m", "failed", 0, "503: out of order"),
        ("coingecko", "1m", "answered", 50, None),
    ]
