"""The page on portfolios: with nothing, with much, its filters, and other people's words in it."""

from datetime import timedelta

import numpy as np

from include.portfolio.assess import assess
from include.portfolio.snapshot import store_failure
from tests.support.pages import page
from tests.support.portfolios import YESTERDAY, give_snapshot, give_values

HOSTILE = '<script>alert(1)</script>"'


def test_with_nothing_it_says_what_to_do(client):
    shown = page(client, "/tradeops/portfolio")
    assert "No portfolio was seen yet" in shown.words and "sync_portfolio" in shown.words


def test_what_is_held_what_was_forecast_and_what_came(database, client):
    returns = np.random.default_rng(3).normal(0, 0.01, 160)
    give_values(database, "file:a", [*returns[:150]], YESTERDAY - timedelta(days=2))
    give_snapshot(database, YESTERDAY, 7)
    give_snapshot(database, YESTERDAY, 7, portfolio=f"file:{HOSTILE}")
    for back, came in ((2, None), (1, -0.09), (0, 0.01)):
        if came is not None:
            give_values(database, "file:a", [came], YESTERDAY - timedelta(days=back))
        day = YESTERDAY - timedelta(days=back)
        assess(database, day, scenarios={"crash": {"*": -0.5}}, benchmark=None)
    with database.begin() as connection:
        store_failure(connection, "file", HOSTILE)
    shown = page(client, "/tradeops/portfolio?portfolio=file:a")
    for words in ("170.00 USD", "9.00 %", "all prices -10 %", "7.00 USD", "volatility"):
        assert words in shown.words, words
    assert "exception" in shown.words and "insufficient data" in shown.words
    text = client.get("/tradeops/portfolio?portfolio=file:a").text
    assert 'class="point bad"' in text and HOSTILE not in text
    other = page(client, "/tradeops/portfolio?portfolio=file:a&method=normal&confidence=0.95")
    assert "normal 0.95" in other.words


def test_wrong_filters_are_refused_in_words(database, client):
    give_snapshot(database, YESTERDAY, 7)
    for query in ("method=magic", "confidence=2", "portfolio=x"):
        word = query.split("=")[0]
        assert f"{word} is none" in page(client, f"/tradeops/portfolio?{query}", 422).words
