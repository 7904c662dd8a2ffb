"""How much the triggers that note changed trades do: in proportion to what has changed, whatever came before.

The work is counted in blocks. With little work_mem the rows that a trigger is handed lie on disk, so that
each time it runs through them is seen as blocks read.
"""

import json

import pytest
from sqlalchemy import Connection, text

ROWS = 3_000

SIGNALS = """
INSERT INTO trade_signals (
  user_id, symbol, timeframe, entry_price, stop_loss, take_profit_1, take_profit_2, take_profit_3, status,
  generated_at, expires_at, completed_at
)
SELECT
  gen_random_uuid(), 'BTC', '1h', 100, 95, 105, 110, 115, 'completed_success',
  '2026-03-01Z', '2026-03-02Z', '2026-03-02Z'
FROM generate_series(1, :rows)
"""
RESULTS = """
INSERT INTO trade_results (trade_signal_id, net_profit_loss, profit_loss_percentage)
SELECT id, 1, 0.1 FROM trade_signals
"""
SNAPSHOTS = """
INSERT INTO trade_market_snapshot (trade_signal_id, galaxy_score)
SELECT id, 50 FROM trade_signals
"""
CHANGES = {
    "trade_signals": "UPDATE trade_signals SET completed_at = completed_at + interval '1 day'",
    "trade_results": "UPDATE trade_results SET net_profit_loss = net_profit_loss + 1",
}
COLUMNS = {"trade_signals": "id", "trade_results": "trade_signal_id"}


def blocks_read(connection: Connection, statement: str, kind: str = "Temp Read Blocks") -> int:
    """What a statement and its triggers read together: as the body of a function, both count as one."""
    connection.execute(
        text(
            "CREATE OR REPLACE FUNCTION pg_temp.run() RETURNS void LANGUAGE plpgsql "
            f"AS $body$ BEGIN {statement}; END $body$"
        )
    )
    plan = connection.execute(text("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT pg_temp.run()")).scalar()
    whole = json.loads(plan) if isinstance(plan, str) else plan
    return int(whole[0]["Plan"][kind])


@pytest.mark.parametrize("first", [0, 1, None], ids=["none", "one", "nothing"])
@pytest.mark.parametrize("table", list(CHANGES))
def test_a_change_of_many_rows_costs_the_same_after_one_of_few(database, table, first):
    with database.begin() as connection:
        connection.execute(text("SET LOCAL work_mem = '64kB'"))
        connection.execute(text(SIGNALS), {"rows": ROWS})
        connection.execute(text(RESULTS))
        if first is not None:
            key = COLUMNS[table]
            connection.execute(
                text(f"{CHANGES[table]} WHERE {key} IN (SELECT id FROM trade_signals LIMIT :rows)"),
                {"rows": first},
            )
        # The rows as they were and as they are, some 300 blocks, are read a few times, not 3,000 times.
        assert blocks_read(connection, CHANGES[table]) < ROWS


@pytest.mark.parametrize("first", [0, 1], ids=["none", "one"])
def test_results_that_come_and_go_cost_the_same_after_few(database, first):
    with database.begin() as connection:
        connection.execute(text("SET LOCAL work_mem = '64kB'"))
        # The first statement of the session finds next to no trades: no index is worth its while.
        connection.execute(text(SIGNALS), {"rows": first})
        connection.execute(text(RESULTS))
        connection.execute(text("DELETE FROM trade_results"))
        connection.execute(text(SIGNALS), {"rows": ROWS})
        # Every row is looked up in an index or two; the table, some 80 blocks, is not read once for each.
        assert blocks_read(connection, RESULTS, "Shared Hit Blocks") < 60 * ROWS
        assert blocks_read(connection, "DELETE FROM trade_results", "Shared Hit Blocks") < 60 * ROWS


def test_the_trades_of_results_and_snapshots_are_found_by_their_keys_whatever_the_planner_believes(database):
    with database.begin() as connection:
        connection.execute(text(SIGNALS.replace("completed_success", "active")), {"rows": 40})
        connection.execute(text("ANALYZE trade_signals"))
        connection.execute(text("DELETE FROM trade_signals"))
    looked_up = text("SELECT idx_scan FROM pg_stat_xact_user_tables WHERE relname = 'trade_signals'")
    with database.begin() as connection:
        connection.execute(text(SIGNALS), {"rows": ROWS})  # it believes that next to none of them is settled
        for statement in (RESULTS, SNAPSHOTS):
            before = connection.execute(looked_up).scalar_one()
            connection.execute(text(statement))
            # Once for the foreign key, once for the note: not each trade compared with each row.
            assert connection.execute(looked_up).scalar_one() - before >= 2 * ROWS


def test_what_does_not_matter_leaves_no_note_and_what_does_leaves_one(database):
    with database.begin() as connection:
        connection.execute(text(SIGNALS), {"rows": 3})
        connection.execute(text(RESULTS))
    for statement, days, users in (
        ("UPDATE trade_signals SET status_reason = 'read again'", 0, 0),
        ("UPDATE trade_results SET data_source = 'kraken'", 0, 0),
        ("UPDATE trade_results SET ai_analysis = 'It rose.'", 1, 0),
        ("UPDATE trade_results SET fees_paid = 7", 1, 0),
        ("UPDATE trade_results SET exit_at = '2026-03-01 12:00Z'", 1, 3),
        ("UPDATE trade_results SET net_profit_loss = 'NaN'", 1, 3),
        ("UPDATE trade_results SET net_profit_loss = 'NaN'", 0, 0),
        ("UPDATE trade_results SET net_profit_loss = NULL", 1, 3),
        ("UPDATE trade_signals SET ai_model = 'a-model'", 1, 3),
        ("UPDATE trade_signals SET user_id = gen_random_uuid()", 1, 6),
        ("UPDATE trade_signals SET completed_at = '2026-03-05Z'", 2, 3),
    ):
        with database.begin() as connection:
            connection.execute(text("DELETE FROM daily_stats_due"))
            connection.execute(text("DELETE FROM performance_refreshes"))
            connection.execute(text(statement))
            found = connection.execute(
                text(
                    "SELECT (SELECT count(*) FROM daily_stats_due), "
                    "(SELECT count(*) FROM performance_refreshes)"
                )
            ).one()
        assert tuple(found) == (days, users), statement
