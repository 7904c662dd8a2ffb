"""The list of trades: its filter in the address, its pages, and what it says of each trade."""

import uuid
from datetime import timedelta
from urllib.parse import quote

import pytest
from sqlalchemy import text

from tests.support.pages import Page, page
from tests.support.rows import NOW, insert, insert_settled, insert_signal

LIST = "/tradeops/trades"
NASTY = '<script>alert("x")</script>'


def words(client, query="", status=200):
    return " ".join(page(client, LIST + query, status).words.split())


def trades_of(shown):
    """The ids of the rows, in their order."""
    ids = [link.removeprefix(f"{LIST}/") for link in shown.links if link.startswith(f"{LIST}/")]
    return list(dict.fromkeys(ids))


def test_without_a_trade_it_says_where_trades_come_from(client):
    assert "generate_signals" in words(client)
    assert "No trade waits" in words(client, "?waiting=1")
    assert "see all" in words(client, "?symbol=ETH")


def test_a_row_says_what_became_of_a_trade_and_links_to_it(database, client):
    with database.begin() as connection:
        trade = insert_settled(
            connection, "completed_failure", -1234.567, confidence_score=72.44, status_reason="stopped",
            symbol=NASTY, direction="SHORT",
        )  # fmt: skip
        insert(connection, "atge_error_logs", error_type="api", error_message="x", trade_signal_id=trade)
    shown = page(client, LIST)
    assert trades_of(shown) == [str(trade)]
    said = " ".join(shown.words.split())
    for part in ("SHORT 1h", "failure", "stopped", "-1,234.57", "72.4 %", "errors", "1 trade in all"):
        assert part in said
    assert not any("alert" in script for script in shown.scripts)
    assert 'title="-1234.567 USD"' in client.get(LIST).text


def test_what_waits_says_why_and_until_when(database, client):
    due = {"expires_at": NOW - timedelta(hours=1)}
    with database.begin() as connection:
        insert_signal(connection, symbol="NEW", **due)
        for symbol, lease in (("HELD", "1 hour"), ("BACK", "-1 hour")):
            trade = insert_signal(connection, symbol=symbol, status_reason="data quality 80.0 of 90", **due)
            connection.execute(
                text(
                    "INSERT INTO settlement_claims (trade_signal_id, claim_id, batch, claimed_at, "
                    "lease_expires_at, attempts, next_attempt_at) VALUES (:id, 'sweep-7', 0, now(), "
                    "now() + CAST(:lease AS interval), 1, '2030-01-02 03:04Z')"
                ),
                {"id": trade, "lease": lease},
            )
        insert_signal(connection, symbol="RUNS")
    shown = words(client, "?waiting=1")
    assert "3 trades of this filter" in shown and "RUNS" not in shown
    assert "no sweep has judged it yet" in shown
    assert "data quality 80.0 of 90; held by the sweep sweep-7" in shown
    assert "data quality 80.0 of 90; looked at again from 2030-01-02 03:04" in shown


def test_pages_follow_each_other_and_keep_the_filter(database, client):
    with database.begin() as connection:
        for n in range(60):
            insert_settled(connection, "completed_success", n % 7, generated_at=NOW - timedelta(hours=n))
        insert_signal(connection, symbol="ETH")
    seen, path = [], "?symbol=BTC&sort=worst&rows=25"
    for rows in (25, 25, 10):
        shown = page(client, LIST + path)
        assert len(trades_of(shown)) == rows
        seen += trades_of(shown)
        following = [link for link in shown.links if "cursor=" in link]
        path = following[0].removeprefix(LIST) if following else ""
    assert len(set(seen)) == 60
    assert path == ""
    foreign = page(client, f"{LIST}?rows=25").links
    (cursor,) = (link.split("cursor=")[1] for link in foreign if "cursor=" in link)
    assert "cursor" in words(client, f"?sort=best&cursor={cursor}", 422)


def test_a_search_that_goes_far_says_how_far_and_goes_on(database, client):
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO trade_signals (user_id, symbol, timeframe, entry_price, stop_loss, "
                "take_profit_1, take_profit_2, take_profit_3, generated_at, expires_at) "
                "SELECT :user, 'COIN' || n, '1h', 1, 1, 1, 1, 1, now() - n * interval '1 minute', 'infinity' "
                "FROM generate_series(1, 5010) AS n"
            ),
            {"user": uuid.UUID(int=1)},
        )
        connection.execute(text("UPDATE trade_signals SET ai_model = 'rare' WHERE symbol = 'COIN5009'"))
    shown = page(client, f"{LIST}?model=rare")
    assert trades_of(shown) == []
    assert "Searched 5000 trades more" in " ".join(shown.words.split())
    (further,) = (link for link in shown.links if "cursor=" in link)
    assert len(trades_of(page(client, further))) == 1


def test_saved_views_are_links_to_pages_that_work(client):
    views = [link for link in page(client, LIST).links if link.startswith(f"{LIST}?")]
    assert len(views) >= 6
    for view in views:
        assert f'href="{view.replace("&", "&amp;")}" aria-current="page"' in client.get(view).text


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("user=anna", "user"),
        ("timeframe=2h", "timeframe"),
        ("status=won", "status"),
        ("sort=id", "sort"),
        ("rows=1000", "rows"),
        ("from=yesterday", "from"),
        ("from=12026-01-01", "from"),
        ("to=9999-12-31", "to"),
        ("from=2026-03-02&to=2026-03-01", "to lies before from"),
        ("net_min=NaN", "net_min"),
        ("net_max=Infinity", "net_max"),
        ("net_min=1e400", "net_min"),
        ("net_min=5&net_max=4", "net_max"),
        ("symbol=B%00", "NUL"),
        (f"symbol={'x' * 10_000}", "longer"),
        ("symbol=a&symbol=b", "more than once"),
        ("waiting=yes", "waiting"),
        ("colour=red", "no field"),
        ("cursor=abc", "cursor"),
        (f"cursor={'x' * 10_000}", "cursor"),
        (f"reason={quote(NASTY)}&errors=2", "errors"),
    ],
)
def test_a_wrong_value_is_said_on_the_page(client, query, named):
    answer = client.get(f"{LIST}?{query}")
    assert answer.status_code == 422
    shown = Page(answer.text)
    assert named in " ".join(shown.words.split())
    assert 'role="alert"' in answer.text
    assert not any("alert(" in script for script in shown.scripts)


def test_half_a_character_is_no_error_of_ours(client):
    assert client.get(f"{LIST}?symbol=%ED%A0%80").status_code in (200, 422)


def test_odd_rows_break_no_list(database, client):
    with database.begin() as connection:
        for n, net in enumerate((None, "NaN", "Infinity", "1e400")):
            insert_settled(
                connection, "completed_success", None, symbol="x" * 300 if n else "", generated_at="infinity",
                completed_at="12026-01-01Z", confidence_score=100,
            )  # fmt: skip
            connection.execute(
                text("UPDATE trade_results SET net_profit_loss = :net WHERE net_profit_loss IS NULL"),
                {"net": net},
            )
    assert "12026" in words(client) and "infinity" in words(client)
    for sort in ("ended", "worst", "best"):
        assert words(client, f"?sort={sort}")
    assert "1.000e+400" in words(client, "?sort=best")


def test_the_address_of_a_filter_is_its_form(client):
    shown = client.get(f"{LIST}?symbol=ET%22H&status=expired&net_min=-1.5&ended_from=2026-03-01").text
    assert 'value="ET&#34;H"' in shown
    assert '<option value="expired" selected>' in shown
    assert 'value="-1.5"' in shown and 'value="2026-03-01"' in shown
    assert '<option value="ended" selected>' in shown  # days of the end are read in their order
