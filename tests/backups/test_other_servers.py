"""Restores and drills on PostgreSQL 15 and 16, and to the embedded 18: what the plan accepts is done."""

import psycopg
import pytest

from include.backups.manifest import BackupError, RestoreRefusedError
from include.backups.postgres.compare import compare_database
from include.backups.postgres.drill import drill_restore
from include.backups.postgres.facts import find_dump
from include.backups.postgres.swap import swap_databases
from tests.backups.debian import ask, manager, superuser

NAME = "desk"


def test_extensions_that_only_a_superuser_may_create(debian, back_up, plan, restore):
    url = debian.make(NAME)
    debian.run(
        NAME,
        "CREATE SCHEMA tools AUTHORIZATION tradeops",
        "CREATE EXTENSION pg_stat_statements WITH SCHEMA tools",
        "CREATE EXTENSION pg_buffercache",
        "CREATE EXTENSION citext",
        "GRANT EXECUTE ON FUNCTION tools.pg_stat_statements_reset TO reader",
    )
    debian.run(NAME, "CREATE TABLE names (name citext UNIQUE)", role="tradeops")
    made = back_up(url)
    _, fresh = restore(made, url, superuser(debian))
    there = dict(ask(fresh, "SELECT extname, extnamespace::regnamespace::text FROM pg_extension"))
    assert there["pg_stat_statements"] == "tools" and {"pg_buffercache", "citext"} <= there.keys()
    granted = (
        "SELECT has_function_privilege('reader', 'tools.pg_stat_statements_reset(oid,oid,bigint)', 'EXECUTE')"
    )
    assert ask(fresh, granted) == [(True,)]
    with pytest.raises(
        RestoreRefusedError,
        match=r"extension pg_(buffercache|stat_statements), which the login of",
    ):
        plan(made, url, manager(debian))


def test_an_extension_that_the_server_lacks_is_refused_before(debian, back_up, plan, admin_url, target_url):
    made = back_up(debian.make(NAME, "CREATE EXTENSION hstore"))
    with pytest.raises(RestoreRefusedError, match="extension hstore, which is not available on this server"):
        plan(made, target_url, admin_url)


def test_a_newer_version_of_an_extension_is_a_note(debian, back_up, restore, database, storage):
    url = debian.make(NAME, "CREATE EXTENSION hstore VERSION '1.7'")
    made = back_up(url)
    planned, _ = restore(made, url, manager(debian))
    assert "hstore comes in this server's version 1.8; the backup has 1.7" in planned.summary()
    assert drill_restore(database, storage, url, manager(debian)).findings == ()


def test_foreign_servers_and_their_wrapper(debian, back_up, restore):
    url = debian.make(NAME)
    debian.run(
        NAME, "CREATE EXTENSION postgres_fdw", "GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO tradeops"
    )
    debian.run(
        NAME,
        "CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'far.example')",
        "CREATE USER MAPPING FOR tradeops SERVER far OPTIONS (user 'x', password 'y')",
        "CREATE FOREIGN TABLE far_trades (id int) SERVER far",
        role="tradeops",
    )
    _, fresh = restore(back_up(url), url, superuser(debian))
    assert ask(fresh, "SELECT srvname FROM pg_foreign_server") == [("far",)]


@pytest.mark.parametrize("login", [superuser, manager])
def test_default_privileges_of_somebody_else(debian, back_up, restore, login):
    url = debian.make(NAME)
    debian.run(NAME, "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO reader")
    planned, fresh = restore(back_up(url), url, login(debian))
    kept = ask(fresh, "SELECT count(*) FROM pg_default_acl")[0][0]
    said = "ALTER DEFAULT PRIVILEGES FOR ROLE postgres" in planned.summary()
    assert (kept, said) == ((1, False) if login is superuser else (0, True))


def test_roles_that_another_server_lacks_are_in_the_plan(debian, back_up, restore, admin_url, target_url):
    url = debian.make(NAME, "GRANT SELECT ON trade_signals, trade_results TO reader")
    debian.run(NAME, "CREATE TABLE of_the_dba (id int)", "GRANT ALL ON of_the_dba TO tradeops, postgres")
    planned, _ = restore(back_up(url), target_url, admin_url)
    assert "The role reader is not on this server: 2 of its grants are left out" in planned.summary()
    assert "What belonged to postgres will belong to tradeops" in planned.summary()


def test_a_policy_for_a_role_that_is_missing_is_refused(debian, back_up, plan, admin_url, target_url):
    made = back_up(debian.make(NAME, "CREATE POLICY mine ON trade_signals FOR SELECT TO reader USING (true)"))
    with pytest.raises(RestoreRefusedError, match=r"roles that the server lacks: reader\. Make them"):
        plan(made, target_url, admin_url)


@pytest.mark.parametrize(
    ("options", "order"),
    [
        ("LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'", ["apple", "Banana", "cherry"]),
        ("LOCALE_PROVIDER icu ICU_LOCALE 'und-u-ks-level2' LOCALE 'C.UTF-8'", ["apple", "Banana", "cherry"]),
        ("ENCODING 'LATIN1' LOCALE 'C'", ["Banana", "apple", "cherry"]),
        ("ENCODING 'SQL_ASCII' LOCALE 'C'", ["Banana", "apple", "cherry"]),
    ],
)
def test_encoding_sorting_limits_and_settings_are_kept(debian, back_up, restore, options, order):
    whole = "UTF-8" in options
    url = debian.make(
        NAME,
        "CREATE TABLE fruits (name text)",
        "INSERT INTO fruits VALUES ('apple'), ('Banana'), ('cherry'), (chr(233))",
        f"ALTER DATABASE {NAME} SET work_mem = '7MB'",
        options=f"{options} CONNECTION LIMIT 9",
        migrated=whole,
    )
    made = back_up(url)
    shape = f"SELECT to_jsonb(d) FROM pg_database AS d WHERE datname = '{NAME}'"
    ((before,),) = ask(url, shape)
    if whole:
        _, fresh = restore(made, url, manager(debian))
        assert swap_databases(fresh, url, f"{NAME}_kept", manager(debian))
    debian.run("postgres", f"DROP DATABASE {NAME} WITH (FORCE)")
    _, fresh = restore(made, url, manager(debian))  # and without the old database, from the backup alone
    ((after,),) = ask(fresh, shape.replace(f"'{NAME}'", "current_database()"))
    for what in ("encoding", "datcollate", "datctype", "daticulocale", "datlocprovider", "datconnlimit"):
        assert before[what] == after[what], what
    assert [row[0] for row in ask(fresh, "TABLE fruits ORDER BY name LIMIT 3")] == order
    assert ask(fresh, "SHOW work_mem") == [("7MB",)]


def test_a_sorting_order_that_the_server_lacks_is_refused_before(
    debian, back_up, plan, admin_url, target_url
):
    made = back_up(debian.make(NAME, options="LOCALE_PROVIDER icu ICU_LOCALE 'de' LOCALE 'C.UTF-8'"))
    with pytest.raises(RestoreRefusedError, match=r"cannot make a database .* sorting order .*ICU"):
        plan(made, target_url, admin_url)


def test_rows_that_move_between_partitions_by_hash_are_the_same_rows(debian, back_up, restore):
    url = debian.make(
        NAME,
        "CREATE TYPE side AS ENUM ('buy', 'sell', 'hold', 'none')",
        "CREATE TABLE moves (id int, side side) PARTITION BY HASH (side)",
        *(
            f"CREATE TABLE moves{n} PARTITION OF moves FOR VALUES WITH (MODULUS 4, REMAINDER {n})"
            for n in range(4)
        ),
        "INSERT INTO moves SELECT n, (enum_range(NULL::side))[1 + n % 4] FROM generate_series(1, 40) AS n",
    )
    made = back_up(url)
    _, fresh = restore(made, url, manager(debian))
    with psycopg.connect(fresh) as connection:
        connection.execute("UPDATE moves SET id = 100 WHERE id = 1")
    assert compare_database(fresh, find_dump(made, "platform")[1]) == [
        "public.moves: as many rows, but other values"
    ]


def test_what_is_written_otherwise_is_equal_and_what_is_otherwise_is_named(debian, back_up, restore):
    url = debian.make(
        NAME,
        "CREATE TABLE purchases (id int, state varchar(9),"
        " done boolean GENERATED ALWAYS AS (state IN ('filled', 'dead')) STORED,"
        " CONSTRAINT known CHECK (state IN ('open', 'filled', 'dead') AND id BETWEEN 1 AND 99))",
        "CREATE VIEW closed AS SELECT id FROM purchases WHERE state IN ('filled', 'dead')",
        "CREATE FUNCTION closed_ones() RETURNS bigint LANGUAGE sql BEGIN ATOMIC"
        " SELECT count(*) FROM purchases WHERE state IN ('filled', 'dead'); END",
        "CREATE INDEX closed_index ON purchases (id) WHERE state IN ('filled', 'dead')",
    )
    made = back_up(url)
    _, fresh = restore(made, url, manager(debian))
    with psycopg.connect(fresh) as connection:
        connection.execute("ALTER TABLE purchases DROP CONSTRAINT known")
        connection.execute(
            "ALTER TABLE purchases ADD CONSTRAINT known CHECK (state IN ('open', 'filled') AND id > 0)"
        )
        connection.execute(
            "CREATE OR REPLACE VIEW closed AS SELECT id FROM purchases WHERE state IN ('filled', 'open')"
        )
        connection.execute("DROP INDEX closed_index")
    assert compare_database(fresh, find_dump(made, "platform")[1]) == [
        "constraint public.purchases.known: is not what it was",
        "index public.closed_index: not restored",
        "view public.closed: is not what it was",
    ]


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("CREATE MATERIALIZED VIEW counted AS SELECT count_all_trades() AS n", "REFRESH MATERIALIZED VIEW"),
        (
            "CREATE TABLE limited (n int CHECK (n < count_all_trades() + 9))",
            r"function public\.count_all_trades\(\) runs while rows are loaded",
        ),
    ],
)
def test_a_function_that_cannot_run_in_a_restore_is_refused_before(debian, back_up, plan, user, words):
    count = (
        "CREATE FUNCTION count_all_trades() RETURNS bigint LANGUAGE sql "
        "AS 'SELECT count(*) FROM trade_signals'"
    )
    made = back_up(url := debian.make(NAME, count, user))
    with pytest.raises(RestoreRefusedError, match=words):
        plan(made, url, manager(debian))


def test_a_setting_that_only_a_superuser_may_give_is_refused_before(debian, back_up, plan):
    url = debian.make(NAME)
    debian.run(NAME, f"ALTER DATABASE {NAME} SET log_min_duration_statement = 500")
    made = back_up(url)
    with pytest.raises(RestoreRefusedError, match="cannot give the settings and grants of desk"):
        plan(made, url, manager(debian))
    assert plan(made, url, superuser(debian))


def test_a_schema_of_the_future_is_refused_before(debian, back_up, plan):
    url = debian.make(NAME, "UPDATE tradeops_schema_version SET version_num = '9999'")
    with pytest.raises(RestoreRefusedError, match=r"brought to the schema of this tradeops: .*9999"):
        plan(back_up(url), url, manager(debian))


@pytest.mark.parametrize(("role", "login"), [("reader", manager), ("postgres", manager)])
def test_sessions_that_may_not_be_ended_are_named_before_and_at_the_swap(
    debian, back_up, plan, restore, role, login
):
    url = debian.make(NAME)
    made = back_up(url)
    planned, fresh = restore(made, url, login(debian))
    assert "pg_signal_backend" in planned.summary()
    with psycopg.connect(debian.url(NAME, role), application_name="a look around") as other:
        pid = other.info.backend_pid
        words = rf"{role} \(pid {pid}, a look around\)"
        with pytest.raises(RestoreRefusedError, match=words):
            plan(made, url, login(debian))
        with pytest.raises(BackupError, match=words):
            swap_databases(fresh, url, f"{NAME}_kept", login(debian))
        other.execute("SELECT 1")  # it was not ended
        with psycopg.connect(url):  # and the old database lets people in
            pass
    assert swap_databases(fresh, url, f"{NAME}_kept", login(debian))


def test_with_the_rights_that_the_docs_name_other_roles_give_way(debian, back_up, restore):
    url = debian.make(NAME)
    debian.run("postgres", "GRANT pg_signal_backend TO manager")
    try:
        planned, fresh = restore(back_up(url), url, manager(debian))
        assert "A superuser's session" in planned.summary()
        with psycopg.connect(debian.url(NAME, "reader")):
            assert swap_databases(fresh, url, f"{NAME}_kept", manager(debian))
    finally:
        debian.run("postgres", "REVOKE pg_signal_backend FROM manager")


def test_a_swap_that_the_server_refuses_is_said_in_words(debian, back_up, restore):
    url = debian.make(NAME)
    _, fresh = restore(back_up(url), url, manager(debian))
    with pytest.raises(BackupError, match="was not renamed, and is as it was"):
        swap_databases(fresh, url, "postgres", manager(debian))  # a name that is taken: the server says no
    with psycopg.connect(url):
        pass


def test_the_plan_compares_the_servers(debian, back_up, plan, restore, storage, admin_url, target_url):
    url = debian.make(NAME)
    made = back_up(url)
    with pytest.raises(RestoreRefusedError, match="postgres_admin leads to another server"):
        plan(made, url, admin_url)
    debian.run("postgres", f"DROP DATABASE {NAME} WITH (FORCE)")
    with pytest.raises(RestoreRefusedError, match="Both must lead to the same server"):
        plan(made, url, admin_url)
