"""The audit trail of trades: what is written down, of whom, by which ways of changing one; that it stays."""

import json
import threading
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from include.actor import Actor, act_as
from include.database import connect, sql
from include.retention import clean_table, load_archived_rows, retention_rules
from include.settings import Settings
from include.storage import open_storage
from include.trades.changes import read_changes
from include.trades.claim import claim_due
from include.trades.replay import ReplayRequest, replay_batches, start_replay
from include.trades.settle import settle_batch
from include.trades.trade_filter import TradeFilter
from tests.support.rows import USER, insert_settled
from tests.support.trades import SETTINGS, insert, rising, rows, run, store

ANN = Actor("person", "ann")


def trail(database, trade):
    with database.connect() as connection:
        return read_changes(connection, UUID(str(trade)))


@pytest.fixture
def trade(database):
    (id_,) = insert(database, {})
    return UUID(id_)


@pytest.fixture
def stranger(database, postgres_server, database_url):
    """A role that may write trades and belongs to nobody; answers with its engine."""
    admin = postgres_server.url(str(database.url.database), "postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("CREATE ROLE bob LOGIN PASSWORD 'secret'")
        connection.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON trade_signals, trade_results TO bob")
    engine = connect(
        database.url.set(username="bob", password="secret").render_as_string(False), application="psql"
    )
    yield engine
    engine.dispose()
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("DROP OWNED BY bob")
        connection.execute("DROP ROLE bob")


def test_a_trade_is_made_and_changed_by_hand(database, stranger, trade):
    run(stranger, "UPDATE trade_signals SET stop_loss = 97.5, ai_model = 'x' WHERE id = :id", id=trade)
    changed, made = trail(database, trade)
    assert (made.table_name, made.operation, made.before, made.after) == (
        "trade_signals",
        "INSERT",
        None,
        None,
    )
    assert (changed.operation, changed.before) == ("UPDATE", {"stop_loss": 98, "ai_model": None})
    assert changed.after == {"stop_loss": 97.5, "ai_model": "x"}
    assert (changed.actor_kind, changed.actor, changed.role) == ("role", "bob", "bob")
    assert changed.application == "psql"


def test_what_a_sweep_fills_in_was_nothing_before(database, trade):
    run(database, "UPDATE trade_signals SET status_reason = 'no candle yet' WHERE id = :id", id=trade)
    changed, _ = trail(database, trade)
    assert (changed.before, changed.after) == ({"status_reason": None}, {"status_reason": "no candle yet"})


@pytest.mark.parametrize(
    "claim",
    [
        '{"kind":"task","name":"settle_trades.settle"}',
        "{",
        '"x"',
        '{"kind":"nobody","name":""}',
        '{"kind":"key"}',
        "\u0001",
        "[]",
    ],
)
def test_who_has_no_right_to_a_name_and_what_cannot_be_read_names_the_role(database, stranger, trade, claim):
    for engine in (stranger, database):
        with engine.begin() as connection:
            connection.execute(text("SELECT set_config('tradeops.actor', :claim, true)"), {"claim": claim})
            connection.execute(text("UPDATE trade_signals SET stop_loss = stop_loss - 1"))
    own, foreign, _ = trail(database, trade)
    assert (foreign.actor_kind, foreign.actor) == ("role", "bob")
    if "settle" in claim:  # the platform's own role may say for whom it works
        assert (own.actor_kind, own.actor, own.role) == ("task", "settle_trades.settle", "tradeops")
    else:
        assert (own.actor_kind, own.actor) == ("role", "tradeops")


def test_a_sweep_and_a_replay_name_their_runs(database, database_url):
    """The sweep in a row for all that ended alike; the replay with the figures that it overwrote."""
    store(database, rising())
    ids = insert(database, {}, {}, {"entry_price": 50})
    sweep = Actor("task", "settle_trades.settle", "scheduled__1")
    with_sweep = connect(database_url, application="tradeops:settle", actor=sweep)
    assert claim_due(with_sweep, "sweep", SETTINGS).batches == {0: 3}
    settle_batch(with_sweep, "sweep", 0, SETTINGS)
    with_sweep.dispose()
    result, settled, _ = trail(database, ids[0])
    assert {(one.actor, one.run_id, one.asked_by) for one in (result, settled)} == {
        (sweep.name, "scheduled__1", None)
    }
    assert (result.table_name, result.operation, result.before) == ("trade_results", "INSERT", None)
    assert (settled.before["status"], settled.after["status"]) == ("active", "completed_success")
    assert result.transaction == settled.transaction
    (net,) = {
        row.net_profit_loss
        for row in rows(database, "SELECT net_profit_loss FROM trade_results WHERE tp1_hit")
    }

    replayer = Actor("task", "replay_trades.replay", "manual__1", "ann")
    with_replay = connect(database_url, application="tradeops:replay", actor=replayer)
    dearer = SETTINGS.model_copy(update={"fee_rate": 0.01})
    request = ReplayRequest(
        TradeFilter(trade_ids=(UUID(ids[0]),)), ("settlement",), False, "a rate was wrong"
    )
    replay = start_replay(with_replay, "manual__1", request, requested_by="ann", run_url="x", settings=dearer)
    replay_batches(with_replay, replay, "worker")
    with_replay.dispose()
    changed = trail(database, ids[0])[:-3]
    assert {(one.actor, one.asked_by) for one in changed} == {(replayer.name, "ann")}
    (figures,) = [one for one in changed if one.table_name == "trade_results"]
    assert (
        Decimal(str(figures.before["net_profit_loss"]))
        == net
        > Decimal(str(figures.after["net_profit_loss"]))
    )
    assert "exit_at" not in figures.after
    assert trail(database, ids[1])[0].operation == "INSERT"


def test_a_task_is_named_for_the_session_and_a_key_for_a_transaction(database, database_url, trade):
    actor = Actor("task", "replay_trades.replay", "manual__2026 \\ 'x' é", "ann")
    engine = connect(database_url, application="tests", actor=actor)
    with engine.begin() as connection:
        connection.execute(text("UPDATE trade_signals SET stop_loss = 90"))
    with engine.begin() as connection:
        act_as(connection, Actor("key", "top_1a2b"))
        connection.execute(text("UPDATE trade_signals SET stop_loss = 91"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE trade_signals SET stop_loss = 92"))
    engine.dispose()
    found = [(one.actor_kind, one.actor, one.run_id, one.asked_by) for one in trail(database, trade)[:3]]
    task = ("task", actor.name, actor.run_id, "ann")
    assert found == [task, ("key", "top_1a2b", None, None), task]


def test_odd_names_are_told_as_far_as_they_can_be(database, trade):
    with database.begin() as connection:
        act_as(connection, Actor("person", "a\x00b\ud800\n" + "c" * 10_000))
        connection.execute(text("UPDATE trade_signals SET stop_loss = 90"))
    name = trail(database, trade)[0].actor
    assert name.startswith("ab?c") and len(name) < 501


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        ("trade_signals SET status = 'cancelled'", {"status": "completed_success"}, {"status": "cancelled"}),
        ("trade_signals SET status = status, stop_loss = stop_loss", None, None),
        ("trade_results SET net_profit_loss = 'NaN'", {"net_profit_loss": 5}, {"net_profit_loss": "NaN"}),
        ("trade_market_snapshot SET galaxy_score = NULL", {"galaxy_score": 7}, {"galaxy_score": None}),
        ("atge_performance_cache SET total_trades = 7", None, None),  # computed, as calculate_… does it
    ],
)  # fmt: skip
def test_what_was_changed_and_nothing_else(database, change, before, after):
    with database.begin() as connection:
        id_ = insert_settled(connection, "completed_success", 5, galaxy=7)
    made = len(trail(database, id_))
    run(database, "SELECT calculate_atge_performance(:user)", user=USER)
    run(database, f"UPDATE {change}")
    found = trail(database, id_)[: -made or None]
    assert [(one.operation, one.before, one.after) for one in found] == (
        [("UPDATE", before, after)] if before else []
    )


def test_a_deleted_trade_leaves_its_trail_and_what_it_was(database):
    with database.begin() as connection:
        id_ = insert_settled(connection, "completed_success", 5, galaxy=7)
    with database.begin() as connection:
        act_as(connection, ANN)
        connection.execute(text("DELETE FROM trade_signals"))
    deleted = {one.table_name: one for one in trail(database, id_) if one.operation == "DELETE"}
    assert set(deleted) == {"trade_signals", "trade_results", "trade_market_snapshot"}
    assert {one.actor for one in deleted.values()} == {"ann"}
    assert deleted["trade_results"].before["net_profit_loss"] == 5
    signal = deleted["trade_signals"].before
    assert (signal["id"], signal["user_id"], signal["status"]) == (str(id_), str(USER), "completed_success")
    assert "ai_model" not in signal  # it was null


def test_truncate_names_the_trades_and_copy_those_that_it_brings(database, trade):
    with database.begin() as connection, connection.connection.cursor() as cursor:
        with cursor.copy(
            "COPY trade_signals (user_id, symbol, timeframe, entry_price, stop_loss, take_profit_1, "
            "take_profit_2, take_profit_3, expires_at) FROM STDIN"
        ) as copy:
            copy.write_row([str(USER), "BTC", "1h", 1, 1, 1, 1, 1, "2026-03-01Z"])
        connection.execute(text("SELECT 1"))
    (copied,) = rows(database, "SELECT id FROM trade_signals WHERE id <> :id", id=trade)
    run(database, "TRUNCATE trade_signals CASCADE")
    for one in (trade, copied.id):
        assert [change.operation for change in trail(database, one)] == ["TRUNCATE", "INSERT"]


def test_a_result_that_is_given_to_another_trade_is_in_the_trail_of_both(database, trade):
    with database.begin() as connection:
        id_ = insert_settled(connection, "completed_success", 5)
    run(database, "UPDATE trade_results SET trade_signal_id = :other", other=trade)
    for one in (trade, id_):
        assert trail(database, one)[0].after == {"trade_signal_id": str(trade)}


def test_long_values_are_cut_where_the_table_has_them_and_kept_where_it_has_not(database, trade):
    long = "é" * 5_000
    run(database, "UPDATE trade_signals SET ai_reasoning = :long", long=long)
    run(database, "UPDATE trade_signals SET ai_reasoning = :longer", longer=long * 10)
    run(database, "UPDATE trade_signals SET ai_reasoning = NULL")
    gone, overwritten, written = trail(database, trade)[:3]
    assert written.after["ai_reasoning"].startswith("é" * 300 + " … (5000 characters, md5 ")
    assert overwritten.before["ai_reasoning"] == long
    assert gone.before["ai_reasoning"].startswith("é" * 20_000 + " … (50000 characters")


def test_a_killed_transaction_leaves_none(database, database_url, trade):
    before = len(trail(database, trade))
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE trade_signals SET stop_loss = 90")
        run(database, "SELECT pg_terminate_backend(:pid)", pid=connection.info.backend_pid)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
        connection.close()
    assert len(trail(database, trade)) == before


def test_two_at_once_are_told_apart_and_stand_in_the_order_of_their_changes(database, trade):
    """The first to begin is the last to change: it has waited for the row."""

    def wait_for_the_row():
        run(database, "UPDATE trade_signals SET stop_loss = 91")

    with database.connect() as early:
        early.execute(text("SELECT now()"))  # its transaction has begun
        with database.begin() as late:
            act_as(late, ANN)
            late.execute(text("UPDATE trade_signals SET stop_loss = 90"))
        act_as(early, Actor("person", "bea"))
        early.execute(text("UPDATE trade_signals SET stop_loss = 92"))
        other = threading.Thread(target=wait_for_the_row)
        other.start()
        early.commit()
        other.join(10)
    found = trail(database, trade)[:3]
    assert [(one.actor, one.before["stop_loss"]) for one in found] == [
        ("tradeops", 92),
        ("bea", 90),
        ("ann", 98),
    ]
    assert len({one.transaction for one in found}) == 3


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM trade_changes",
        "TRUNCATE trade_changes",
        "UPDATE trade_changes SET actor = 'nobody'",
        "UPDATE trade_changes SET before = NULL, trade_ids = trade_ids || gen_random_uuid()",
        "INSERT INTO trade_changes (table_name, operation, shelf, trade_ids, actor_kind, actor, role, "
        "application) VALUES ('x', 'UPDATE', 0, ARRAY[gen_random_uuid()], 'person', 'eve', 'x', 'x')",
    ],
)
def test_the_trail_is_not_changed_by_the_platforms_own_role(database, trade, statement):
    before = trail(database, trade)
    with pytest.raises(DBAPIError, match="only appended to"):
        run(database, statement)
    assert trail(database, trade) == before


def test_erasing_blanks_what_was_kept_and_leaves_who_did_it(database, trade):
    run(database, "UPDATE trade_signals SET ai_reasoning = 'about Ann'")
    run(database, "DELETE FROM trade_signals")
    with database.begin() as connection:
        act_as(connection, ANN)
        connection.execute(
            text(
                "UPDATE trade_changes SET before = NULL, after = NULL "
                "WHERE trade_ids <@ ARRAY[CAST(:id AS uuid)]"
            ),
            {"id": trade},
        )
    erased, *rest = trail(database, trade)
    assert (erased.operation, erased.actor) == ("ERASE", "ann")
    assert [one.operation for one in rest] == ["DELETE", "UPDATE", "INSERT"]
    assert "Ann" not in json.dumps(rows(database, "SELECT to_jsonb(t)::text FROM trade_changes t")[0][0])
    assert {(one.before, one.after) for one in rest} == {(None, None)}


def test_ten_thousand_trades_that_are_settled_alike_are_some_hundred_rows_and_each_finds_its_own(database):
    run(
        database,
        "INSERT INTO trade_signals (user_id, symbol, timeframe, entry_price, stop_loss, take_profit_1, "
        "take_profit_2, take_profit_3, expires_at) "
        "SELECT gen_random_uuid(), 'BTC', '1h', 100, 95, 105, 110, 115, now() FROM generate_series(1, 10000)",
    )
    run(
        database,
        "UPDATE trade_signals SET status = 'expired', status_reason = 'not_entered', completed_at = now()",
    )
    counted = (
        "SELECT operation, count(*), sum(cardinality(trade_ids)) FROM trade_changes GROUP BY 1 ORDER BY 1"
    )
    assert [tuple(row) for row in rows(database, counted)] == [
        ("INSERT", 256, 10_000),
        ("UPDATE", 256, 10_000),
    ]
    (one,) = rows(database, "SELECT id, completed_at FROM trade_signals LIMIT 1")
    settled, made = trail(database, one.id)
    assert (made.operation, settled.before["status"], settled.after["status"]) == (
        "INSERT",
        "active",
        "expired",
    )
    assert set(settled.after) == {"status", "status_reason", "completed_at"}
    with database.connect() as connection:
        explained = text("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + sql("trades/read_changes").text)
        asked = {"trade": one.id, "limit": 200, "before": None}
        plan = connection.execute(explained, asked).scalar_one()[0]["Plan"]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 40


def test_the_trail_is_kept_unless_a_setting_says_so_and_leaves_by_the_archive(database, trade, tmp_path):
    assert "trade_changes" not in {rule.table for rule in retention_rules(Settings())}
    (rule,) = [
        rule
        for rule in retention_rules(Settings(keep_trade_changes=timedelta(0)))
        if rule.table == "trade_changes"
    ]
    run(database, "UPDATE trade_signals SET stop_loss = 90")
    before = trail(database, trade)
    storage = open_storage(str(tmp_path))
    now = rows(database, "SELECT now() + interval '1 minute' AS now")[0].now
    hour = timedelta(hours=1)
    done = clean_table(database, storage, rule, now, run_url="", time_limit=hour)
    assert (done.deleted, trail(database, trade)) == (2, [])
    day = now.date()
    load_archived_rows(database, storage, "trade_changes", day - timedelta(days=1), day)
    assert trail(database, trade) == before
