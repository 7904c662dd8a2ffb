"""Trading freezes by itself: each rule at its limit and beyond it, and only while it is not frozen."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from include.exchange.guard import GuardFigures, find_breaches, guard_trading, measure_guard
from include.exchange.switch import read_changes, turn_switch
from include.settings import Settings
from tests.support.dag_files import load_dag
from tests.support.rows import insert
from tests.support.tasks import call

HOUR = timedelta(hours=1)
RULES = {
    "freeze_on_drawdown": 10,
    "freeze_on_day_loss": 50,
    "freeze_on_discrepancy": 5,
    "freeze_on_exchange_down": HOUR,
}
AT_THE_LIMIT = GuardFigures(10, 50, 5, HOUR)


def let_on(database, ago):
    """Let trading on some time ago."""
    change = turn_switch(database, "trading", reason="a test", changed_by="ann")
    with database.begin() as connection:
        statement = text("UPDATE trading_switch SET changed_at = now() - :ago WHERE id = :id")
        connection.execute(statement, {"ago": ago, "id": change.id})


def write(database, balances=(), fills=(), comparisons=()):
    """Rows some hours ago: (hours, total), (hours, side, price, quantity, fee), (hours, outcome)."""
    with database.begin() as connection:
        now = connection.execute(text("SELECT now()")).scalar_one()
        for hours, total in balances:
            insert(
                connection, "exchange_balances", exchange="bingx", currency="USDT", total=total,
                taken_at=now - hours * HOUR,
            )  # fmt: skip
        for number, (hours, side, price, quantity, fee) in enumerate(fills):
            order = insert(
                connection, "orders", exchange="bingx", symbol="BTC/USDT:USDT", side=side, order_type="limit",
                quantity=quantity, filled_quantity=quantity, client_order_id=str(number), status="filled",
                closed_at=now,
            )  # fmt: skip
            insert(
                connection, "fills", exchange="bingx", trade_id=str(number), order_id=order, side=side,
                symbol="BTC/USDT:USDT", executed_at=now - hours * HOUR, price=price, quantity=quantity,
                fee=fee, fee_currency="USDT",
            )  # fmt: skip
        for hours, outcome in comparisons:
            at = now - hours * HOUR
            insert(
                connection, "reconciliations", exchange="bingx", window_start=at, window_end=at,
                started_at=at, finished_at=at, outcome=outcome,
            )  # fmt: skip


def measured(database):
    with database.connect() as connection:
        return measure_guard(connection)


@pytest.mark.parametrize(
    ("figure", "value", "words"),
    [
        ("drawdown", 10.01, "10.01 % below its highest, more than 10.0 %"),
        ("day_loss", 50.5, "50.50 USD, more than 50.00 USD"),
        ("discrepancy", 5.5, "disagree by 5.50 USD"),
        ("down", 2 * HOUR, "for 2 h"),
    ],
)
def test_a_rule_is_broken_beyond_its_limit_and_only_if_it_is_set(figure, value, words):
    beyond = GuardFigures(**{**AT_THE_LIMIT.__dict__, figure: value})
    assert list(find_breaches(AT_THE_LIMIT, Settings(**RULES))) == []
    (said,) = find_breaches(beyond, Settings(**RULES))
    assert words in said
    assert list(find_breaches(beyond, Settings())) == [], "each rule is off until it is set"
    assert list(find_breaches(GuardFigures(None, None, None, None), Settings(**RULES))) == []


def test_the_figures_count_from_when_trading_was_let_on(database):
    assert measured(database) == GuardFigures(None, None, None, None)
    # Before: 2 bought at 100. Since: 1 of them sold at 90 with fees of 1: -11, the balance shows -14.
    write(
        database,
        balances=[(30, 5_000), (20, 1_000), (10, 1_100), (0, 986)],
        fills=[(25, "buy", 100, 2, 3), (5, "sell", 90, 1, 1)],
        comparisons=[(9, "complete"), (3, "failed"), (1, "failed")],
    )
    with database.begin() as connection:  # the first look of today
        connection.execute(
            text(
                "INSERT INTO exchange_balances (exchange, currency, total, taken_at)"
                " VALUES ('bingx', 'USDT', 1000, date_trunc('day', now(), 'UTC'))"
            )
        )
    let_on(database, 24 * HOUR)
    found = measured(database)
    assert found.day_loss == pytest.approx(14)
    assert found.drawdown == pytest.approx(100 * (1_100 - 986) / 1_100)
    assert found.discrepancy == pytest.approx(3)
    assert timedelta(hours=9) <= found.down < timedelta(hours=10)
    write(database, comparisons=[(0, "complete")])
    assert measured(database).down == timedelta(0)


def test_a_broken_rule_freezes_once_critically_and_nothing_lets_trading_on_again(
    database, database_url, monkeypatch
):
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    settings = Settings(freeze_on_drawdown=10)
    write(database, balances=[(2, 1_000), (1, 800)])
    assert guard_trading(database, settings) is None, "it is frozen: nobody has turned it"
    let_on(database, 3 * HOUR)
    monkeypatch.setenv("AIRFLOW_VAR_TRADEOPS_SETTINGS", "{}")
    assert call(load_dag("guard_trading"), "guard") == "nothing was done"
    monkeypatch.setenv("AIRFLOW_VAR_TRADEOPS_SETTINGS", '{"freeze_on_drawdown": 10}')
    assert call(load_dag("guard_trading"), "guard").startswith("frozen: the balance is 20.0 % below")
    write(database, balances=[(0, 1_000)])
    assert guard_trading(database, settings) is None
    with database.connect() as connection:
        (newest, _) = read_changes(connection)
        told = (
            connection.execute(text("SELECT severity FROM alert_notices ORDER BY created_at")).scalars().all()
        )
    assert (newest.state, newest.changed_by) == ("frozen", "guard_trading")
    assert told == ["info", "critical"]
