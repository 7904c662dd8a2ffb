"""What a source was asked for while the clock was ahead is asked for again, now that it is right."""

from datetime import timedelta

import pytest

from include.candles.collect import collect_candles
from tests.candles.test_collect import HOUR, Shelf, stored
from tests.support.candles import NOW, minutes


@pytest.mark.parametrize("ahead", [timedelta(hours=2), timedelta(days=1200)], ids=str)
def test_an_answer_of_the_future_holds_no_source_back(database, ahead):
    empty = Shelf("kraken", minutes().iloc[:10])
    collect_candles(database, HOUR, [empty], now=NOW + ahead)
    assert empty.asked
    full = Shelf("kraken", minutes())
    collect_candles(database, HOUR, [full], now=NOW)
    assert len(stored(database)) == 60


def test_a_pause_as_long_as_it_may_be_is_kept(database):
    empty = Shelf("kraken", minutes().iloc[:10])
    collect_candles(database, HOUR, [empty], now=NOW)
    again = Shelf("kraken", minutes())
    collect_candles(database, HOUR, [again], now=NOW + timedelta(minutes=1))
    assert again.asked == []
