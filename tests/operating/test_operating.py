"""Who is on call, what the checklists tick, and that incident procedures can be followed."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from include.alerts.delivery import deliver
from include.operating import find_on_call, read_checklists
from include.operating.checklists import LISTS
from include.settings import Settings
from include.web.pages.navigation import NAVIGATION
from tests.support.documented import blocks
from tests.support.notices import Remembering, notify

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
PEOPLE = Settings(
    on_call=("ann", "bob", "cem"), on_call_since=date(2026, 11, 23), contacts={"bob": "+49 30 1234"}
)


@pytest.mark.parametrize(
    ("after", "name", "next_name"),
    [
        (timedelta(0), "ann", "bob"),
        (timedelta(days=7) - timedelta(seconds=1), "ann", "bob"),
        (timedelta(days=7), "bob", "cem"),
        (timedelta(days=21), "ann", "bob"),
        (timedelta(seconds=-1), "cem", "ann"),
    ],
)
def test_each_has_a_week_in_turn(after, name, next_name):
    found = find_on_call(PEOPLE, MONDAY + after)
    assert (found.name, found.next_name) == (name, next_name)
    assert MONDAY + after < found.until <= MONDAY + after + timedelta(days=7)


def test_nobody_is_on_call_where_nobody_is_named():
    assert find_on_call(Settings(), MONDAY) is None
    assert find_on_call(PEOPLE, MONDAY + timedelta(days=7)).words == "bob (+49 30 1234)"


@pytest.mark.parametrize(
    "wrong", [{"on_call_since": date(2026, 11, 24)}, {"on_call": ("ann", " ")}, {"contacts": {"": "x"}}]
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValidationError):
        Settings(**wrong)


@pytest.mark.parametrize(("severity", "named"), [("critical", True), ("warning", False)])
def test_a_message_of_something_critical_names_who_is_on_call(database, severity, named):
    notify(database, severity=severity)
    with database.begin() as connection:
        connection.execute(text("UPDATE alert_notices SET created_at = now() - interval '1 hour'"))
    channel = Remembering()
    people = Settings(on_call=("ann",), contacts={"ann": "+49 30 5678"})
    deliver(database, lambda _: channel, people)
    ((item,),) = [message.items for message in channel.messages]
    assert (("On call", "ann (+49 30 5678)") in item.facts) == named


def ticked(database):
    with database.connect() as connection:
        return {one.line.key: one.ticked for list in read_checklists(connection) for one in list.lines}


def test_there_are_five_lines_each_and_each_is_ticked_by_data_or_by_somebody():
    pages = {page.path for page in NAVIGATION}
    assert {title: len(lines) for title, (_, lines) in LISTS.items()} == dict.fromkeys(
        ("Daily", "Weekly", "Monthly"), 5
    )
    for _, lines in LISTS.values():
        for line in lines:
            assert (line.key is None) != (line.by is None), line.words
            assert line.page in pages or line.page.startswith("/start/"), line.page


def test_nothing_is_ticked_before_it_ran(database):
    assert not any(ticked(database).values())


# Key -> a statement that makes it so, at a time.
RAN = {
    "backup_database": """
        INSERT INTO backups
          (id, kind, status, location, started_at, finished_at, manifest, verified, verified_at)
        VALUES ('b', 'database', 'complete', '/x', :at, :at, '{}', 'decoded', :at)""",
    "alerts": """
        INSERT INTO alert_evaluations (at, seconds, rule_set, rules, instances, changes, notices)
        VALUES (:at, 1, 'r', 1, 0, 0, 0)""",
    "quality": """
        INSERT INTO data_quality_results
          (suite, batch, day, success, rows, evaluated, failed, details, run_url)
        SELECT 's', 'b', CAST(CAST(:at AS timestamptz) AT TIME ZONE 'UTC' AS date) - 1,
          true, 1, 1, 0, '{}', 'u'""",
    "drill": """
        INSERT INTO restore_drills (backup_id, started_at, success, findings)
        VALUES ('b', :at, true, '[]')""",
    "upkeep": """
        INSERT INTO maintenance_reports (kind, run_url, created_at, findings, sections)
        VALUES ('weekly', 'u', :at, '[]', '[]')""",
    "retention": """
        INSERT INTO archived_batches
          (table_name, file, day, state, rows, bytes, sha256, last_key, run_url, deleted_at)
        VALUES ('t', 'f', '2026-01-01', 'deleted', 1, 1, 'x', '{}', 'u', :at)""",
}


@pytest.mark.parametrize("key", RAN)
def test_a_line_is_ticked_by_what_ran_and_no_longer_when_that_is_long_ago(database, key):
    with database.begin() as connection:
        connection.execute(text(RAN[key]), {"at": datetime.now(UTC)})
    assert ticked(database)[key]
    assert sum(ticked(database).values()) == 1
    with database.begin() as connection:
        (table,) = {RAN[key].split()[2]}
        connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(text(RAN[key]), {"at": datetime.now(UTC) - timedelta(days=40)})
    assert not any(ticked(database).values())


def test_a_backup_or_drill_that_failed_ticks_nothing(database):
    with database.begin() as connection:
        connection.execute(text(RAN["backup_database"].replace("decoded", "bad")), {"at": datetime.now(UTC)})
        connection.execute(text(RAN["drill"].replace("true", "false")), {"at": datetime.now(UTC)})
    assert not any(ticked(database).values())


def test_every_form_of_the_incident_procedures_fits_its_dag():
    from tests.support.dag_files import load_dag

    forms = [json.loads(one.text) for one in blocks("json") if one.page == "incidents.md"]
    dags = [load_dag(name) for name in ("freeze_work", "replay_trades", "switch_trading")]
    for form in forms:
        if form.keys() & Settings.model_fields.keys():
            continue  # tests/test_documented_commands.py reads those
        assert any(form.keys() <= set(dag.params) for dag in dags), form
