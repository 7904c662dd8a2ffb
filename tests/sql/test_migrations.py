"""The migrations: there, back, twice, at once, over what was there before, and with few rights."""

import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from include.database import SQL, DatabaseError, connect, downgrade, migrate, revision
from local import postgres
from local.postgres import Server
from tests.sql.conftest import but_for_comments, step_up
from tests.support.rows import USER, insert_settled, insert_signal

ROOT = Path(__file__).parents[2]
FIRST_PLATFORM = (Path(__file__).parent / "first_platform.sql").read_text()
WON, RUNNING = uuid.UUID(int=0xA), uuid.UUID(int=0xB)

VERSIONS = sorted(path.stem.partition("_")[0] for path in (SQL / "migrations" / "versions").glob("*.py"))

# Every column, constraint, index, view, function, trigger and comment, as text.
EVERYTHING = """
SELECT format('%s %s.%s %s %s %s', 'column', attrelid::regclass, attname, format_type(atttypid, atttypmod),
  attnotnull, pg_get_expr(adbin, adrelid))
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE relnamespace = current_schema()::regnamespace AND attnum > 0 AND NOT attisdropped AND relkind <> 'i'
UNION ALL
SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE connamespace = current_schema()::regnamespace
UNION ALL
SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema()
UNION ALL
SELECT format('view %s %s', viewname, definition) FROM pg_views WHERE schemaname = current_schema()
UNION ALL
SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
UNION ALL
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT format('comment %s.%s %s', objoid::regclass, attname, description) FROM pg_description
LEFT JOIN pg_attribute ON attrelid = objoid AND attnum = nullif(objsubid, 0)  -- numbers move, names stay
WHERE classoid = 'pg_class'::regclass
  AND objoid IN (SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace)
ORDER BY 1
"""


def everything(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return [row[0] for row in connection.exec_driver_sql(EVERYTHING.replace("%", "%%"))]


@pytest.fixture
def engine(empty_database: str) -> Iterator[Engine]:
    engine = connect(empty_database, application="tests")
    yield engine
    engine.dispose()


@pytest.fixture
def role(postgres_server, empty_database) -> Iterator[str]:
    """A role without any rights, in the empty database; answer with its URL."""
    name = f"poor_{make_url(empty_database).database}"
    admin = postgres_server.url(make_url(empty_database).database, "postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'secret'")
        connection.execute(create.format(sql.Identifier(name)))
        yield make_url(empty_database).set(username=name, password="secret").render_as_string(False)
        connection.execute(sql.SQL("DROP OWNED BY {0}").format(sql.Identifier(name)))
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def test_versions_are_numbered_without_a_gap():
    assert [int(version) for version in VERSIONS] == list(range(1, len(VERSIONS) + 1))


def test_the_first_time_takes_every_step_and_the_second_none(empty_database, engine):
    steps = migrate(empty_database)
    assert [step.split()[1] for step in steps[: len(VERSIONS)]] == VERSIONS
    assert "up functions/refresh_atge_performance" in steps
    assert "up views/vw_complete_trades" in steps
    before = everything(engine)
    assert migrate(empty_database) == []
    assert everything(engine) == before
    assert revision(empty_database) == VERSIONS[-1]


def test_up_down_up_leads_to_the_same_schema(empty_database, engine):
    assert revision(empty_database) is None
    migrate(empty_database)
    before = everything(engine)
    steps = downgrade(empty_database, "base")
    assert [step.split()[1] for step in steps[-len(VERSIONS) :]] == VERSIONS[::-1]
    assert revision(empty_database) is None
    with engine.connect() as connection:
        left = connection.execute(
            text(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind <> 'i' "
                "UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1"
            )
        ).scalars()
        assert list(left) == ["tradeops_schema_definitions", "tradeops_schema_version"]
    migrate(empty_database)
    assert everything(engine) == before


def test_each_step_goes_down_and_up_again(migrated_database):
    engine = connect(migrated_database, application="tests")
    whole, seen = everything(engine), {}
    for version in reversed(VERSIONS):
        downgrade(migrated_database, version)
        assert revision(migrated_database) == version
        seen[version] = but_for_comments(everything(engine))
    for version in VERSIONS[1:]:
        step_up(engine, version)
        assert but_for_comments(everything(engine)) == seen[version], version
    migrate(migrated_database)
    assert everything(engine) == whole
    engine.dispose()


@pytest.mark.parametrize("table", ["trade_signals", "market_candles", "atge_error_logs"])
def test_a_downgrade_never_throws_rows_away(empty_database, engine, table):
    migrate(empty_database)
    with engine.begin() as connection:
        if table == "trade_signals":
            insert_signal(connection)
        elif table == "market_candles":
            connection.execute(text("SELECT ensure_candle_partitions(now(), now())"))
            connection.execute(
                text("INSERT INTO market_candles VALUES ('BTC', '1m', now(), 1, 1, 1, 1, 1, 'archive')")
            )
        else:
            connection.execute(
                text("INSERT INTO atge_error_logs (error_type, error_message) VALUES ('api', '')")
            )
    before = everything(engine)
    with pytest.raises(DatabaseError, match=f"nothing has changed. It said: {table} holds rows"):
        downgrade(empty_database, "base")
    assert everything(engine) == before
    assert revision(empty_database) == VERSIONS[-1]


def test_two_migrators_at_once(empty_database, engine):
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(command, [empty_database] * 2, ["migrate"] * 2))
    assert [process.returncode for process in done] == [0, 0], [process.stderr for process in done]
    said = sorted((process.stdout.splitlines() for process in done), key=len)
    assert said[0] == [f"nothing to do: the schema is at {VERSIONS[-1]}"]
    assert said[1][0].startswith("up 0001")
    assert revision(empty_database) == VERSIONS[-1]


def test_only_a_changed_file_is_run_again(empty_database, engine):
    migrate(empty_database)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE tradeops_schema_definitions SET checksum = '' WHERE name LIKE 'views/atge_feedback%'"
            )
        )
    assert migrate(empty_database) == ["up views/atge_feedback_summary"]
    assert migrate(empty_database) == []


@pytest.mark.parametrize(
    "path", [*(SQL / "functions").glob("*.sql"), *(SQL / "views").glob("*.sql")], ids=str
)
def test_a_file_defines_the_object_that_it_is_named_after(path):
    kind = {"functions": "FUNCTION", "views": "VIEW"}[path.parent.name]
    defined = re.findall(r"^CREATE (?:OR REPLACE )?(FUNCTION|VIEW) (\w+)", path.read_text(), re.MULTILINE)
    assert defined == [(kind, path.stem)]


def test_a_failed_migration_changes_nothing_and_says_why(empty_database, engine):
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE market_candles (a integer)"))
    before = everything(engine)
    with pytest.raises(
        DatabaseError, match=r"nothing has changed. It said: .*market_candles.* already exists"
    ):
        migrate(empty_database)
    assert everything(engine) == before


def test_data_survives_a_migration(empty_database, engine):
    migrate(empty_database)
    downgrade(empty_database, VERSIONS[3])  # before what other parts added
    with engine.begin() as connection:
        trade = insert_settled(connection, "completed_success", 5.0, galaxy=50)
    migrate(empty_database)
    with engine.begin() as connection:
        row = connection.execute(text("SELECT * FROM vw_complete_trades")).one()
    assert (row.id, row.net_profit_loss, row.galaxy_score) == (trade, 5, 50)


@pytest.fixture
def adopted(empty_database: str, engine: Engine) -> Engine:
    with psycopg.connect(empty_database) as connection:
        connection.execute(FIRST_PLATFORM)
    migrate(empty_database)
    return engine


def test_the_first_platforms_rows_are_all_there(adopted):
    counts = {
        "trade_signals": 2,
        "trade_results": 1,
        "trade_market_snapshot": 1,
        "trade_historical_prices_legacy": 5,
        "atge_performance_cache": 1,
        "atge_error_logs": 1,
    }
    with adopted.connect() as connection:
        for table, count in counts.items():
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == count, table
        won = connection.execute(text(f"SELECT * FROM trade_signals WHERE id = '{WON}'")).one()
        running = connection.execute(text(f"SELECT * FROM trade_signals WHERE id = '{RUNNING}'")).one()
        result = connection.execute(text("SELECT * FROM trade_results")).one()
    assert (won.entry_price, won.favourite, won.ai_model) == (Decimal("0.12345678"), True, "gpt-4o")
    assert won.completed_at.isoformat() == "2025-01-01T12:34:56+00:00"  # it had no time zone
    assert (won.allocation_1, won.allocation_2, running.allocation_1) == (40, 30, 60)
    assert (result.net_profit_loss, result.ai_analysis) == (Decimal("12.34"), "fine")
    assert result.profit_loss_percentage == Decimal("0.1")


def test_the_first_platforms_tables_get_our_columns(adopted, database_url):
    ours = connect(database_url, application="tests")
    wanted = [line for line in everything(ours) if line.startswith(("column", "constraint"))]
    ours.dispose()
    found = set(everything(adopted))
    # The cache keeps its own primary key beside the unique user.
    missing = {line for line in wanted if line not in found and "market_candles_20" not in line}
    assert missing == {"constraint atge_performance_cache atge_performance_cache_pkey PRIMARY KEY (user_id)"}


def test_the_first_platforms_database_works_as_ours(adopted):
    with adopted.begin() as connection:
        assert insert_signal(connection, user_id=USER, symbol="A-LONG-SYMBOL", timeframe="15m")
        connection.execute(
            text(f"UPDATE trade_signals SET status = 'incomplete_data' WHERE id = '{RUNNING}'")
        )
        row = connection.execute(text(f"SELECT * FROM calculate_atge_performance('{USER}')")).one()
        assert (row.total_trades, row.total_profit_loss, row.best_trade_id) == (1, Decimal("12.34"), WON)
        assert row.avg_galaxy_score_wins == 66
        complete = connection.execute(text(f"SELECT * FROM vw_complete_trades WHERE id = '{WON}'")).one()
        assert (complete.galaxy_score, complete.exit_reason) == (66, None)
        assert connection.execute(text("SELECT count(*) FROM trade_historical_prices")).scalar_one() == 0
        assert connection.execute(text("SELECT error_message FROM atge_recent_critical_errors")).scalar_one()
        connection.execute(text("DELETE FROM trade_signals"))


def test_what_cannot_be_adopted_is_said_and_left_alone(empty_database, engine):
    with psycopg.connect(empty_database) as connection:
        connection.execute(FIRST_PLATFORM)
        connection.execute("ALTER TABLE trade_signals DROP CONSTRAINT trade_signals_status_check")
        connection.execute("UPDATE trade_signals SET status = 'pending'")
    before = everything(engine)
    with pytest.raises(DatabaseError, match=r"nothing has changed. It said: .*trade_signals_status_check"):
        migrate(empty_database)
    assert everything(engine) == before


def test_the_first_platforms_candles_get_their_name_back_on_the_way_down(adopted, empty_database):
    with adopted.begin() as connection:
        connection.execute(text("DELETE FROM atge_error_logs"))
    downgrade(empty_database, "0001")
    with adopted.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM trade_historical_prices")).scalar_one() == 5


@pytest.mark.parametrize("right", ["CREATE ON DATABASE", "ALL ON SCHEMA public"])
def test_a_role_with_few_rights_migrates_and_works(postgres_server, empty_database, role, right):
    name = make_url(role).username
    admin = postgres_server.url(make_url(empty_database).database, "postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        target = "" if "SCHEMA" in right else f' "{make_url(role).database}"'
        connection.execute(f'GRANT {right}{target} TO "{name}"')
    steps = migrate(role)
    assert ("up a schema of its own" in steps[0]) == (right == "CREATE ON DATABASE")
    assert migrate(role) == []
    engine = connect(role, application="tests")
    with engine.begin() as connection:
        insert_settled(connection, "completed_success", 5.0)
        connection.execute(text("SELECT ensure_candle_partitions(now(), now())"))
        row = connection.execute(text(f"SELECT * FROM calculate_atge_performance('{USER}')")).one()
        schema = connection.execute(text("SELECT current_schema()")).scalar_one()
    engine.dispose()
    assert row.total_trades == 1
    assert schema == (name if right == "CREATE ON DATABASE" else "public")


def test_a_role_without_rights_is_told(role):
    with pytest.raises(DatabaseError, match=r"nothing has changed\. It said: permission denied for database"):
        migrate(role)


@pytest.fixture(scope="module")
def supabase(postgres_server: Server) -> Iterator[Server]:
    """A server of its own: a role belongs to all databases, and other workers migrate theirs meanwhile."""
    folder = postgres_server.folder / f"supabase-{uuid.uuid4()}"
    yield postgres.start(folder, durable=False)
    postgres.stop(folder)


def test_the_role_authenticated_gets_its_rights_where_it_exists(supabase):
    tables = ["trade_signals", "trade_results", "market_candles", "atge_performance_cache", "atge_error_logs"]
    tables += ["trade_technical_indicators", "trade_market_snapshot"]
    tables += ["atge_performance_metrics", "atge_user_feedback"]
    views = ["trade_historical_prices", "vw_complete_trades", "atge_recent_critical_errors"]
    views += [
        "daily_trade_stats",
        "vw_daily_trade_stats",
        "daily_kpis",
        "vw_daily_kpis",
    ]  # computed: nobody writes them by hand
    views += ["atge_performance_summary_24h", "atge_feedback_summary"]
    ours = ["settlement_claims", "analysis_claims", "performance_refreshes", "daily_stats_due"]

    def rights(connection: psycopg.Connection, name: str) -> str:
        """What the role may do with the table or view: `INSERT SELECT UPDATE`."""
        granted = (
            "SELECT privilege_type FROM pg_class, aclexplode(relacl) "
            "WHERE oid = to_regclass(%s) AND grantee = 'authenticated'::regrole ORDER BY 1"
        )
        return " ".join(kind for (kind,) in connection.execute(granted, [name]))

    assert migrate(supabase.url())  # there is no such role yet
    with psycopg.connect(supabase.url("tradeops", "postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE authenticated")
        assert rights(connection, "trade_signals") == ""
        assert migrate(supabase.url()) == []
        assert {rights(connection, name) for name in tables} == {"INSERT SELECT UPDATE"}
        assert {rights(connection, name) for name in views} == {"SELECT"}
        assert {rights(connection, name) for name in ours} == {""}

        # and they suffice: to store a trade, for the statistics, and for the views
        connection.execute("SET ROLE authenticated")
        connection.execute(
            "INSERT INTO trade_signals (user_id, symbol, timeframe, entry_price, stop_loss, take_profit_1, "
            "take_profit_2, take_profit_3, expires_at) "
            "VALUES (gen_random_uuid(), 'BTC', '1h', 1, 1, 1, 1, 1, now())"
        )
        connection.execute("UPDATE trade_signals SET status = 'completed_success'")
        connection.execute("INSERT INTO trade_results (trade_signal_id) SELECT id FROM trade_signals")
        connection.execute("UPDATE trade_results SET ai_analysis = NULL")
        connection.execute("SELECT calculate_atge_performance(user_id) FROM trade_signals")
        for view in views:
            connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(view)))


def test_a_waiting_lock_ends_a_migration_in_words(empty_database, engine, monkeypatch):
    migrate(empty_database)
    with engine.begin() as connection:
        connection.execute(text("UPDATE tradeops_schema_definitions SET checksum = ''"))
    monkeypatch.setattr("include.database.MIGRATION_LOCK_TIMEOUT", timedelta(milliseconds=100))
    with engine.begin() as holder:
        holder.execute(text("LOCK TABLE tradeops_schema_definitions IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(DatabaseError, match="lock timeout"):
            migrate(empty_database)


def command(url: str | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin"} | ({"TRADEOPS_DATABASE_URL": url} if url else {})
    return subprocess.run(
        [sys.executable, "-m", "include.database", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_line(empty_database):
    done = command(empty_database, "migrate")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].startswith("up 0001 trades")
    assert command(empty_database, "migrate").stdout == f"nothing to do: the schema is at {VERSIONS[-1]}\n"
    assert command(empty_database, "current").stdout == f"{VERSIONS[-1]}\n"
    assert (
        command(empty_database, "downgrade", "0002")
        .stdout.splitlines()[-1]
        .startswith("down 0003 monitoring")
    )
    missing = command(empty_database, "downgrade", "9999")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "9999" in missing.stderr
    assert "usage" in command(empty_database, "up").stderr
    assert command(None, "migrate").stderr.startswith("Set TRADEOPS_DATABASE_URL")
