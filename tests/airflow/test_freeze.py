"""Freezes as tasks obey them: who begins nothing, who goes on, and what a skipped run does not prove."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from airflow.sdk.execution_time.context import set_current_context
from sqlalchemy import text

from include.airflow.callbacks import report_run_success, report_task_success
from include.airflow.freeze import before_task, frozen_days, skipped_when_frozen, was_frozen
from include.alerts.failures import record_failure
from include.alerts.late_runs import excuse_of
from include.database import DatabaseError
from include.freeze import begin_freeze, end_freeze, read_freezes
from include.settings import Settings
from include.trades.claim import claim_due
from tests.support.notices import FAILURE
from tests.support.rows import insert_signal

NOW = datetime.now(UTC)


@pytest.fixture
def connected(database, database_url, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    return database


def freeze(database, *groups):
    return begin_freeze(
        database, author="ann", reason="a move", lasts=timedelta(hours=1), groups=groups or ("work",)
    )


def context(*, upstream=(), try_number=1, began=NOW):
    return {
        "dag": SimpleNamespace(dag_id="d", params={}),
        "dag_run": SimpleNamespace(
            conf={}, start_date=began, run_type="scheduled", triggering_user_name=None
        ),
        "task": SimpleNamespace(upstream_task_ids=set(upstream)),
        "ti": SimpleNamespace(try_number=try_number, id="1", dag_id="d", task_id="t", run_id="r"),
    }


def run_before(group, **of):
    """Run the check before a task; give the context as it is afterwards."""
    about = context(**of)
    with set_current_context(about):
        before_task(group)(about)
    return about


def test_a_run_that_begins_is_skipped_in_words_and_one_after_the_freeze_is_not(connected):
    run_before("work")
    freeze(connected)
    with pytest.raises(AirflowSkipException, match=r"frozen by ann until .* UTC: a move"):
        run_before("work")
    end_freeze(connected, "ann")
    run_before("work")


def test_each_group_is_frozen_on_its_own(connected):
    freeze(connected, "backups")
    for group in ("alerts", "probes", None):
        run_before(group)
    with pytest.raises(AirflowSkipException):
        run_before("backups")


def test_what_had_begun_goes_on(connected):
    holds = freeze(connected)
    earlier, later = holds.begins_at - timedelta(minutes=1), holds.begins_at + timedelta(minutes=1)
    run_before("work", upstream=["claim"])  # its run had begun
    run_before("work", try_number=2, began=earlier)  # it is tried again
    with pytest.raises(AirflowSkipException):
        run_before("work", try_number=1, began=earlier)  # the run waited for a place
    with pytest.raises(AirflowSkipException):
        run_before("work", try_number=2, began=later)


def test_without_the_database_watchers_go_on_and_work_does_not(connected, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", "postgresql://nobody@127.0.0.1:1/none")
    run_before("probes")
    run_before("alerts")
    with pytest.raises(DatabaseError):
        run_before("work")


def test_a_sweep_claims_nothing_new_and_keeps_what_it_has(connected):
    with connected.begin() as connection:
        insert_signal(connection)
        connection.execute(text("UPDATE trade_signals SET expires_at = now() - interval '1 hour'"))
    held = claim_due(connected, "before", Settings())
    assert held.batches == {0: 1}
    freeze(connected)
    assert claim_due(connected, "before", Settings()).batches == {0: 1}, "what it had claimed goes on"
    about = context()
    skips = pytest.raises(AirflowSkipException, match="frozen by ann")
    with set_current_context(about), skips, skipped_when_frozen():
        claim_due(connected, "during", Settings())
    assert was_frozen(about)
    end_freeze(connected, "ann")
    with connected.begin() as connection:
        connection.execute(text("UPDATE settlement_claims SET lease_expires_at = now()"))
    assert claim_due(connected, "after", Settings()).batches == {0: 1}, "the backlog is taken as usual"


def test_a_skipped_task_heals_no_failure(connected):
    record_failure(connected, FAILURE)
    names = {name: getattr(FAILURE, name) for name in ("dag_id", "task_id", "run_id", "map_index")}
    about = context() | {"params": {}}
    about["ti"] = SimpleNamespace(**names, try_number=1, start_date=NOW + timedelta(hours=1), id="1")

    def healed():
        with connected.connect() as connection:
            return connection.execute(text("SELECT context ? 'healed' FROM atge_error_logs")).scalar_one()

    freeze(connected)
    with set_current_context(about), pytest.raises(AirflowSkipException):
        before_task("work")(about | {"task": SimpleNamespace(upstream_task_ids=set())})
    report_task_success(about)
    assert not healed()
    del about["tradeops_frozen"]
    report_task_success(about)
    assert healed()


def test_a_run_that_ends_well_during_a_freeze_heals_no_late_one(connected):
    late = SimpleNamespace(dag_id="settle_trades")
    record_failure(connected, replace(FAILURE, dag_id="settle_trades", task_id=None, map_index=-1, late=True))

    def healed():
        with connected.connect() as connection:
            return connection.execute(text("SELECT context ? 'healed' FROM atge_error_logs")).scalar_one()

    freeze(connected)
    report_run_success({"dag": late, "run_id": "another", "params": {}})
    assert not healed()
    end_freeze(connected, "ann")
    report_run_success({"dag": late, "run_id": "another", "params": {}})
    assert healed()


def test_a_daily_run_does_the_days_that_a_freeze_has_skipped(connected):
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    with connected.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO freezes (groups, author, reason, begins_at, ends_at)"
                " VALUES ('{work}', 'ann', 'a move', :begins, :ends)"
            ),
            {"begins": midnight - timedelta(hours=25), "ends": midnight - timedelta(hours=20)},
        )
    about = context()
    about["dag_run"].run_after = midnight
    with set_current_context(about):
        assert frozen_days(connected, at_most=31) == [(midnight - timedelta(days=2)).date()]
    about["dag_run"].run_type = "manual"
    with set_current_context(about):
        assert frozen_days(connected, at_most=31) == []


def test_a_sweep_is_not_late_during_a_freeze_and_shortly_after(connected):
    freeze(connected)
    end_freeze(connected, "ann")
    with connected.connect() as connection:
        freezes = read_freezes(connection)
    (held,) = freezes
    began = held.begins_at - timedelta(days=1)

    def excuse(made):
        run = {"logical_date": made, "queued_at": made}
        return excuse_of(run, began, freezes)

    assert "frozen by ann" in excuse(held.begins_at)
    assert "frozen by ann" in excuse(held.over_at + timedelta(minutes=29))
    assert excuse(held.over_at + timedelta(minutes=31)) is None
    assert excuse(held.begins_at - timedelta(minutes=1)) is None
