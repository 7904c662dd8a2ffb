"""Backups under the real scheduler: taken while trades are settled, damaged, lost, drilled, restored."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from include.backups.postgres.facts import find_dump
from include.backups.postgres.snapshot import measure_database
from include.backups.read import open_backup
from include.storage import open_storage
from tests.e2e.running_stack import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

TRADES = """
INSERT INTO trade_signals (user_id, symbol, timeframe, entry_price, stop_loss,
  take_profit_1, take_profit_2, take_profit_3, generated_at, expires_at)
SELECT gen_random_uuid(), 'BTC', '1h', 100, 98, 101, 102, 103,
  now() - interval '3 hours', now() - interval '1 hour' FROM generate_series(1, 200)
"""


def trigger(stack, dag_id, **conf):
    return stack.api("POST", f"/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"]


def path(dag_id, run_id):
    return f"/dags/{dag_id}/dagRuns/{run_id.replace('+', '%2B')}"


def finish(stack, dag_id, run_id, expected="success"):
    def ended():
        state = stack.api("GET", path(dag_id, run_id))["state"]
        return state if state in ("success", "failed") else None

    try:
        state = wait_for(ended, f"{dag_id} to end", 180)
    except AssertionError as problem:
        problem.add_note(str(tasks(stack, dag_id, run_id)))
        raise
    assert state == expected, tasks(stack, dag_id, run_id)


def tasks(stack, dag_id, run_id):
    found = stack.api("GET", f"{path(dag_id, run_id)}/taskInstances")["task_instances"]
    return {task["task_id"]: task["state"] for task in found}


def result(stack, dag_id, run_id, task_id):
    return str(
        stack.api("GET", f"{path(dag_id, run_id)}/taskInstances/{task_id}/xcomEntries/return_value")["value"]
    )


def run(stack, dag_id, expected="success", **conf):
    run_id = trigger(stack, dag_id, **conf)
    finish(stack, dag_id, run_id, expected)
    return run_id


def newest(stack):
    return stack.execute(
        "SELECT id FROM backups WHERE status = 'complete' AND kind = 'database' ORDER BY started_at DESC",
    )[0][0]


@pytest.fixture
def paused_later(stack):
    """The test may pause the sweep; the tests after it need it."""
    yield
    stack.api("PATCH", "/dags/settle_trades", {"is_paused": False})


@pytest.mark.usefixtures("paused_later")
def test_a_backup_is_taken_drilled_lost_found_and_restored(stack):
    stack.configure(candle_sources=["sandbox"], backup_checksums="always")
    stack.execute(TRADES)
    sweep = trigger(stack, "settle_trades")
    run(stack, "back_up_database")
    backup_id = newest(stack)
    storage = open_storage(str(stack.folder / "backups"))
    manifest = open_backup(storage, backup_id)
    _, facts = find_dump(manifest, "platform")
    assert facts.tables["public.trade_signals"].rows >= 200
    finish(stack, "settle_trades", sweep)

    # The drill proves it, and a flipped byte is found by drill and verification alike.
    drilled = run(stack, "drill_restore")
    assert "is proven" in result(stack, "drill_restore", drilled, "drill")
    part = Path(storage.location, manifest.key(manifest.parts[0]))
    sound = part.read_bytes()
    part.write_bytes(sound[:-100] + bytes([sound[-100] ^ 1]) + sound[-99:])
    spoilt = trigger(stack, "drill_restore", backup_id=backup_id)
    verified = trigger(stack, "manage_backups", action="verify", backup_id=backup_id)
    finish(stack, "drill_restore", spoilt, "failed")
    finish(stack, "manage_backups", verified, "failed")
    assert stack.execute(f"SELECT verified FROM backups WHERE id = '{backup_id}'") == [("bad",)]
    refused = run(stack, "restore_database", "failed", backup_id=backup_id)
    assert tasks(stack, "restore_database", refused)["approve"] == "upstream_failed"
    part.write_bytes(sound)

    # Without the catalogue the manifests still tell.
    stack.execute("TRUNCATE backups")
    run(stack, "manage_backups", action="rebuild_catalogue")
    assert newest(stack) == backup_id

    # A dry run touches nothing; the real one waits for a person.
    stack.api("PATCH", "/dags/settle_trades", {"is_paused": True})
    stack.execute("TRUNCATE trade_signals CASCADE")
    dry = run(stack, "restore_database", backup_id=backup_id)
    assert tasks(stack, "restore_database", dry)["approve"] == "skipped"
    restore = trigger(stack, "restore_database", backup_id=backup_id, dry_run=False)
    wait_for(
        lambda: tasks(stack, "restore_database", restore).get("approve") == "awaiting_input",
        "the question",
        180,
    )
    # Nobody answers within a second, and should not: until the scheduler has seen the asking process end, it
    # takes an answered task for a dead one, and asks again.
    seen = f"TaskInstance Finished: dag_id=restore_database, task_id=approve, run_id={restore}"
    log = stack.folder / "logs" / "scheduler.log"
    wait_for(lambda: seen in log.read_text(errors="replace"), "the scheduler to see the question")
    assert stack.execute("SELECT count(*) FROM trade_signals") == [(0,)]
    asked = datetime.now(UTC)
    stack.api(
        "PATCH",
        f"{path('restore_database', restore)}/taskInstances/approve/-1/hitlDetails",
        {"chosen_options": ["Approve"], "params_input": {}},
    )
    finish(stack, "restore_database", restore)
    assert backup_id in result(stack, "restore_database", restore, "swap_databases")
    ((kept, approved_by, finished),) = stack.execute(
        "SELECT kept_as, approved_by, finished_at FROM restores ORDER BY finished_at DESC LIMIT 1"
    )
    assert approved_by == stack.user and finished > asked
    # Every row of the trades is as it was; what other DAGs write meanwhile is theirs.
    now = measure_database(stack.database_url).tables
    for name in ("trade_signals", "trade_results", "settlement_claims", "atge_performance_cache"):
        assert now[f"public.{name}"] == facts.tables[f"public.{name}"], name

    dropped = run(stack, "drop_kept_database", name=kept, dry_run=False)
    assert "is dropped" in result(stack, "drop_kept_database", dropped, "drop_kept")
