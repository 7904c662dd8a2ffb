"""The tables: what may be stored, what may not, and what keeps itself right."""

import re
import uuid
from datetime import timedelta
from pathlib import Path

import psycopg.errors
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.support.rows import NOW, USER, insert, insert_settled, insert_signal

CONTRACT = Path(__file__).parents[3] / "shared" / "contract" / "schema.md"


def columns_of(connection, relation: str) -> dict[str, str]:
    rows = connection.execute(
        text(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = CAST(:relation AS regclass) AND attnum > 0 AND NOT attisdropped"
        ),
        {"relation": relation},
    )
    return dict(rows.all())


def promised_columns() -> dict[str, set[str]]:
    """What the contract promises: the relation's name, then its columns between backticks."""
    promised = {}
    for name, line in re.findall(r"^\*\*(\w+)\*\*: (.*)$", CONTRACT.read_text(), flags=re.MULTILINE):
        columns: set[str] = set()
        for listed in re.findall(r"`([^`]+)`", line):
            listed = re.sub(r"\([^)]*\)", "", listed)  # (percent, default 40/30/30)
            if "," not in listed:
                continue
            listed = re.sub(r"(\w+)_1\.\.3", r"\1_1, \1_2, \1_3", listed)
            targets = "tp1_hit, tp1_hit_at, tp1_hit_price …"
            listed = listed.replace(
                targets, ", ".join(targets[:-2].replace("tp1", f"tp{target}") for target in (1, 2, 3))
            )
            columns |= {part.split()[0] for part in listed.split(", ")}
        promised[name] = columns
    return promised


@pytest.mark.skipif(not CONTRACT.exists(), reason=f"the contract is not here: {CONTRACT}")
def test_every_promised_column_is_there_with_the_promised_kind_of_type(database):
    promised = {name: columns for name, columns in promised_columns().items() if columns}
    assert len(promised) >= 10
    assert {"tp2_hit_price", "ai_analysis_detail"} <= promised["trade_results"]
    with database.connect() as connection:
        for relation, columns in promised.items():
            found = columns_of(connection, relation)
            assert columns <= found.keys(), relation
            assert not {"double precision", "real", "timestamp without time zone"} & set(found.values()), (
                relation
            )
            for name, type_ in found.items():
                if name == "id" or name.endswith("_id"):
                    assert type_ == "uuid", (relation, name)
                if name.endswith(("_at", "timestamp")):
                    assert type_ == "timestamp with time zone", (relation, name)
                if name.endswith("_price"):
                    assert type_ == "numeric", (relation, name)


def test_the_shortest_insert_gets_its_defaults(database):
    names = "user_id, symbol, timeframe, entry_price, stop_loss, take_profit_1, take_profit_2, take_profit_3"
    with database.begin() as connection:
        connection.execute(
            text(
                f"INSERT INTO trade_signals ({names}, expires_at) "
                "VALUES (gen_random_uuid(), 'BTC', '1h', 100, 95, 105, 110, 115, now() + interval '1 hour')"
            )
        )
        row = connection.execute(text("SELECT * FROM trade_signals")).one()
    assert isinstance(row.id, uuid.UUID)
    assert (row.direction, row.status) == ("LONG", "active")
    assert (row.allocation_1, row.allocation_2, row.allocation_3) == (40, 30, 30)
    assert row.generated_at == row.created_at == row.updated_at
    assert row.confidence_score is None
    assert row.completed_at is None


@pytest.mark.parametrize(
    "values",
    [
        {"stop_loss": 105},
        {"take_profit_1": 90},
        {"take_profit_1": 120, "take_profit_2": 110},
        {"allocation_1": -10},
        {"allocation_1": 0, "allocation_2": 0, "allocation_3": 0},
        {"entry_price": "NaN"},
        {"entry_price": "Infinity", "stop_loss": 0},
        {"expires_at": "2026-01-01 00:00+00", "generated_at": "2026-01-02 00:00+00"},
    ],
    ids=str,
)
def test_a_nonsensical_trade_may_be_stored(database, values):
    with database.begin() as connection:
        assert insert_signal(connection, **values)


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("trade_signals", {"direction": "UP"}),
        ("trade_signals", {"timeframe": "2h"}),
        ("trade_signals", {"status": "pending"}),
        ("trade_signals", {"confidence_score": 101}),
        ("trade_signals", {"confidence_score": -1}),
        ("trade_results", {"data_quality_score": 101}),
        ("atge_error_logs", {"error_type": "other", "error_message": "", "severity": "low"}),
        ("atge_error_logs", {"error_type": "api", "error_message": "", "severity": "fatal"}),
        ("atge_performance_metrics", {"metric_type": "other", "metric_name": "", "value": 1, "unit": "ms"}),
        (
            "atge_performance_metrics",
            {"metric_type": "api_response", "metric_name": "", "value": 1, "unit": "h"},
        ),
        ("atge_user_feedback", {"feedback_type": "praise", "rating": 5}),
        ("atge_user_feedback", {"feedback_type": "bug_report", "rating": 0}),
        ("atge_user_feedback", {"feedback_type": "bug_report", "rating": 6}),
    ],
    ids=str,
)
def test_what_no_enumeration_or_range_knows_is_refused(database, table, values):
    with database.begin() as connection:
        signal = insert_signal(connection)
        if table == "trade_results":
            values = values | {"trade_signal_id": signal}
        with pytest.raises(IntegrityError) as refused, connection.begin_nested():
            insert_signal(connection, **values) if table == "trade_signals" else insert(
                connection, table, **values
            )
    assert isinstance(refused.value.orig, psycopg.errors.CheckViolation)


def test_a_trade_has_one_result(database):
    with database.begin() as connection:
        signal = insert_signal(connection)
        insert(connection, "trade_results", trade_signal_id=signal)
        with pytest.raises(IntegrityError, match="trade_results_trade_signal_id_key"):
            insert(connection, "trade_results", trade_signal_id=signal)


def test_a_deleted_trade_takes_everything_of_it_along_but_reports_stay(database):
    owned = ("trade_results", "trade_technical_indicators", "trade_market_snapshot")
    with database.begin() as connection:
        signal = insert_signal(connection)
        for table in owned:
            insert(connection, table, trade_signal_id=signal)
        connection.execute(
            text("INSERT INTO settlement_claims VALUES (:id, 'run', 0, now(), now(), 1)"), {"id": signal}
        )
        connection.execute(text("INSERT INTO analysis_claims VALUES (:id, 'run', now(), 1)"), {"id": signal})
        connection.execute(text("SELECT calculate_atge_performance(:user)"), {"user": USER})
        insert(
            connection, "atge_error_logs", error_type="api", error_message="about it", trade_signal_id=signal
        )
        connection.execute(text("DELETE FROM trade_signals"))
        for table in (*owned, "settlement_claims", "analysis_claims"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0
        assert connection.execute(text("SELECT trade_signal_id FROM atge_error_logs")).scalar_one() == signal


def test_the_best_trade_of_a_user_can_be_deleted(database):
    with database.begin() as connection:
        insert_settled(connection, "completed_success", 5.0)
        connection.execute(text("SELECT calculate_atge_performance(:user)"), {"user": USER})
        connection.execute(text("DELETE FROM trade_signals"))
        refreshed = connection.execute(
            text("SELECT * FROM calculate_atge_performance(:user)"), {"user": USER}
        ).one()
    assert (refreshed.total_trades, refreshed.best_trade_id) == (0, None)


@pytest.mark.parametrize("table", ["trade_signals", "trade_results", "atge_performance_cache"])
def test_updated_at_follows_changes_only(database, table):
    with database.begin() as connection:
        insert_settled(connection, "completed_success", 5.0)
        connection.execute(text("SELECT calculate_atge_performance(:user)"), {"user": USER})
        before = connection.execute(text(f"SELECT updated_at FROM {table}")).scalar_one()
    column = {"trade_signals": "status_reason", "trade_results": "ai_analysis"}.get(table, "average_win")
    value = "'text'" if column != "average_win" else "7"
    with database.begin() as connection:
        connection.execute(text(f"UPDATE {table} SET {column} = {column}"))
        assert connection.execute(text(f"SELECT updated_at FROM {table}")).scalar_one() == before
        connection.execute(text(f"UPDATE {table} SET {column} = {value}"))
        changed, now = connection.execute(text(f"SELECT updated_at, now() FROM {table}")).one()
    assert changed == now > before


def test_every_table_view_and_function_is_explained(database):
    with database.connect() as connection:
        silent = connection.execute(
            text(
                "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace "
                "AND relkind IN ('r', 'p', 'v') AND NOT relispartition "
                "AND relname NOT LIKE 'tradeops_schema_%' AND obj_description(oid, 'pg_class') IS NULL "
                "UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace "
                "AND obj_description(oid, 'pg_proc') IS NULL"
            )
        ).scalars()
        assert silent.all() == []
        formulas = connection.execute(
            text(
                "SELECT attname, col_description(attrelid, attnum) FROM pg_attribute "
                "WHERE attrelid = 'atge_performance_cache'::regclass AND attnum > 0"
            )
        )
    described = {name for name, words in formulas if words}
    assert {
        "success_rate",
        "sharpe_ratio",
        "max_drawdown",
        "profit_factor",
        "social_correlation",
    } <= described


def test_complete_trades_shows_one_row_a_trade_with_its_newest_parts(database):
    with database.begin() as connection:
        signal = insert_settled(connection, "completed_success", 5.0, galaxy=60)
        bare = insert_signal(connection)
        for age, score in ((2, 10), (-1, 70)):
            taken = NOW - timedelta(hours=age)
            insert(
                connection,
                "trade_market_snapshot",
                trade_signal_id=signal,
                galaxy_score=score,
                volume_24h=score,
                snapshot_at=taken,
            )
            insert(
                connection,
                "trade_technical_indicators",
                trade_signal_id=signal,
                rsi_14=score,
                volume_24h=score + 1,
                calculated_at=taken,
            )
        rows = {row.id: row for row in connection.execute(text("SELECT * FROM vw_complete_trades"))}
    assert rows.keys() == {signal, bare}
    full = rows[signal]
    assert (full.net_profit_loss, full.galaxy_score, full.rsi_14) == (5, 70, 70)
    assert (full.volume_24h, full.indicators_volume_24h) == (70, 71)
    assert (rows[bare].net_profit_loss, rows[bare].galaxy_score, rows[bare].rsi_14) == (None, None, None)


def test_complete_trades_shows_every_column_of_its_parts(database):
    kept_out = {"id", "trade_signal_id", "created_at", "updated_at"}
    prefixes = {"trade_technical_indicators": "indicators_", "trade_market_snapshot": "snapshot_"}
    with database.connect() as connection:
        shown = columns_of(connection, "vw_complete_trades").keys()
        assert columns_of(connection, "trade_signals").keys() <= shown
        for part in ("trade_results", *prefixes):
            for column in columns_of(connection, part).keys() - kept_out:
                assert {column, prefixes.get(part, "") + column} & shown, (part, column)


def test_a_type_measured_in_two_units_has_two_rows(database):
    with database.begin() as connection:
        for value, unit in ((1500, "ms"), (2, "seconds")):
            insert(
                connection,
                "atge_performance_metrics",
                metric_type="generation_time",
                metric_name="one",
                value=value,
                unit=unit,
            )
        rows = connection.execute(text("SELECT unit, average FROM atge_performance_summary_24h"))
        assert dict(rows.all()) == {"ms": 1500, "seconds": 2}


@pytest.mark.parametrize(
    ("table", "condition"),
    [
        ("atge_error_logs", "error_type = 'backtesting'"),
        ("atge_error_logs", "severity = 'critical'"),
        ("atge_user_feedback", f"user_id = '{USER}'"),
        ("atge_user_feedback", "feedback_type = 'bug_report'"),
        ("atge_user_feedback", "rating = 1"),
    ],
)
def test_errors_and_feedback_are_found_by_what_people_look_for(database, table, condition):
    column = condition.split()[0]
    rare = "CASE WHEN n % 100 = 0 THEN"
    others = {
        "atge_error_logs": "(timestamp, error_message, error_type, severity) "
        f"SELECT at, 'x', {rare} 'backtesting' ELSE 'api' END, {rare} 'critical' ELSE 'low' END",
        "atge_user_feedback": "(timestamp, user_id, feedback_type, rating) "
        f"SELECT at, gen_random_uuid(), {rare} 'bug_report' ELSE 'performance' END, {rare} 1 ELSE 4 END",
    }
    rows = "generate_series(1, 20000) AS n, LATERAL (SELECT now() - n * interval '1 minute') AS moment (at)"
    with database.connect() as connection, connection.begin() as transaction:
        # Rows and their statistics, so that the plan is not one of chance; all of it is taken back.
        connection.execute(text(f"INSERT INTO {table} {others[table]} FROM {rows}"))
        connection.execute(text(f"ANALYZE {table}"))
        plan = "\n".join(
            connection.execute(
                text(
                    f"EXPLAIN SELECT * FROM {table} WHERE {condition} "
                    "AND timestamp > now() - interval '7 days' ORDER BY timestamp DESC LIMIT 20"
                )
            ).scalars()
        )
        transaction.rollback()
    assert f"Index Cond: (({column} = " in plan
    assert '"timestamp" >' in plan.split("Index Cond")[1]
    assert "Sort" not in plan  # they come in order


def test_every_trigger_of_new_trades_is_there(database):
    """Two triggers of one name on one table: the younger takes the place of the other, without a word."""
    triggers = (
        "SELECT proname FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid "
        "WHERE tgrelid = 'trade_signals'::regclass AND NOT tgisinternal AND tgtype & 4 <> 0"
    )
    with database.connect() as connection:
        assert {"count_events", "count_trades", "note_changed_signals", "note_trade_changes"} <= set(
            connection.execute(text(triggers)).scalars()
        )
