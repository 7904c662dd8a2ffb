"""The audit asks a second source about some of the candles that trades were settled on."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from include.candles import Fetched, Offer, SourceError
from include.candles.frame import no_candles
from include.quality import audit_candles, read_day
from include.settings import Settings
from tests.quality.audits import DAY, RUN, settle, unmet
from tests.support.trades import SETTINGS, insert, rising, run, store


class Second:
    """A source that gives what it was made with, and counts how often it was asked."""

    local = False

    def __init__(self, name: str, candles: pd.DataFrame | SourceError):
        self.name, self.candles, self.asked = name, candles, 0

    def offers(self, symbol, now):
        return (Offer("1m", oldest=None, volume=True),)

    def fetch(self, symbol, resolution, start, end):
        self.asked += 1
        if isinstance(self.candles, SourceError):
            raise self.candles
        times = self.candles["timestamp"]
        return Fetched(self.candles[(times >= start) & (times < end)].assign(symbol=symbol))


class TestSecondSource:
    SETTINGS = Settings(candle_sources=("archive", "kraken"))

    def notes(self, database) -> list[str]:
        return [note for result in read_day(database, DAY, limit=10) for note in result.validation.notes]

    @pytest.fixture
    def held(self, database):
        candles = rising(start=datetime(2026, 3, 3, 4, tzinfo=UTC))
        store(database, candles)
        return candles

    def test_one_that_agrees_is_noted(self, database, held):
        first, second = Second("archive", no_candles()), Second("kraken", held)
        audit_candles(database, DAY, [first, second], self.SETTINGS, RUN)
        assert unmet(database, "candles") == {}
        assert self.notes(database) == ["60 candles compared with kraken"]
        assert (first.asked, second.asked) == (0, 1)  # who gave the candles cannot testify for them

    def test_one_that_disagrees_is_a_finding(self, database, held):
        second = Second("kraken", held.assign(close=held["close"] * 1.2, high=held["high"] * 1.3))
        audit_candles(database, DAY, [Second("archive", held), second], self.SETTINGS, RUN)
        found = unmet(database, "candles")
        assert set(found) == {"another source has another price", "another source is some percent away"}
        assert len(found["another source has another price"]) == 5

    def test_one_that_cannot_answer_is_said_and_fails_nothing(self, database, held):
        down = Second("kraken", SourceError("answers nothing", temporary=True))
        empty = Second("ccxt:coinbase", no_candles())
        audit_candles(database, DAY, [Second("archive", held), down, empty], self.SETTINGS, RUN)
        (note,) = self.notes(database)
        assert "kraken: answers nothing" in note
        assert "ccxt:coinbase: no 1m candle of that time" in note
        assert unmet(database, "candles") == {}

    def test_where_no_candle_is_left_there_is_nothing_to_compare(self, database):
        insert(database, {})
        store(database, rising())
        settle(database)
        run(database, "DELETE FROM market_candles")
        second = Second("kraken", rising())
        audit_candles(database, DAY, [Second("archive", no_candles()), second], self.SETTINGS, RUN)
        assert self.notes(database) == ["not compared with a second source: no candle is held"]
        assert second.asked == 0

    def test_where_there_is_only_one_that_is_said(self, database, held):
        audit_candles(database, DAY, [Second("archive", held)], SETTINGS, RUN)
        assert self.notes(database) == [
            "not compared with a second source: candle_sources names only archive"
        ]

    def test_it_is_asked_about_some_batches_a_day_and_others_the_next(self, database, monkeypatch):
        monkeypatch.setattr("include.quality.audit.COMPARED_BATCHES", 1)
        compared = {}
        for day in (DAY, DAY + timedelta(days=1)):
            for symbol in "ABCD":
                store(database, rising(symbol, 5, start=datetime.combine(day, datetime.min.time(), UTC)))
            sources = [Second("archive", no_candles()), Second("kraken", no_candles())]
            audit_candles(database, day, sources, self.SETTINGS, RUN)
            assert sources[1].asked == 1
            compared[day] = {
                result.validation.batch[0]
                for result in read_day(database, day, limit=10)
                if "kraken" in result.validation.notes[0]
            }
        assert len(set().union(*compared.values())) == 2
