"""What the page, the metrics and the guard read of many rows: little, however much was traded."""

from sqlalchemy import text

from include.database import sql
from include.exchange.guard import measure_guard
from include.exchange.overview import read_open_orders, read_state

MANY = 6_000  # rows of each table
FEW = 900  # rows that are read in all
TABLES = ["orders", "fills", "signals", "reconciliations", "reconciliation_differences", "exchange_balances"]
FILLING = (
    """INSERT INTO orders (exchange, symbol, side, order_type, quantity, filled_quantity, client_order_id,
         status, closed_at, created_at)
       SELECT 'bingx', 'C' || n % 20 || '/USDT:USDT', 'buy', 'limit', 1, 1, 'o' || n, 'filled', now(),
         now() - n * interval '1 hour'
       FROM generate_series(1, :many) AS n""",
    """INSERT INTO fills (exchange, trade_id, order_id, symbol, side, executed_at, price, quantity, fee,
         fee_currency)
       SELECT 'bingx', client_order_id, id, symbol, side, created_at, 100, 1, 0, 'USDT'
       FROM orders""",
    """INSERT INTO signals (source, chat_id, message_id, message, kind, status, reason, created_at)
       SELECT 'telegram', '1', n, 'm', 'signal', 'rejected', 'r', now() - n * interval '1 minute'
       FROM generate_series(1, :many) AS n""",
    """INSERT INTO reconciliations (exchange, window_start, window_end, outcome, started_at, finished_at)
       SELECT 'bingx', at, at, 'complete', at, at
       FROM generate_series(1, :many) AS n,
         LATERAL (SELECT now() - (:many - n) * interval '5 minutes' AS at) AS run""",
    """INSERT INTO reconciliation_differences (exchange, kind, subject, first_seen, last_seen, resolved_at,
         resolved_by)
       SELECT 'bingx', 'order_behind', n, at, at, at + n % 2 * interval '1 minute', 'reconciliation'
       FROM (SELECT n, now() - n * interval '5 minutes' AS at FROM generate_series(1, :many) AS n) AS runs""",
    """INSERT INTO exchange_balances (exchange, currency, total, taken_at)
       SELECT 'bingx', 'USDT', 1000, now() - (:many - n) * interval '5 minutes'
       FROM generate_series(1, :many) AS n""",
    "INSERT INTO trading_switch (state, reason, changed_by, changed_at) "
    "VALUES ('trading', 'r', 'ann', now() - interval '1 day' + interval '2.5 minutes')",
)
READ = """
SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0) AS rows
FROM pg_stat_xact_user_tables
WHERE relname = ANY (:tables)
"""


def test_what_is_looked_at_often_reads_few_rows_of_many(database):
    with database.begin() as connection:
        for statement in FILLING:
            connection.execute(text(statement), {"many": MANY})
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in (*TABLES, "position_days"):
            connection.execute(text(f"ANALYZE {table}"))
    found = {}
    for name, look in (
        ("the page", lambda connection: (read_state(connection, rows=50), read_open_orders(connection))),
        ("/metrics", lambda connection: connection.execute(sql("telemetry/measure_gauges")).all()),
        ("the alert rules", lambda connection: gauges_of_rules(connection)),
        ("the guard", measure_guard),
    ):
        database.dispose()  # a session counts what it reads until it tells it: a new one has none
        with database.connect() as connection:
            look(connection)
            read = connection.execute(text(READ), {"tables": TABLES}).all()
        found[name] = {row.relname: row.rows for row in read if row.rows}
    assert {name: sum(read.values()) for name, read in found.items() if sum(read.values()) > FEW} == {}, found
    assert sum(found["the guard"].values()) > 200, "it looks at the balances of a day: they are counted"


def gauges_of_rules(connection):
    at = connection.execute(text("SELECT now()")).scalar_one()
    for gauge in ("exchange", "balances"):
        connection.execute(sql(f"alerts/gauge_{gauge}"), {"at": at}).all()
