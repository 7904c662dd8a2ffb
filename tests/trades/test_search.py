"""Searching trades: against a plain reading of all rows, page by page, in both ways of going through them."""

import uuid
from datetime import timedelta
from decimal import Decimal
from itertools import product

import pytest
from sqlalchemy import text

from include.trades.search import ORDERS, SEARCHED, SearchPlaceError, search_trades
from include.trades.selection import TradeSearch
from tests.support.rows import NOW, insert, insert_signal

ANNA, BERT = uuid.UUID(int=1), uuid.UUID(int=2)
STATUSES = ("completed_success", "completed_failure", "expired", "active", "incomplete_data", "cancelled")
SETTLED = ("completed_success", "completed_failure", "expired", "incomplete_data")
NETS = (12, -7, 0, None, None, None, Decimal("NaN"), Decimal("Infinity"), Decimal("-0.5"))
HOUR = timedelta(hours=1)

SEARCHES = {
    "all": TradeSearch(),
    "user": TradeSearch(user=BERT),
    "symbol": TradeSearch(symbol="ETH"),
    "user and symbol": TradeSearch(user=ANNA, symbol="ETH"),
    "timeframe": TradeSearch(timeframe="4h"),
    "direction": TradeSearch(direction="SHORT"),
    "status": TradeSearch(status="completed_failure"),
    "rare status": TradeSearch(status="cancelled"),
    "active": TradeSearch(status="active"),
    "reason": TradeSearch(reason="STOP"),
    "model": TradeSearch(model="m1"),
    "proposed": TradeSearch(start=NOW - 30 * HOUR, end=NOW - 9 * HOUR),
    "ended": TradeSearch(ended_start=NOW - 30 * HOUR, ended_end=NOW - 9 * HOUR),
    "gain": TradeSearch(gain=True),
    "loss": TradeSearch(loss=True),
    "range": TradeSearch(least=Decimal("-1"), most=Decimal("5")),
    "errors": TradeSearch(errors=True),
    "waiting": TradeSearch(waiting=True),
    "several": TradeSearch(user=ANNA, status="completed_failure", ended_start=NOW - 40 * HOUR, errors=True),
    "nothing": TradeSearch(symbol="ETH", model="nobody"),
}


@pytest.fixture
def trades(database):
    """48 trades of every kind; among them equal times, results that are no numbers, times of no calendar."""
    with database.begin() as connection:
        for n in range(48):
            status, at = STATUSES[n % 6], NOW - timedelta(hours=n // 2)
            strange = (
                {"generated_at": "infinity"} if n == 46 else {"expires_at": "12026-01-01Z"} if n == 9 else {}
            )
            trade = insert_signal(
                connection,
                **{
                    "user_id": (ANNA, ANNA, BERT)[n % 3], "symbol": ("BTC", "ETH")[n // 2 % 2],
                    "timeframe": ("1h", "4h")[n // 3 % 2], "direction": ("LONG", "SHORT")[n // 4 % 2],
                    "ai_model": f"m{n % 4}", "status": status, "generated_at": at,
                    "expires_at": at + (n % 5 - 1) * HOUR,
                    "status_reason": ("stopped", "targets", None)[n // 6 % 3],
                    "completed_at": at + HOUR if status in SETTLED and n % 7 else None,
                    **strange,
                },
            )  # fmt: skip
            if status in SETTLED:
                insert(connection, "trade_results", trade_signal_id=trade, net_profit_loss=NETS[n % 9])
            for _ in range(2 if n % 5 == 0 else 0):
                insert(
                    connection, "atge_error_logs", trade_signal_id=trade, error_type="api", error_message="x"
                )
        connection.execute(
            text("INSERT INTO atge_error_logs (error_type, error_message) VALUES ('api', 'x')")
        )
    return database


@pytest.fixture
def everything(trades):
    """All rows, as a plain join has them, with the sort keys as floats."""
    with trades.connect() as connection:
        return connection.execute(
            text(
                """
                SELECT
                  signal.*, result.net_profit_loss AS net, signal.expires_at <= now() AS due,
                  extract(epoch FROM generated_at)::float8 AS proposed,
                  extract(epoch FROM coalesce(completed_at, expires_at))::float8 AS ended,
                  EXISTS (SELECT FROM atge_error_logs WHERE trade_signal_id = signal.id) AS wrong
                FROM trade_signals AS signal
                LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
                """
            )
        ).all()


def expected(rows, search, order):
    """What a search means, said once more in Python."""

    def finite(row):
        return row.net is not None and row.net.is_finite()

    def fits(row):
        settled = row.status in SETTLED
        return all(
            (
                search.user in (None, row.user_id),
                search.symbol in (None, row.symbol),
                search.status in (None, row.status),
                search.timeframe in (None, row.timeframe),
                search.direction in (None, row.direction),
                search.model in (None, row.ai_model),
                search.reason is None or search.reason.lower() in (row.status_reason or ""),
                search.start is None or row.proposed >= search.start.timestamp(),
                search.end is None or row.proposed < search.end.timestamp(),
                search.ended_start is None or (settled and row.ended >= search.ended_start.timestamp()),
                search.ended_end is None or (settled and row.ended < search.ended_end.timestamp()),
                not search.gain or (finite(row) and row.net > 0),
                not search.loss or (finite(row) and row.net < 0),
                search.least is None or (finite(row) and row.net >= search.least),
                search.most is None or (finite(row) and row.net <= search.most),
                not search.waiting or (row.status == "active" and row.due),
                not search.errors or row.wrong,
                order != "ended" or settled,
                order not in ("worst", "best") or finite(row),
            )
        )

    key = {"newest": lambda row: row.proposed, "ended": lambda row: row.ended}.get(order, lambda row: row.net)
    found = sorted(filter(fits, rows), key=lambda row: (key(row), row.id.bytes), reverse=order != "worst")
    return [row.id for row in found]


def all_pages(database, search, order, limit, searched):
    """The ids of all pages, and what was counted."""
    ids, behind, totals = [], None, set()
    while True:
        page = search_trades(database, search, order, limit=limit, behind=behind, searched=searched)
        ids += [row.id for row in page.trades]
        totals.add(page.total)
        if page.next_place is None:
            return ids, totals
        behind = page.next_place


def test_every_search_finds_what_a_plain_reading_finds(trades, everything):
    for (name, search), order in product(SEARCHES.items(), ORDERS):
        wanted = expected(everything, search, order)
        for limit, searched in ((20, SEARCHED), (8, 9)):
            ids, totals = all_pages(trades, search, order, limit, searched)
            assert ids == wanted, (name, order, limit)
            assert totals <= {None, len(wanted)}, (name, order)


def test_a_page_that_is_not_full_says_how_far_it_looked(trades):
    found = search_trades(trades, TradeSearch(model="nobody"), "newest", limit=5, searched=10)
    assert (list(found.trades), found.searched, found.total) == ([], 10, None)
    assert found.reached == found.next_place[0]
    narrow = search_trades(trades, TradeSearch(model="nobody", user=BERT), "newest", limit=5)
    assert (narrow.searched, narrow.total, narrow.next_place) == (None, None, None)


def test_a_row_says_why_it_waits_and_that_it_has_errors(trades):
    found = search_trades(trades, TradeSearch(waiting=True, errors=True), "newest", limit=9)
    assert found.trades
    assert all(row.is_waiting and row.has_errors and row.claim_id is None for row in found.trades)


def test_a_foreign_place_is_refused(database):
    for behind in (["no time", str(ANNA)], ["2026-01-01Z", "x"], [1, str(ANNA)], ["a"], [None] * 2):
        with pytest.raises(SearchPlaceError):
            search_trades(database, TradeSearch(), "newest", limit=5, behind=behind)
