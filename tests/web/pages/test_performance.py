"""The page on performance: with no trade, with some, with odd ones, and with filters that mean nothing."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests.support.pages import page
from tests.support.rows import insert_settled

NASTY = "<script>alert(1)</script>"


def settle_some(database) -> list:
    now = datetime.now(UTC)
    with database.begin() as connection:
        return [
            insert_settled(connection, status, net, completed_at=now, **values)
            for status, net, values in (
                ("completed_success", 25.5, {"symbol": "BTC", "confidence_score": 80, "ai_model": NASTY}),
                ("completed_failure", -50.25, {"symbol": "BTC", "confidence_score": 85}),
                ("completed_success", 10, {"symbol": "ETH", "confidence_score": None}),
            )
        ]


def test_without_a_trade_the_page_says_what_to_do(client):
    assert "No settled trade" in page(client, "/tradeops/performance").words


def test_figures_pictures_and_links(client, database):
    best, worst, _ = settle_some(database)
    answer = client.get("/tradeops/performance").text
    words = page(client, "/tradeops/performance").words
    assert "66.7 %" in words and "-14.75 USD" in words and "50.25 USD" in words
    assert "0.71" in words  # 35.5 / 50.25
    assert f"/tradeops/trades/{best}" in answer and f"/tradeops/trades/{worst}" in answer
    assert len(re.findall('<svg class="plot', answer)) >= 5 and "style=" not in answer
    assert NASTY not in answer and "&lt;script&gt;" in answer
    assert "1 trade without a confidence" in words


def test_a_choice_is_a_link_and_filters_hold(client, database):
    settle_some(database)
    answer = client.get("/tradeops/performance?symbol=ETH").text
    assert "10.00 USD" in answer and "-14.75 USD" not in answer
    unknown = page(client, "/tradeops/performance?model=unknown").words
    assert "-40.25 USD" in unknown
    assert any(link.startswith("?symbol=BTC") for link in page(client, "/tradeops/performance").links)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    assert "No settled trade" in page(client, f"/tradeops/performance?first={tomorrow}").words


@pytest.mark.parametrize(
    "query",
    [
        "user=me",
        "first=yesterday",
        "last=12026-01-01",
        "direction=UP",
        "symbol=%00",
        "first=9999-12-01&last=2026-01-01",
    ],
)
def test_what_cannot_be_understood_is_answered_in_words(client, query):
    assert "Nothing is shown" in page(client, f"/tradeops/performance?{query}", 422).words


def test_odd_numbers_stop_nothing(client, database):
    settle_some(database)
    with database.begin() as connection:
        for odd in ("NaN", "Infinity", "1e300", None):
            id_ = insert_settled(
                connection, "completed_success", 1.0, symbol="ODD", completed_at=datetime.now(UTC)
            )
            connection.execute(
                text("UPDATE trade_results SET net_profit_loss = :odd, profit_loss_percentage = :odd "
                     "WHERE trade_signal_id = :id"),
                {"odd": odd, "id": id_},
            )  # fmt: skip
        insert_settled(connection, "completed_success", 1.0, symbol="ODD", completed_at="infinity")
    words = page(client, "/tradeops/performance?symbol=ODD&first=all").words
    assert "NaN USD" in words and "no number" in words
