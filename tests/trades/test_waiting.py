"""The line that says which trades are not settled now, and why."""

import pandas as pd

from include.settings import Settings
from include.trades.claim import claim_due
from include.trades.settle import settle_batch
from include.trades.waiting import in_a_line
from tests.support.trades import insert, rising, store


def frame(*rows):
    return pd.DataFrame(rows, columns=["id", "symbol", "reason"])


def test_trades_are_told_by_symbol_and_reason_the_most_frequent_first():
    said = in_a_line(frame(("c", "ETH", "no candle"), ("a", "BTC", "a hole"), ("b", "BTC", "a hole")))
    assert said == "2 of BTC (a, b): a hole; 1 of ETH (c): no candle"


def test_ten_thousand_trades_are_still_a_line():
    rows = [(f"id-{n}", f"SYM{n % 40}", f"reason {n % 7} " + "x" * 500) for n in range(10_000)]
    said = in_a_line(frame(*rows))
    assert len(said) < 1_500 and "\n" not in said
    assert " and 33 more): reason" in said and "more for other reasons" in said


def test_a_trade_that_nobody_has_judged_is_said_so():
    assert in_a_line(frame(("a", "BTC", None))) == "1 of BTC (a): not judged yet"


def test_the_log_of_settling_says_who_waits(database, caplog):
    caplog.set_level("INFO", logger="include.trades")
    settings = Settings(candle_sources=("archive",))
    store(database, rising())
    good, poor = insert(database, {}, {"symbol": "ETH"})
    claim_due(database, "run-1", settings)
    settle_batch(database, "run-1", 0, settings)
    assert f" of ETH ({poor}): no candle in the window" in caplog.text
    assert good not in caplog.text
