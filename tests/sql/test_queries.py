"""The operators' queries, as they stand in the contract: each runs, and means what its comment says."""

import re
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from tests.support.rows import NOW, USER, insert, insert_candles, insert_settled, insert_signal

FILE = Path(__file__).parents[3] / "shared" / "contract" / "queries.sql"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"the operators' queries are not here: {FILE}")

Trades = dict[str, uuid.UUID]


def queries(number: int) -> list[str]:
    """The statements below `-- Q<number>`."""
    block = re.split(rf"^-- Q{number} .*$", FILE.read_text(), flags=re.MULTILINE)[1]
    block = re.split(r"^-- Q\d+ ", block, flags=re.MULTILINE)[0]
    return [statement.strip() for statement in block.split(";") if statement.strip()]


def ask(connection: Connection, number: int, statement: int = 0) -> list:
    return list(connection.execute(text(queries(number)[statement])))


@pytest.fixture
def trades(database: Engine) -> Trades:
    """Trades in every state, with candles, errors, measurements and feedback."""
    hour = timedelta(hours=1)
    with database.begin() as connection:
        trades = {
            "running": insert_signal(connection, generated_at=NOW - hour, expires_at=NOW + hour),
            "running, no candles": insert_signal(connection, symbol="XYZ"),
            "due": insert_signal(connection, generated_at=NOW - 3 * hour, expires_at=NOW - hour),
            "longer due": insert_signal(connection, generated_at=NOW - 5 * hour, expires_at=NOW - 2 * hour),
            "cancelled": insert_signal(connection, expires_at=NOW - hour, status="cancelled"),
            "won": insert_settled(connection, "completed_success", 20.0, completed_at=NOW - 2 * hour),
            "lost": insert_settled(connection, "completed_failure", -10.0, completed_at=NOW - hour),
            "won, analysed": insert_settled(connection, "completed_success", 5.0),
            "never entered": insert_settled(connection, "expired", None),
            "another user's": insert_settled(connection, "completed_success", 7.0, user_id=uuid.uuid4()),
        }
        connection.execute(
            text("UPDATE trade_results SET ai_analysis = 'fine' WHERE trade_signal_id = :id"),
            {"id": trades["won, analysed"]},
        )
        insert_candles(connection, "BTC", "1m", NOW - 6 * hour, timedelta(minutes=1), 360)
        for age, kind, severity in ((1, "api", "critical"), (2, "api", "low"), (30, "database", "critical")):
            insert(
                connection,
                "atge_error_logs",
                timestamp=NOW - age * hour,
                error_type=kind,
                severity=severity,
                error_message=f"{age} h ago",
            )
        for age, value in ((1, 4000), (2, 6000), (3, 9000), (30, 7000)):
            insert(
                connection,
                "atge_performance_metrics",
                timestamp=NOW - age * hour,
                metric_type="api_response",
                metric_name=f"{age} h ago",
                value=value,
                unit="ms",
            )
        for age, rating in ((1, 5), (2, 1), (24 * 8, 3)):
            insert(
                connection,
                "atge_user_feedback",
                timestamp=NOW - age * hour,
                user_id=USER,
                feedback_type="performance",
                rating=rating,
                comment=f"{age} h ago",
            )
    return trades


def test_the_file_runs_unchanged_in_psql_on_a_filled_database(trades, psql):
    printed = psql("-f", FILE)
    assert str(trades["due"]) in printed
    assert "DELETE" in printed
    assert printed.rstrip().endswith("VACUUM")


def test_the_file_runs_unchanged_in_psql_on_an_empty_database(database, psql):
    assert psql("-f", FILE).rstrip().endswith("VACUUM")


def test_q1_finds_the_expired_trades_that_wait(database, trades):
    with database.connect() as connection:
        assert [row.id for row in ask(connection, 1)] == [trades["due"], trades["longer due"]]


def test_q2_finds_the_active_trades_without_prices(database, trades):
    with database.connect() as connection:
        assert [(row.id, row.price_points) for row in ask(connection, 2)] == [
            (trades["running, no candles"], 0)
        ]


def test_q3_finds_the_settled_trades_without_an_analysis(database, trades):
    with database.connect() as connection:
        rows = ask(connection, 3)
    assert [row.id for row in rows[1:]] == [trades["lost"], trades["won"]]
    assert rows[0].id == trades["another user's"]


def test_q4_shows_a_users_newest_trades_complete(database, trades):
    with database.connect() as connection:
        rows = ask(connection, 4)
    assert len(rows) == len(trades) - 1
    assert trades["another user's"] not in [row.id for row in rows]
    assert [row.generated_at for row in rows] == sorted((row.generated_at for row in rows), reverse=True)
    assert {row.id: row.net_profit_loss for row in rows}[trades["won"]] == 20


def test_q5_recalculates_the_cache_row_and_returns_it(database, trades):
    with database.begin() as connection:
        assert str(USER) in str(ask(connection, 5)[0])
        cached = connection.execute(text("SELECT * FROM atge_performance_cache")).one()
    assert (cached.user_id, cached.total_trades, cached.total_profit_loss) == (USER, 3, 15)


def test_q6_shows_errors_measurements_and_feedback(database, trades):
    with database.connect() as connection:
        errors, performance, feedback = (ask(connection, 6, statement) for statement in range(3))
    assert [row.error_message for row in errors] == ["1 h ago"]
    (row,) = performance
    assert (row.metric_type, row.unit, row.count) == ("api_response", "ms", 3)
    assert (row.min, row.max, row.median) == (4000, 9000, 6000)
    assert [float(row.average), row.p95, row.p99] == pytest.approx([19000 / 3, 8700, 8940])
    (row,) = feedback
    assert (row.feedback_type, row.count, row.average_rating) == ("performance", 2, 3)
    assert (row.positive, row.negative) == (1, 1)


def test_q7_counts_the_last_days_errors_by_type(database, trades):
    with database.connect() as connection:
        assert [tuple(row) for row in ask(connection, 7)] == [("api", 2)]


def test_q8_finds_slow_api_responses(database, trades):
    with database.connect() as connection:
        assert [row.value for row in ask(connection, 8)] == [9000, 7000, 6000]


def test_q9_shows_recent_feedback(database, trades):
    with database.connect() as connection:
        assert [row.comment for row in ask(connection, 9)] == ["1 h ago", "2 h ago", "192 h ago"]


def test_q10_shows_table_sizes_and_index_use(database, trades):
    with database.connect() as connection:
        tables = {row.tablename for row in ask(connection, 10)}
        indexes = {row.relname for row in ask(connection, 10, 1)}
    assert {"trade_signals", "trade_results", "atge_error_logs", "atge_performance_cache"} <= tables
    assert {"trade_signals", "trade_results"} <= indexes


def test_q11_deletes_what_is_past_its_time_and_nothing_else(database, trades):
    with database.begin() as connection:
        for table, kept, gone in (("atge_error_logs", 89, 91), ("atge_performance_metrics", 29, 31)):
            for days in (kept, gone):
                connection.execute(
                    text(
                        f"UPDATE {table} SET timestamp = now() - :age WHERE id = "
                        f"(SELECT id FROM {table} WHERE timestamp > now() - interval '25 days' LIMIT 1)"
                    ),
                    {"age": timedelta(days=days)},
                )
        assert [connection.execute(text(statement)).rowcount for statement in queries(11)] == [1, 1]
