"""What symbols filled side by side ask of the database: done for many at once, and ended as each alone."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from include.candles import Fetched
from include.candles.collect import collect_candles
from include.candles.frame import numbers_of
from tests.support.candles import NOW, START, minutes, windows
from tests.support.shelf import MINUTE, Shelf, fetches

FOR_ALL = timedelta(hours=1)  # until nothing is under way any more


def hours_of(symbols):
    return windows(*((symbol, START, START + 60 * MINUTE) for symbol in symbols))


def statements_for(database, symbols, at_once):
    asked = []

    def note(_connection, _cursor, statement, *_):
        asked.append(statement)

    source = Shelf("kraken", *(minutes(60, symbol) for symbol in symbols))
    event.listen(database, "before_cursor_execute", note)
    try:
        collected = collect_candles(
            database, hours_of(symbols), [source], now=NOW, at_once=at_once, gather=FOR_ALL
        )
    finally:
        event.remove(database, "before_cursor_execute", note)
    assert (collected.written, collected.missing) == (60 * len(symbols), {})
    return len(asked)


def test_many_symbols_take_no_more_statements_than_few(database):
    few = statements_for(database, [f"FEW{number}" for number in range(3)], at_once=2)
    many = statements_for(database, [f"MANY{number}" for number in range(60)], at_once=8)
    assert many <= few < 20


class Spoilt(Shelf):
    """A source whose answer for each symbol has a fault of another kind, or none."""

    def fetch(self, symbol, resolution, start, end):
        found = super().fetch(symbol, resolution, start, end).candles.reset_index(drop=True)
        return Fetched(DEFECTS[symbol](found), ("the answer was cut",) if symbol == "J" else ())


def change(column, value, row=7):
    return lambda found: found.assign(**{column: found[column].where(found.index != row, value)})


DEFECTS = {
    "A": lambda found: found,
    "B": change("close", np.nan),
    "C": change("volume", np.inf),
    "D": change("symbol", "A"),
    "E": lambda found: found.iloc[::-1],
    "F": lambda found: pd.concat([found, found.iloc[:3], found.iloc[5:6].assign(open=1.0)]),
    "G": lambda found: pd.concat([found, minutes(5, "G", START + 60 * MINUTE)]),
    "H": lambda found: found.iloc[:0],
    "I": change("timestamp", pd.Timestamp(START) + timedelta(seconds=30)),
    "J": lambda found: found.assign(timestamp=found["timestamp"].dt.tz_convert("Asia/Kolkata")),
    "K": lambda found: found.assign(open=found["open"].astype(str)),
    "L": lambda found: found.astype({"volume": "int64"}),
    "M": change("low", -1.0),
    "Z": lambda found: found,
}


def kept_of(database, symbols):
    sources = [Spoilt("kraken", *(minutes(60, symbol) for symbol in symbols))]
    collection = collect_candles(database, hours_of(symbols), sources, now=NOW, gather=FOR_ALL)
    with database.begin() as connection:
        stored = connection.execute(text("SELECT * FROM market_candles ORDER BY symbol, timestamp")).all()
        notes = [tuple(row[1:]) for row in sorted(fetches(database), key=lambda row: row.symbol)]
        connection.execute(text("DELETE FROM market_candles"))
        connection.execute(text("DELETE FROM candle_fetches"))
    candles = [tuple(row[:-1]) for row in stored]  # all but when they were fetched
    return collection.written, collection.missing, sorted(collection.refused), candles, notes


def test_an_answer_with_a_fault_costs_no_other_answer_that_is_stored_with_it(database):
    together = kept_of(database, list(DEFECTS))
    written, missing, refused, candles, notes = 0, {}, [], [], []
    for symbol in DEFECTS:
        alone = kept_of(database, [symbol])
        written += alone[0]
        missing |= alone[1]
        refused += alone[2]
        candles += alone[3]
        notes += alone[4]
    assert together == (written, missing, sorted(refused), candles, notes)
    assert len(refused) == 7
    assert {symbol for symbol, *_ in candles} == set(DEFECTS) - {"H"}


def test_what_the_database_refuses_for_one_symbol_is_stored_for_all_others(database):
    """The database takes no candle of before 2009."""
    long_ago = datetime(2005, 1, 3, tzinfo=UTC)
    symbols = ["A", "OLD", "Z"]
    wanted = windows(*hours_of(["A", "Z"]).itertuples(index=False), ("OLD", long_ago, long_ago + MINUTE))
    source = Shelf("kraken", minutes(60, "A"), minutes(1, "OLD", long_ago), minutes(60, "Z"))
    with pytest.raises(DBAPIError, match="not plausible"):
        collect_candles(database, wanted, [source], now=NOW, gather=FOR_ALL)
    assert [(row.symbol, row.candles) for row in fetches(database)] == [("A", 60), ("Z", 60)]
    assert {symbol for symbol, *_ in source.asked} == set(symbols)


def test_numbers_are_read_as_python_reads_them():
    dice = np.random.default_rng(0)
    plain = [f"{number:.{digits}{kind}}" for number, digits, kind in zip(
        dice.standard_normal(3_000) * 10.0 ** dice.integers(-12, 12, 3_000),
        dice.integers(0, 18, 3_000),
        dice.choice(list("feg"), 3_000),
        strict=True,
    )]  # fmt: skip
    assert numbers_of(plain).tolist() == [float(text) for text in plain]
    odd = ["1.5", " 2", "+3", "1_0", "1e400", "", None, "x", "1,5", "nan", "\ud800", "0x10", [], 7]
    expected = [1.5, 2.0, 3.0, np.nan, np.inf, *[np.nan] * 8, 7.0]
    np.testing.assert_array_equal(numbers_of(odd), expected)
    assert numbers_of([1, 2.5, None]).tolist()[:2] == [1.0, 2.5]
