"""Backups under the real scheduler: taken while trades are settled, damaged, lost, drilled, restored."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from include.backups.postgres.facts import find_dump
from include.backups.postgres.snapshot import measure_database
from include.backups.read import open_backup
from include.storage import open_storage
from tests.support.running_stack import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(1800)]

TRADES = """
INSERT INTO trade_signals (user_id, symbol, timeframe, entry_price, stop_loss,
  take_profit_1, take_profit_2, take_profit_3, generated_at, expires_at)
SELECT gen_random_uuid(), 'BTC', '1h', 100, 98, 101, 102, 103,
  now() - interval '3 hours', now() - interval '1 hour' FROM generate_series(1, 200)
"""


def newest(stack):
    return stack.execute(
        "SELECT id FROM backups WHERE status = 'complete' AND kind = 'database' ORDER BY started_at DESC",
    )[0][0]


@pytest.fixture
def paused_later(stack):
    """The test may pause the sweep; the tests after it need it."""
    yield
    stack.pause("settle_trades", False)


@pytest.mark.usefixtures("paused_later")
def test_a_backup_is_taken_drilled_lost_found_and_restored(stack):
    stack.configure(candle_sources=["sandbox"], backup_checksums="always")
    stack.execute(TRADES)
    sweep = stack.trigger("settle_trades")
    stack.run("back_up_database")
    backup_id = newest(stack)
    storage = open_storage(str(stack.folder / "backups"))
    manifest = open_backup(storage, backup_id)
    _, facts = find_dump(manifest, "platform")
    assert facts.tables["public.trade_signals"].rows >= 200
    sweep.finish()

    # The drill proves it, and a flipped byte is found by drill and verification alike.
    drilled = stack.run("drill_restore")
    assert "verified by a restore" in str(drilled.returned("drill"))
    part = Path(storage.location, manifest.key(manifest.parts[0]))
    sound = part.read_bytes()
    part.write_bytes(sound[:-100] + bytes([sound[-100] ^ 1]) + sound[-99:])
    spoilt = stack.trigger("drill_restore", backup_id=backup_id)
    verified = stack.trigger("manage_backups", action="verify", backup_id=backup_id)
    spoilt.finish("failed")
    verified.finish("failed")
    assert stack.execute(f"SELECT verified FROM backups WHERE id = '{backup_id}'") == [("bad",)]
    refused = stack.run("restore_database", "failed", backup_id=backup_id)
    assert refused.tasks()["approve"] == "upstream_failed"
    part.write_bytes(sound)

    # Without the catalogue the manifests still tell.
    stack.execute("TRUNCATE backups")
    stack.run("manage_backups", action="rebuild_catalogue")
    assert newest(stack) == backup_id

    # A dry run touches nothing; the real one waits for a person.
    stack.pause("settle_trades")
    stack.execute("TRUNCATE trade_signals CASCADE")
    dry = stack.run("restore_database", backup_id=backup_id)
    assert dry.tasks()["approve"] == "skipped"
    restore = stack.trigger("restore_database", backup_id=backup_id, dry_run=False)
    wait_for(
        lambda: restore.tasks().get("approve") == "awaiting_input",
        "the question",
        180,
    )
    # Nobody answers within a second, and should not: until the scheduler has seen the asking process end, it
    # takes an answered task for a dead one, and asks again.
    seen = f"TaskInstance Finished: dag_id=restore_database, task_id=approve, run_id={restore.id}"
    log = stack.folder / "logs" / "scheduler.log"
    wait_for(lambda: seen in log.read_text(errors="replace"), "the scheduler to see the question")
    assert stack.execute("SELECT count(*) FROM trade_signals") == [(0,)]
    asked = datetime.now(UTC)
    stack.api(
        "PATCH",
        f"{restore.path}/taskInstances/approve/-1/hitlDetails",
        {"chosen_options": ["Approve"], "params_input": {}},
    )
    restore.finish()
    assert backup_id in str(restore.returned("swap_databases"))
    ((kept, approved_by, finished),) = stack.execute(
        "SELECT kept_as, approved_by, finished_at FROM restores ORDER BY finished_at DESC LIMIT 1"
    )
    assert approved_by == stack.user and finished > asked
    # Every row of the trades is as it was; what other DAGs write meanwhile is theirs.
    now = measure_database(stack.database_url).tables
    for name in ("trade_signals", "trade_results", "settlement_claims", "atge_performance_cache"):
        assert now[f"public.{name}"] == facts.tables[f"public.{name}"], name

    dropped = stack.run("drop_kept_database", name=kept, dry_run=False)
    assert "is dropped" in str(dropped.returned("drop_kept"))
