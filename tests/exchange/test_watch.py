"""What is counted and watched of orders, messages and balances: for Prometheus and our own alert rules."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from include.alerts.readings import SampleSelection, read_sources, select
from include.exchange.switch import turn_switch
from include.telemetry.exporters import EndedRuns, read_metrics
from tests.support.rows import NOW, insert

ORDER = {
    "exchange": "bingx", "symbol": "BTC/USDT:USDT", "side": "buy", "order_type": "limit", "quantity": 1
}  # fmt: skip
MESSAGE = {"source": "telegram", "chat_id": "1", "message": "BUY BTCUSDT 0.1"}


def metrics(engine):
    reading = read_metrics(engine, lambda since: EndedRuns([], []), fresh=0.0)
    return {
        (name, *dict(labels).values(), *([le] if le else [])): value
        for name, labels, le, value in reading.samples
    }


def watched(engine):
    """Gauge -> values, and the shares that fail, as the rules read them now."""
    orders = select("orders", "summaries", {}, (), 900)
    with engine.connect() as connection:
        at = connection.execute(text("SELECT now()")).scalar_one()
        wanted = [SampleSelection("exchange", "gauges"), SampleSelection("balances", "gauges"), orders]
        readings = read_sources(connection, wanted, at)
    assert readings.failed == {}
    found = {gauge: [*values.values()] for (_, gauge), values in readings.gauges.items()}
    return found | {"failing": readings.rows[orders][()].avg if readings.rows[orders] else None}


def write(engine, statement, **values):
    with engine.begin() as connection:
        return connection.execute(text(statement), values)


def test_orders_and_messages_are_counted_where_they_change_and_once(database):
    with database.begin() as connection:
        signal = insert(connection, "signals", **MESSAGE, message_id="1")
        insert(connection, "signals", **MESSAGE, message_id="2", kind="noise")
        insert(
            connection, "signals", **MESSAGE, message_id="3", kind="signal", status="rejected", reason="no"
        )
        insert(
            connection, "orders", **ORDER, origin="external", exchange_order_id="9", status="rejected",
            client_order_id="x", closed_at=NOW,
        )  # fmt: skip
        ours = [insert(connection, "orders", **ORDER, client_order_id=str(n)) for n in range(3)]
    for _ in range(2):  # the second changes nothing
        write(database, "UPDATE signals SET kind = 'signal', status = 'accepted' WHERE id = :id", id=signal)
        write(
            database,
            "UPDATE orders SET status = 'open', signal_id = :signal,"
            " submitted_at = created_at + interval '3 s' WHERE id = :id",
            signal=signal,
            id=ours[0],
        )
    write(
        database,
        "UPDATE orders SET status = 'filled', filled_quantity = 1, closed_at = submitted_at + interval '20 s'"
        " WHERE id = :id",
        id=ours[0],
    )
    write(database, "UPDATE orders SET status = 'unknown', unknown_since = now() WHERE id = :id", id=ours[1])
    found = metrics(database)
    assert found["orders_total",] == 3
    assert found["orders_failed_total", "unknown"] == 1
    assert ("orders_failed_total", "rejected") not in found, "not ours"
    assert found["order_processing_seconds", "5"] == 1
    assert found["bingx_order_execution_seconds", "30"] == 1
    assert found["signals_received_total", "telegram"] == 2
    assert found["signal_processing_errors_total", "telegram"] == 1
    by_status = {key[1]: value for key, value in found.items() if key[0] == "orders_by_status" and value}
    assert by_status == {"planned": 1, "filled": 1, "unknown": 1, "rejected": 1}
    assert (found["signals_by_source", "telegram"], found["signals_by_source", "api"]) == (2, 0)
    assert "exchange_balance_usdt" not in {key[0] for key in found}, "nobody has looked"


def test_balances_are_those_of_the_exchange_looked_at_last_and_demo_money_is_no_dollar(database):
    look = (
        "INSERT INTO exchange_balances (exchange, currency, total, taken_at)"
        " VALUES (:exchange, :currency, :total, now() - CAST(:ago AS interval))"
    )
    for exchange, currency, total, ago in (
        ("bingx", "USDT", 900, "1 day"),
        ("bingx", "USDT", 90, "20 minutes"),
        ("bingx", "BTC", 2, "20 minutes"),
    ):
        write(database, look, exchange=exchange, currency=currency, total=total, ago=ago)
    found, gauges = metrics(database), watched(database)
    assert (found["exchange_balance_usdt",], found["exchange_balance_btc",]) == (90, 2)
    assert gauges["total"] == [90]
    assert 1_190 < gauges["age_seconds"][0] < 1_300
    write(database, look, exchange="bingx-demo", currency="VST", total=100_000, ago="0")
    assert "exchange_balance_usdt" not in {key[0] for key in metrics(database)}
    assert watched(database)["total"] == [100_000]


def test_what_waits_is_stalled_only_while_the_switch_lets_orders_through(database):
    now, old = datetime.now(UTC), timedelta(minutes=11)
    with database.begin() as connection:
        for number, status in enumerate(("planned", "unknown", "filled", "filled")):
            insert(
                connection, "orders", **ORDER, client_order_id=str(number), status=status,
                filled_quantity=int(status == "filled"), created_at=now - old,
                unknown_since=now - old if status == "unknown" else None,
                closed_at=now if status == "filled" else None,
            )  # fmt: skip
        insert(connection, "reconciliation_differences", exchange="bingx", kind="position", subject="BTC")
    gauges = watched(database)
    assert (gauges["stalled_seconds"], gauges["differences"], gauges["failing"]) == ([0], [1], 25)
    assert 660 <= gauges["unknown_seconds"][0] < 2_000
    turn_switch(database, "trading", reason="a test", changed_by="ann")
    assert 660 <= watched(database)["stalled_seconds"][0] < 2_000
    found = metrics(database)
    assert found["tradeops_trading_state", "trading"] == 1 and found["tradeops_trading_state", "frozen"] == 0
    assert found["tradeops_exchange_differences",] == 1
    assert 660 <= found["tradeops_orders_unknown_oldest_seconds",] < 2_000
