"""How much the statements do that work on temporary tables, which have no statistics."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from include.database import sql
from include.settings import Settings
from include.trades.claim import claim_due
from include.trades.results import sql_with_results
from tests.support.trades import insert, run

MANY = 500
SETTINGS = Settings(batch_size=MANY)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def executed(connection: Connection, name: str, values: dict[str, Any]) -> dict[str, Any]:
    """The plan of a statement that was run, with what each step did."""
    statement = text("EXPLAIN (ANALYZE, WAL, FORMAT JSON) " + sql_with_results(connection, name).text)
    return connection.execute(statement, values).scalar_one()[0]["Plan"]


def rows_touched(connection: Connection, name: str, values: dict[str, Any]) -> float:
    """The rows that all steps of a statement's plan gave or threw away."""
    return sum(
        node["Actual Loops"]
        * (
            node["Actual Rows"]
            + sum(count for kind, count in node.items() if kind.startswith("Rows Removed"))
        )
        for node in nodes(executed(connection, name, values))
    )


@pytest.fixture
def claimed(database):
    """Trades that one sweep has claimed, in tables whose statistics are of a time when they were empty."""
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE trade_signals, trade_results, settlement_claims"))
    insert(database, *[{} for _ in range(MANY)])
    assert claim_due(database, "sweep", SETTINGS).batches == {0: MANY}
    return database


@pytest.mark.parametrize("first", [0, 1], ids=["none", "one"])
def test_verdicts_of_the_gate_are_written_in_proportion(claimed, first):
    values = {
        "claim_id": "sweep",
        "batch": 0,
        "patience": timedelta(days=1),
        "tail_patience": timedelta(days=1),
        "lease": timedelta(minutes=5),
    }
    for count in (first, MANY):
        with claimed.begin() as connection:
            connection.execute(sql("trades/create_gate_verdicts"))
            connection.execute(
                text(
                    "INSERT INTO gate_verdicts (id, awaited) "
                    "SELECT id, false FROM trade_signals ORDER BY id LIMIT :n"
                ),
                {"n": count},
            )
            mine = {name: values[name] for name in ("claim_id", "batch")}
            assert rows_touched(connection, "trades/lock_judged", mine) < 15 * MANY
            assert rows_touched(connection, "trades/gate_trades", values) < 15 * MANY
            assert rows_touched(connection, "trades/note_waiting", mine) < 15 * MANY


def fill_settled_rows(connection: Connection, count: int) -> None:
    connection.execute(sql("trades/create_settled_rows"))
    connection.execute(
        text(
            "INSERT INTO settled_rows (trade_signal_id, status, status_reason, exit_reason, tp1_hit, "
            "tp2_hit, tp3_hit, "
            "sl_hit) SELECT id, 'expired', 'not_entered', 'not_entered', false, false, false, false "
            "FROM trade_signals ORDER BY id LIMIT :n"
        ),
        {"n": count},
    )


@pytest.mark.parametrize("first", [0, 1], ids=["none", "one"])
def test_results_are_written_in_proportion(claimed, first):
    for count in (first, MANY):
        with claimed.begin() as connection:
            fill_settled_rows(connection, count)
            values = {"claim_id": "sweep"}
            assert rows_touched(connection, "trades/settle_trades", values) < 40 * MANY


def test_settling_locks_no_row_before_it_is_written(claimed):
    """Trade and claim locked first, as they once were, would be two records more for each trade."""
    with claimed.begin() as connection:
        fill_settled_rows(connection, MANY)
        plan = executed(connection, "trades/settle_trades", {"claim_id": "sweep"})
        assert MANY < plan["WAL Records"] < 10 * MANY
        assert "LockRows" not in {node["Node Type"] for node in nodes(plan)}


@pytest.mark.parametrize("first", [0, 1], ids=["none", "one"])
def test_findings_of_a_replay_are_written_in_proportion(claimed, first):
    run(claimed, "UPDATE trade_signals SET status = 'expired', completed_at = now()")
    run(
        claimed,
        "INSERT INTO replays (id, requested_by, reason, dry_run, redo, filter, settings, run_url) "
        "VALUES ('r', 'ann', 'why', false, '{settlement}', '{}', '{}', 'u')",
    )
    run(
        claimed,
        "INSERT INTO replay_trades (replay_id, batch, trade_signal_id) SELECT 'r', 0, id FROM trade_signals",
    )
    values = {"replay_id": "r", "batch": 0, "redo_analysis": True, "dry_run": False}
    for count in (first, MANY):
        with claimed.begin() as connection:
            connection.execute(sql("trades/create_replayed_rows"))
            connection.execute(
                text(
                    "INSERT INTO replayed_rows (trade_signal_id, judged, poor, signal_version, status, "
                    "status_reason, tp1_hit, tp2_hit, tp3_hit, sl_hit, trade_size_usd) "
                    "SELECT id, true, false, updated_at, 'incomplete_data', 'poor_data', false, "
                    "false, false, false, 1000 "
                    "FROM trade_signals ORDER BY id LIMIT :n"
                ),
                {"n": count},
            )
            assert rows_touched(connection, "trades/write_replayed", values) < 60 * MANY
