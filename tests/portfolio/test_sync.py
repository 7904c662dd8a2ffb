"""Portfolios from the gateway, the exchange and files: whole, or a failure with its reason."""

import os
from datetime import UTC, datetime
from decimal import Decimal

import pandas as pd
import pytest
from sqlalchemy import text

from include.portfolio.other_sources import read_file
from include.portfolio.snapshot import PortfolioError, Snapshot
from include.portfolio.sync import sync_exchange, sync_file, sync_ibkr

IBKR = "ibkr:DU1234567"


def count(database, what):
    with database.connect() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {what}")).scalar_one()


def syncs(database):
    with database.connect() as connection:
        rows = connection.execute(
            text("SELECT portfolio_id, outcome, reason FROM portfolio_syncs ORDER BY id")
        )
        return [tuple(row) for row in rows]


def test_an_account_is_read_whole_in_the_order_that_the_gateway_wants(database, gateway, sandbox):
    assert sync_ibkr(database, gateway) == [f"{IBKR}: 39 positions"]
    asked = [request["path"].split("/v1/api")[1] for request in sandbox.requests("ibkr")]
    assert asked[:3] == ["/iserver/auth/status", "/iserver/accounts", "/portfolio/accounts"]
    assert [path for path in asked if "positions/" in path][1:] == [
        f"/portfolio/DU1234567/positions/{page}" for page in (0, 1)
    ]
    with database.connect() as connection:
        together = connection.execute(
            text("SELECT sum(value * rate), count(*) FILTER (WHERE kind = 'cash') FROM portfolio_positions")
        ).one()
        sync = connection.execute(text("SELECT value, positions, currency, took FROM portfolio_syncs")).one()
        days = connection.execute(
            text(
                "SELECT day, value, profit, daily_return, lag(value) OVER (ORDER BY day) AS former"
                " FROM portfolio_values ORDER BY day"
            )
        ).all()
    assert (sync.value, sync.positions, sync.currency) == (together[0], 39, "USD")
    assert together[1] == 2 and sync.took is not None
    assert len(days) >= 260 and days[0].daily_return is None and days[-1].day < datetime.now(UTC).date()
    for one in days[1:]:
        assert float(one.value / one.former - 1) == pytest.approx(one.daily_return, abs=1e-12)
        assert float(one.profit) == pytest.approx(float(one.value - one.former), abs=0.02)
    sync_ibkr(database, gateway)  # yesterday is known: performance is not asked for again
    assert [r["path"] for r in sandbox.requests("ibkr")].count("/ibkr/v1/api/pa/performance") == 1


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ({"kind": "logged_out"}, "logged in"),
        ({"kind": "disconnected"}, "no connection"),
        ({"kind": "no_session"}, "not authenticated"),  # though the session says that it is
        ({"kind": "status", "status": 403, "match": {"path": "positions/1"}}, "403"),
        ({"kind": "no_rows", "match": {"path": "positions/0"}}, "stockmarketvalue"),
        ({"kind": "status", "status": 400, "match": {"path": "ledger"}}, "400"),
    ],
)
def test_what_fails_is_no_empty_portfolio(database, gateway, sandbox, fault, word):
    sandbox.fail("ibkr", times=1, **fault)
    with pytest.raises(PortfolioError, match=word):
        sync_ibkr(database, gateway)
    assert count(database, "portfolio_positions") == 0
    ((_, outcome, reason),) = syncs(database)
    assert outcome == "failed" and word in reason
    sandbox.heal()
    assert sync_ibkr(database, gateway)  # the next run goes on


def test_a_snapshot_stands_though_the_performance_fails(database, gateway, sandbox):
    sandbox.fail("ibkr", "status", status=400, match={"path": "performance"})
    with pytest.raises(PortfolioError, match="400"):
        sync_ibkr(database, gateway)
    assert count(database, "portfolio_positions") == 39
    assert [outcome for _, outcome, _ in syncs(database)] == ["complete", "failed"]


def exchange_rows(database, *, close="60000"):
    statements = [
        "INSERT INTO exchange_balances (exchange, currency, total) VALUES ('bingx-demo', 'VST', 900)",
        "INSERT INTO orders (exchange, symbol, side, order_type, quantity, client_order_id)"
        " VALUES ('bingx-demo', 'BTC/USDT:USDT', 'buy', 'market', 0.01, 'one')",
        "INSERT INTO fills (exchange, trade_id, order_id, symbol, side, executed_at, price, quantity)"
        " SELECT exchange, '1', id, symbol, side, now(), 50000, 0.01 FROM orders",
    ]
    if close:
        statements += [
            "SELECT ensure_candle_partitions(now() - interval '1 day', now())",
            "INSERT INTO market_candles (symbol, resolution, timestamp, open, high, low, close, source)"
            " SELECT 'BTC', '1m', now() - interval '1 minute', p, p, p, p, 'sandbox'"
            f" FROM (VALUES ({close})) AS one (p)",
        ]
    with database.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_a_position_at_the_exchange_is_worth_what_it_has_won(database):
    exchange_rows(database)
    assert sync_exchange(database) == ["exchange:bingx-demo: 2 positions"]
    with database.connect() as connection:
        rows = connection.execute(text("SELECT * FROM portfolio_positions ORDER BY kind DESC")).all()
    cash, swap = rows
    assert (cash.instrument, cash.value, cash.price) == ("VST", 900, 1)
    assert (swap.instrument, swap.quantity, swap.price, swap.value) == (
        "BTC/USDT:USDT", Decimal("0.01"), 60_000, 100,
    )  # fmt: skip
    assert sync_exchange(database) == []  # the same look is no second snapshot


def test_the_exchange_without_a_price_or_a_look_is_a_failure(database):
    with pytest.raises(PortfolioError, match="nobody has looked"):
        sync_exchange(database)
    exchange_rows(database, close=None)
    with pytest.raises(PortfolioError, match="BTC/USDT:USDT"):
        sync_exchange(database)
    assert [outcome for _, outcome, _ in syncs(database)] == ["failed", "failed"]


ROWS = {
    "portfolio": ["a", "a", "a"],
    "taken_at": ["2026-03-01T20:00:00+00:00"] * 2 + ["2026-03-02T20:00:00Z"],
    "instrument": ["X", "EURO", "X"],
    "currency": ["USD", "EUR", "USD"],
    "quantity": ["10", "-2", "10"],
    "price": ["1.5", "100", "1.6"],
    "multiplier": ["100", "", "100"],
    "rate": ["", "1.1", ""],
}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_holds_dated_snapshots(database, tmp_path, kind):
    path = tmp_path / f"held.{kind}"
    frame = pd.DataFrame(ROWS).replace("", None)  # what is not known, as each kind has it
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    first, second = read_file(path)
    assert (first.portfolio_id, first.currency, first.value) == ("file:a", "USD", Decimal("1280.0"))
    assert second.value == 1600 and second.taken_at == datetime(2026, 3, 2, 20, tzinfo=UTC)
    assert len(sync_file(database, path)) == 2
    assert sync_file(database, path) == []
    assert count(database, "portfolio_positions") == 3


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"price": ["nan", "1", "1"]}, "no number"),
        ({"quantity": ["ten", "1", "1"]}, "no number"),
        ({"rate": ["", "", ""]}, "no rate of EUR"),
        ({"instrument": ["EURO", "EURO", "X"]}, "more than once"),
        ({"taken_at": ["2026-03-01T20:00:00"] * 3}, "time zone"),
        ({"multiplier": ["-1", "1", "1"]}, "above 0"),
        ({"colour": ["red"] * 3}, "colour"),
        ({"price": None}, "lacks price"),
    ],
)
def test_a_file_that_cannot_be_read_whole_is_refused_in_words(database, tmp_path, change, word):
    path = tmp_path / "held.csv"
    columns = {name: values for name, values in {**ROWS, **change}.items() if values is not None}
    pd.DataFrame(columns).to_csv(path, index=False)
    with pytest.raises(PortfolioError, match=word):
        sync_file(database, path)
    assert count(database, "portfolio_positions") == 0 and syncs(database)[0][1] == "failed"


def test_a_file_that_is_empty_or_away_or_of_another_kind_is_refused(tmp_path):
    empty = tmp_path / "empty.csv"
    empty.write_text("portfolio,instrument,currency,quantity,price\n")
    os.utime(empty, (0, 0))
    with pytest.raises(PortfolioError, match="no empty portfolio"):
        read_file(empty)
    for name in ("away.csv", "away.parquet", "held.xlsx"):
        with pytest.raises(PortfolioError):
            read_file(tmp_path / name)
    assert Snapshot("file:x", "file", datetime.now(UTC), "USD", []).value == 0  # as whoever holds nothing
