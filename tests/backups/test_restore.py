"""Restores and drills on a real server: refused before anything is touched, verified before the swap."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

import include.backups.postgres.restore as restore_module
from include.backups.create import create_backup
from include.backups.manifest import BackupError, RestoreRefusedError
from include.backups.postgres.compare import compare_database
from include.backups.postgres.drill import ACCEPTANCE_QUERIES, drill_restore, read_speed, run_acceptance
from include.backups.postgres.facts import find_dump
from include.backups.postgres.restore import plan_restore, restore_into
from include.backups.postgres.server import derived_name, is_derived, with_database
from include.backups.postgres.swap import drop_kept_database, record_restore, swap_databases, verify_restored
from include.backups.read import open_backup
from include.database import connect, migrate
from tests.backups.target import TARGET, databases

AT = datetime(2026, 11, 21, 4, tzinfo=UTC)
CONTRACT = Path(__file__).parents[3] / "shared" / "contract" / "queries.sql"


def plan(storage, backup, target_url, admin_url, **options):
    return plan_restore(storage, backup.id, "platform", target_url, admin_url, AT, **options)


def count(url, table):
    with psycopg.connect(url) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_a_database_is_restored_beside_the_old_one_proven_and_takes_its_place(
    storage, backup, target_url, admin_url
):
    planned = plan(storage, backup, target_url, admin_url)
    assert databases(admin_url).isdisjoint({planned.fresh, planned.kept})
    part, facts = find_dump(backup, "platform")
    fresh_url = restore_into(storage, backup, part, planned.fresh, target_url, admin_url)
    verify_restored(fresh_url, facts)
    writer = psycopg.connect(target_url)  # a session that does not end by itself
    writer.execute("SELECT 1")
    assert swap_databases(fresh_url, target_url, planned.kept, admin_url)
    writer.close()
    assert not swap_databases(fresh_url, target_url, planned.kept, admin_url)  # a task that is run again
    assert compare_database(target_url, facts) == []
    assert count(target_url, "market_candles") == facts.tables["public.market_candles_2026_03"].rows + 1440
    with psycopg.connect(target_url) as connection:
        assert connection.execute("SHOW work_mem").fetchone() == ("5MB",)
    with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
        psycopg.connect(with_database(target_url, planned.kept))

    record_restore(target_url, backup.id, "platform", planned.kept, "first", "admin", "http://run")
    record_restore(target_url, backup.id, "platform", planned.kept, "first", "admin", "http://run")
    assert count(target_url, "restores") == 1

    assert "would be dropped" in drop_kept_database(admin_url, target_url, planned.kept, dry_run=True)
    assert planned.kept in databases(admin_url)
    assert "is dropped" in drop_kept_database(admin_url, target_url, planned.kept, dry_run=False)
    assert planned.kept not in databases(admin_url)


def test_the_plan_says_what_would_be_overwritten_and_how_long(storage, backup, target_url, admin_url):
    words = plan(storage, backup, target_url, admin_url, seconds_a_gib=3600).summary()
    assert "| public.market_candles_2026_03 | 1440 | no such table |" in words
    assert re.search(r"about \d+ s", words)
    assert backup.id in words and f"{TARGET}_before_20261121T040000Z" in words


def test_a_plan_says_that_the_rows_could_not_be_counted(storage, backup, target_url, admin_url):
    with psycopg.connect(target_url) as connection:
        connection.execute("ALTER TABLE trade_signals ENABLE ROW LEVEL SECURITY")
        connection.execute("ALTER TABLE trade_signals FORCE ROW LEVEL SECURITY")
    words = plan(storage, backup, target_url, admin_url).summary()
    assert f"The rows of {TARGET} could not be counted: " in words and "Row-level security" in words
    assert "how much that is, is not known" in words
    assert "no such table" not in words and "as many rows now" not in words


def test_without_the_old_database_the_fresh_one_just_takes_its_name(storage, backup, target_url, admin_url):
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {TARGET}")
    planned = plan(storage, backup, target_url, admin_url)
    assert planned.current is None and f"There is no database {TARGET}" in planned.summary()
    part, facts = find_dump(backup, "platform")
    url = restore_into(storage, backup, part, planned.fresh, target_url, admin_url)
    assert swap_databases(url, target_url, planned.kept, admin_url)
    assert compare_database(target_url, facts) == []


def flip(storage, key):
    path = Path(storage.location) / key
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)


@pytest.mark.parametrize(
    ("spoil", "options", "words"),
    [
        (lambda storage, backup: flip(storage, backup.key(backup.parts[0])), {}, "SHA-256"),
        (lambda storage, backup: storage.delete(backup.key(backup.parts[0])), {}, "gone from the storage"),
        (lambda storage, backup: storage.delete(f"{backup.id}/manifest.json"), {}, "no manifest"),
        (None, {"free_bytes": 1000}, "are free"),
        (None, {"production_names": ["target"]}, "looks like production"),
    ],
)
def test_what_cannot_go_well_is_refused_before_anything_is_touched(
    storage, backup, target_url, admin_url, spoil, options, words
):
    before = databases(admin_url)
    if spoil:
        spoil(storage, backup)
    with pytest.raises(RestoreRefusedError, match=words):
        plan(storage, backup, target_url, admin_url, **options)
    assert databases(admin_url) == before


def test_production_needs_its_name_once_more(storage, backup, target_url, admin_url):
    options = {"production_names": ["TARGET"]}
    with pytest.raises(RestoreRefusedError, match="confirm_database"):
        plan(storage, backup, target_url, admin_url, confirmed="something", **options)
    assert plan(storage, backup, target_url, admin_url, confirmed=TARGET, **options)


def test_a_database_on_another_machine_looks_like_production():
    assert restore_module.looks_like_production("postgresql://x@db.example.org/tradeops", [])
    assert restore_module.looks_like_production("postgresql://x@10.0.0.4/tradeops", [])
    assert not restore_module.looks_like_production("postgresql://x@127.0.0.1/tradeops", [])
    assert not restore_module.looks_like_production("postgresql://x@localhost/tradeops", [])


def test_a_wrong_key_and_no_key_are_refused(filled, storage, sources, encrypting, target_url, admin_url):
    import pyrage

    made = create_backup(filled, storage, "database", sources, encrypting)
    with pytest.raises(RestoreRefusedError, match="needs that private key"):
        plan(storage, made, target_url, admin_url)
    other = str(pyrage.x25519.Identity.generate())
    with pytest.raises(RestoreRefusedError, match="Refused, nothing was touched"):
        plan(storage, made, target_url, admin_url, identity=other)


def test_an_older_server_is_refused(storage, backup, target_url, admin_url, monkeypatch):
    monkeypatch.setattr(restore_module, "server_major", lambda connection: 17)
    with pytest.raises(RestoreRefusedError, match="of PostgreSQL 18, and this server is 17"):
        plan(storage, backup, target_url, admin_url)


def test_a_role_that_may_not_create_databases_is_refused(storage, backup, target_url):
    with pytest.raises(RestoreRefusedError, match="CREATEDB"):
        plan(storage, backup, target_url, target_url)


def test_a_backup_without_this_database_is_refused(storage, backup, target_url, admin_url):
    with pytest.raises(RestoreRefusedError, match="only of platform"):
        plan_restore(storage, backup.id, "airflow", target_url, admin_url, AT)


def test_a_restored_database_that_differs_does_not_take_over(storage, backup, target_url, admin_url):
    part, facts = find_dump(backup, "platform")
    fresh_url = restore_into(storage, backup, part, f"{TARGET}_x", target_url, admin_url)
    with psycopg.connect(fresh_url) as connection:
        connection.execute("UPDATE market_candles SET volume = 11 WHERE timestamp = '2026-03-31Z'")
        connection.execute("DELETE FROM market_candles_2026_04 WHERE timestamp < '2026-04-01 00:05Z'")
        connection.execute("CREATE INDEX extra ON trade_signals (symbol)")
    with pytest.raises(BackupError) as caught:
        verify_restored(fresh_url, facts)
    for words in (
        "market_candles_2026_03: as many rows, but other",
        "1435 rows instead of 1440",
        "index public.extra: not in the backup",
    ):
        assert words in str(caught.value)


def test_a_failing_restore_leaves_no_database_behind(storage, backup, target_url, admin_url, monkeypatch):
    part, _ = find_dump(backup, "platform")
    flip(storage, backup.key(part))
    with pytest.raises(BackupError):
        restore_into(storage, backup, part, f"{TARGET}_x", target_url, admin_url)
    assert f"{TARGET}_x" not in databases(admin_url)


def test_only_what_a_restore_has_kept_can_be_let_go(target_url, admin_url):
    for name in ("postgres", TARGET, "other_before_20261121T040000Z"):
        with pytest.raises(BackupError, match=f"no database that a restore of {TARGET} has kept"):
            drop_kept_database(admin_url, target_url, name, dry_run=False)


def test_derived_names_fit_and_are_known_again():
    name = derived_name("x" * 63, "before", AT)
    assert len(name) == 63 and is_derived(name, "x" * 63, "before")
    assert not is_derived("tradeops", "tradeops", "before")
    assert not is_derived(derived_name("tradeops", "drill", AT), "tradeops", "before")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("tradeops", "tradeops_staging"), ("tradeops_staging", "tradeops"), ("x" * 30, "x" * 40), ("tr", "trä")],
)
def test_a_name_derived_from_a_neighbour_is_not_ours(theirs, ours):
    for word in ("before", "drill", "restore"):
        assert not is_derived(derived_name(theirs, word, AT), ours, word)
        assert is_derived(derived_name(theirs, word, AT), theirs, word)


def test_what_the_restore_of_a_neighbour_has_kept_is_not_dropped(target_url, admin_url):
    theirs = derived_name(TARGET, "before", AT)
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{theirs}"')
    with pytest.raises(BackupError, match="there are: none"):
        drop_kept_database(admin_url, with_database(target_url, f"{TARGET}_staging"), theirs, dry_run=False)
    assert theirs in databases(admin_url)


def drill(engine, storage, database_url, admin_url, **options):
    return drill_restore(engine, storage, database_url, admin_url, **options)


def drills(engine):
    with engine.connect() as connection:
        return connection.execute(text("SELECT * FROM restore_drills ORDER BY started_at")).all()


def test_a_drill_proves_the_newest_backup_and_takes_the_time(
    filled, storage, backup, database_url, admin_url
):
    before = databases(admin_url)
    done = drill(filled, storage, database_url, admin_url, run_url="http://run")
    assert done.findings == ()
    assert done.backup_id == backup.id and done.rows >= 2880 and done.queries > 10
    assert databases(admin_url) == before
    (row,) = drills(filled)
    assert row.success and row.restore_seconds > 0 and row.bytes > 1_000_000
    assert read_speed(filled) > 0


def test_a_drill_finds_a_flipped_byte_and_says_so_for_good(filled, storage, backup, database_url, admin_url):
    flip(storage, backup.key(backup.parts[0]))
    before = databases(admin_url)
    with pytest.raises(BackupError):
        drill(filled, storage, database_url, admin_url)
    assert databases(admin_url) == before
    (row,) = drills(filled)
    assert not row.success and row.findings
    assert read_speed(filled) is None


def test_a_drill_finds_what_the_manifest_does_not_say(filled, storage, backup, database_url, admin_url):
    manifest = Path(storage.location) / backup.id / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"rows": 1440', '"rows": 1441', 1))
    done = drill(filled, storage, database_url, admin_url)
    assert "1440 rows instead of 1441" in done.summary()
    assert not drills(filled)[0].success


def test_without_a_backup_there_is_nothing_to_drill(database, storage, database_url, admin_url):
    with pytest.raises(BackupError, match="is back_up_database running"):
        drill(database, storage, database_url, admin_url)


def test_scratches_of_dead_drills_are_dropped(filled, storage, backup, database_url, admin_url):
    from include.backups.postgres.server import database_of

    left = derived_name(database_of(database_url), "drill", AT)
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{left}"')
    drill(filled, storage, database_url, admin_url)
    assert left not in databases(admin_url)


def test_a_query_that_fails_is_a_finding(filled, storage, backup, database_url, admin_url, tmp_path):
    queries = tmp_path / "acceptance.sql"
    queries.write_text("SELECT 1;\nSELECT no_such_column FROM trade_signals;\nSELECT ':x', 'a'::text;\n")
    done = drill_restore(
        filled, storage, database_url, admin_url, acceptance=queries, more_findings=("graph: gone",)
    )
    finding, graph = done.findings
    assert "query 2" in finding and "no_such_column" in finding
    with filled.connect() as connection:
        success, findings = connection.execute(text("SELECT success, findings FROM restore_drills")).one()
    assert not success and findings == [finding, graph] == [finding, "graph: gone"]


def test_a_drill_holds_no_whole_answer_in_memory(database_url, tmp_path):
    queries = tmp_path / "acceptance.sql"
    queries.write_text(
        "SELECT 1 / count(*) FROM pg_cursors;\n"  # fails where the answer is sent whole
        "SELECT 1 / (2500 - n) FROM generate_series(1, 2500) AS n;\n"  # fails at its last row
        "SELECT n FROM generate_series(1, 2500) AS n;\n"
    )
    count, failed = run_acceptance(database_url, queries)
    assert count == 3
    assert [words.partition(" of ")[0] for words in failed] == ["query 2"]


@pytest.mark.skipif(not CONTRACT.exists(), reason="the contract is not beside this checkout")
def test_the_acceptance_queries_ask_what_the_contract_asks():
    def normal(sql):
        sql = re.sub(r"--[^\n]*", " ", sql).lower().replace(" as ", " ")
        return re.sub(r"\s*([(),|=<>])\s*", r"\1", " ".join(sql.split()))

    ours = {normal(one) for one in ACCEPTANCE_QUERIES.read_text().split(";\n")}
    for statement in re.sub(r"--[^\n]*", " ", CONTRACT.read_text()).split(";"):
        asked = normal(statement)
        if asked.startswith("select") and "'00000000" not in asked:  # those name one user
            assert asked in ours


def test_an_extension_that_only_a_superuser_may_create_is_restored(
    database, storage, sources, settings, target_url, admin_url
):
    with psycopg.connect(with_database(admin_url, TARGET), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
    with psycopg.connect(target_url) as connection:
        connection.execute("CREATE TABLE meanings (id int PRIMARY KEY, meaning vector(2))")
        connection.execute("INSERT INTO meanings VALUES (1, '[0.5, 1]')")
    made = create_backup(
        database, storage, "database", replace(sources, databases={"platform": target_url}), settings
    )
    plan(storage, made, target_url, admin_url)
    part, facts = find_dump(made, "platform")
    url = restore_into(storage, made, part, f"{TARGET}_x", target_url, admin_url)
    assert compare_database(url, facts) == []
    assert count(url, "meanings") == 1


def test_the_schema_of_a_restored_database_is_the_migrated_one(storage, backup, target_url, admin_url):
    part, _ = find_dump(backup, "platform")
    url = restore_into(storage, open_backup(storage, backup.id), part, f"{TARGET}_x", target_url, admin_url)
    assert migrate(url) == []
    engine = connect(url, application="tests")
    with engine.connect() as connection:
        owners = connection.execute(
            text("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
        )
        assert list(owners.scalars()) == ["tradeops"]
    engine.dispose()
