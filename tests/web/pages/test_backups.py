"""The page on backups: the catalogue, what retention would do, drills, and a store that is slow or away."""

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from include.backups.catalogue import ListedBackup
from include.backups.overview import plan_retention
from include.backups.retention import RetentionRules, choose_deletions, judge_backups
from include.storage import StorageError, open_storage
from include.web import build_app
from include.web.pages.backups import backups
from tests.support.pages import page
from tests.support.web import desk_host, find_person

NOW = datetime.now(UTC)
NASTY = "<script>alert(1)</script>"


def fill(database, location, count=8, **values) -> list[str]:
    """Backups of the database, one a day, the newest first; answer with their ids."""
    ids = []
    with database.begin() as connection:
        for day in range(count):
            made = NOW - timedelta(days=day, hours=1)
            row = {
                "id": f"{made:%Y%m%dT%H%M%SZ}-database-{day:06x}",
                "kind": "database",
                "status": "complete",
                "location": str(location),
                "at": made,
                "verified": "decoded",
                "reason": None,
                "manifest": json.dumps(
                    {"parts": [1, 2], "recipient": "age1x", "method": "stream", "seconds": 3}
                ),
            } | values
            ids.append(row["id"])
            connection.execute(
                text(
                    "INSERT INTO backups (id, kind, status, location, started_at, finished_at, bytes, "
                    "manifest, verified, verified_at, reason, installation) "
                    "VALUES (:id, :kind, :status, :location, :at, :at, 1048576, CAST(:manifest AS jsonb), "
                    ":verified, :verified_at, :reason, this_installation())"
                ),
                row | {"verified_at": made if row["verified"] else None},
            )
    return ids


def opened(database, **settings) -> TestClient:
    @contextmanager
    def open_database():
        yield database

    return TestClient(build_app(open_database, [], find_person, desk_host(**settings)))


def test_a_page_without_a_backup_says_what_to_do(database):
    words = page(opened(database), "/backups").words
    assert "backup_location" in words
    assert "No backup has been made" in words


def test_a_backup_with_a_graph_offers_its_restore_and_a_restored_graph_kept_none(database, tmp_path):
    manifest = {"parts": [1], "seconds": 3, "databases": {"graph": {}}}
    (with_graph,) = fill(
        database, tmp_path, 1, id="20261122T040000Z-full-00000a", manifest=json.dumps(manifest)
    )
    fill(database, tmp_path, 2)
    with database.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO restores (backup_id, database, run_url) VALUES ('x', 'graph', 'http://run')"
        )
    answer = opened(database, backup_location=str(tmp_path)).get("/backups").text
    assert answer.count("Restore the graph") == 1 and f"of {with_graph}</span>" in answer
    assert "not kept" in answer


def test_each_backup_has_its_facts_its_fate_and_its_forms(database, tmp_path):
    ids = fill(database, tmp_path)
    settings = {"backup_location": str(tmp_path), "backup_keep_last": 2, "backup_keep_daily": 3}
    settings |= {"backup_keep_weekly": 0, "backup_keep_monthly": 0}
    shown = page(opened(database, **settings), "/backups")
    assert "1.0 MiB" in shown.words
    assert "encrypted" in shown.words
    for action in ("manage_backups?action=verify", "restore_database?", "drill_restore?"):
        assert any(action in link and ids[0] in link for link in shown.links), action
    assert "not in the store any more" in shown.words  # the folder is empty
    with database.connect() as connection:
        rules = RetentionRules(2, 3, 0, 0, timedelta(days=400))
        plan = plan_retention(connection, str(tmp_path), rules, NOW)
    assert set(plan.going()) == set(ids[3:])
    assert set(plan.going_next()) == {ids[2]}  # a new day pushes the oldest of three out
    assert plan.now[ids[0]].why == "the newest good one of its kind"


def test_what_failed_and_what_is_bad_is_found_with_its_reason(database, tmp_path):
    fill(database, tmp_path, 2)
    fill(database, tmp_path, 1, id="20250101T000000Z-database-aaaaaa", verified="bad", reason=NASTY)
    fill(database, tmp_path, 1, id="20250102T000000Z-database-bbbbbb", status="failed", verified=None,
         reason="no room")  # fmt: skip
    words = page(opened(database, backup_location=str(tmp_path)), "/backups?state=bad").words
    catalogue = words.partition("The catalogue")[2].partition("Space by kind")[0]
    assert NASTY in catalogue
    assert "no room" in catalogue
    assert "decoded" not in catalogue


def test_pages_of_the_list_have_each_backup_once(database, tmp_path):
    ids = fill(database, tmp_path, 120)
    client, seen, link = opened(database, backup_location=str(tmp_path)), [], "/backups?kind=database"
    while link:
        shown = page(client, link)
        listed = shown.words.partition("The catalogue")[2].partition("Space by kind")[0]
        seen += [name for name in ids if name in listed]
        link = next(
            (f"/backups{one}" for one in shown.links if one.startswith("?") and "before" in one), None
        )
    assert seen == ids


@pytest.mark.parametrize(
    "query",
    ["kind=x", "state=x", "before=x", "before=2026-11-20T00:00:00", "before=12026-01-01%20a", "before=%00"],
)
def test_an_odd_question_is_answered_in_words(database, query):
    assert page(opened(database), f"/backups?{query}", 422).words


def test_drills_and_losses_are_drawn_and_a_failed_drill_is_named(database, tmp_path):
    fill(database, tmp_path, 4)
    with database.begin() as connection:
        for day, good in enumerate((True, False, True)):
            connection.execute(
                text(
                    "INSERT INTO restore_drills (backup_id, started_at, restore_seconds, success, findings) "
                    "VALUES ('b', now() - :day * interval '7 days', :seconds, :good, "
                    "CAST(:findings AS jsonb))"
                ),
                {"day": day, "seconds": 30 + day if good else None, "good": good,
                 "findings": "[]" if good else '["trade_signals differs"]'},
            )  # fmt: skip
    answer = opened(database, backup_location=str(tmp_path)).get("/backups").text
    assert "Recovery time of 2 drills: the newest 30 s, the longest 32 s; 1 failed." in answer
    assert "Time between 4 backups of the database: at most 24.0 h" in answer
    assert "trade_signals differs" in answer


@pytest.mark.parametrize("trouble", [StorageError("the bucket does not answer"), None])
def test_a_store_that_is_away_or_slow_is_named_and_the_catalogue_is_shown(database, tmp_path, trouble):
    ids, goes_on = fill(database, tmp_path, 2), Event()

    class Away:
        location = str(tmp_path)

        def list(self, prefix=""):
            if trouble:
                raise trouble
            goes_on.wait(30)
            return iter(())

        def free_bytes(self):
            return None

    @contextmanager
    def open_database():
        yield database

    host = replace(desk_host(backup_location=str(tmp_path)), storage=lambda location: Away())
    app = FastAPI()
    app.include_router(backups(open_database, host, store_seconds=0.01))
    words = page(TestClient(app), "/backups").words
    goes_on.set()
    assert ("does not answer" if trouble else "has not answered yet") in words
    assert ids[0] in words


def test_the_verdicts_of_retention_say_of_each_backup_what_becomes_of_it():
    good = ListedBackup("b0", "database", "complete", None, NOW, NOW, 1, "hashed", NOW, None, "", "stream")
    listed = [replace(good, id=f"b{n}", started_at=NOW - timedelta(days=n)) for n in range(6)]
    listed[1] = replace(listed[1], verified="bad")
    listed[2] = replace(listed[2], parent="b5")
    listed[3] = replace(listed[3], verified="decoded")
    rules = RetentionRules(1, 3, 0, 0, timedelta(days=400))
    verdicts = judge_backups(listed, rules, NOW)
    assert {name: verdict.why for name, verdict in verdicts.items() if verdict.goes} == choose_deletions(
        listed, rules, NOW
    )
    assert set(verdicts) == {one.id for one in listed}
    words = {name: verdict.why for name, verdict in verdicts.items()}
    assert words["b0"] == "the newest good one of its kind"
    assert words["b1"].startswith("bad")
    assert words["b3"] == "the newest of its kind that was decoded to its end"
    assert words["b5"] == "b2 builds on it"
    assert words["b4"] == "newer ones hold every generation"


def test_a_folder_that_is_there_is_looked_into(database, tmp_path):
    ids = fill(database, tmp_path, 1)
    open_storage(str(tmp_path)).write(f"{ids[0]}/manifest.json", [b"{}"])
    words = page(opened(database, backup_location=str(tmp_path)), "/backups").words
    assert "not in the store" not in words
    assert "In the store" in words
