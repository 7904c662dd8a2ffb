"""A failure: one row, one notice, whoever reports it and however often; and how it heals."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from include.alerts.failures import keep_failure, keep_retry, record_failure, record_retry, record_success
from include.database import DatabaseError
from include.telemetry import Spool, writing_to
from tests.support.notices import FAILURE, Channels, pass_time, states

RUN_FAILURE = replace(
    FAILURE, task_id=None, map_index=-1, try_number=None, stack=None, error="the run failed"
)


def rows(database):
    with database.connect() as connection:
        return connection.execute(text("SELECT * FROM atge_error_logs ORDER BY timestamp")).all()


def notices(database):
    with database.connect() as connection:
        return connection.execute(text("SELECT * FROM alert_notices ORDER BY created_at")).all()


ENDED = {"dag_id": FAILURE.dag_id, "task_id": None, "started_at": datetime.now(UTC), "url": "http://x"}


def succeed(database, failure=FAILURE, **changes):
    facts = {
        "dag_id": failure.dag_id,
        "task_id": failure.task_id,
        "run_id": failure.run_id,
        "map_index": failure.map_index,
        "try_number": failure.try_number + 1,
        "started_at": datetime.now(UTC),
        "url": failure.url,
    }
    return record_success(database, **{**facts, **changes})


def test_the_row_holds_what_an_operator_asks_for(database):
    assert record_failure(database, FAILURE) is True
    (row,) = rows(database)
    assert row.id == FAILURE.id
    assert row.error_type == "backtesting"
    assert row.severity == "critical"
    assert row.error_message == "settle_trades.settle_batch.settle[2]: RuntimeError: the disk is slow"
    assert row.error_stack == FAILURE.stack
    assert row.context == {
        "dag_id": "settle_trades",
        "run_id": FAILURE.run_id,
        "task_id": "settle_batch.settle",
        "map_index": 2,
        "try_number": 3,
        "owner": "trading",
        "url": FAILURE.url,
        "cause": FAILURE.cause.name,
    }


def test_the_notice_is_written_with_the_row_and_holds_what_people_must_know(database):
    record_failure(database, FAILURE)
    (notice,) = notices(database)
    assert notice.id == FAILURE.id
    assert (notice.source, notice.kind, notice.severity, notice.owner) == (
        "failure",
        "failure",
        "critical",
        "trading",
    )
    assert notice.title == "Task settle_trades.settle_batch.settle[2] failed on try 3"
    assert notice.body["error"] == "RuntimeError: the disk is slow"
    assert notice.body["next_step"] == "Nothing is lost."
    assert notice.link == FAILURE.url
    assert notice.fingerprint == notice.cause == FAILURE.cause.fingerprint


@pytest.mark.parametrize("area", ["api", "database", "generation", "analysis", "backtesting"])
def test_the_error_type_is_the_area_that_the_task_states(database, area):
    record_failure(database, replace(FAILURE, area=area, task_id="report"))
    assert rows(database)[0].error_type == area


@pytest.mark.parametrize(("told", "row"), [("critical", "critical"), ("warning", "high"), ("info", "medium")])
def test_a_row_is_as_bad_as_what_people_are_told_of_it(database, told, row):
    record_failure(database, replace(FAILURE, severity=told))
    assert rows(database)[0].severity == row
    with database.connect() as connection:
        shown = connection.execute(text("SELECT count(*) FROM atge_recent_critical_errors")).scalar_one()
    assert shown == (told == "critical")


def test_the_database_away_is_critical_wherever_it_strikes(database):
    away = DatabaseError("The database 'x' cannot be reached", away=True, platform=True)
    record_failure(database, replace(FAILURE, severity="warning", raised=away))
    assert rows(database)[0].severity == "critical"


def test_a_refused_form_is_a_row_of_low_severity_and_no_news_and_neither_is_its_run(database):
    refused = replace(FAILURE, refused=True, severity="info", error="FormRefusedError: there is no silence 7")
    assert record_failure(database, refused) is False
    assert record_failure(database, RUN_FAILURE) is False
    assert [row.severity for row in rows(database)] == ["low", "low"]
    assert notices(database) == []


def test_another_job_heals_nothing_and_the_same_job_does(database):
    record_failure(database, replace(FAILURE, job="replay of ETH"))
    again = {"run_id": "a later run", "started_at": datetime.now(UTC) + timedelta(seconds=1)}
    assert succeed(database, job="dry run of BTC", **again) is False
    assert succeed(database, job="replay of ETH", **again) is True


def test_a_run_that_ended_well_heals_that_it_was_late(database):
    late = replace(RUN_FAILURE, late=True, error="the sweep due at 05:00 was not finished")
    record_failure(database, late)
    record_failure(database, FAILURE)
    assert record_success(database, **ENDED, run_id=FAILURE.run_id) is True
    assert [row.context.get("healed") for row in rows(database)] == ["by itself", None]
    assert notices(database)[-1].fingerprint == late.cause.fingerprint


def test_the_same_failure_reported_twice_is_told_once(database):
    assert record_failure(database, FAILURE) is True
    assert record_failure(database, FAILURE) is False
    assert len(rows(database)) == len(notices(database)) == 1


def test_another_try_or_another_batch_is_another_failure_of_the_same_cause(database):
    for failure in (FAILURE, replace(FAILURE, try_number=4), replace(FAILURE, map_index=0)):
        assert record_failure(database, failure) is True
    assert len(rows(database)) == 3
    assert len({notice.fingerprint for notice in notices(database)}) == 1


def test_a_run_that_failed_with_a_reported_task_gets_a_row_but_no_notice(database):
    assert record_failure(database, FAILURE) is True
    assert record_failure(database, RUN_FAILURE) is False
    assert (len(rows(database)), len(notices(database))) == (2, 1)


def test_a_run_that_failed_on_its_own_is_told(database):
    assert record_failure(database, replace(FAILURE, run_id="another run")) is True
    record_retry(database, FAILURE)  # no failure of a task: it was tried again
    assert record_failure(database, RUN_FAILURE) is True


def test_a_late_run_is_a_cause_of_its_own_and_news_beside_its_failure(database):
    record_failure(database, FAILURE)
    late = replace(RUN_FAILURE, late=True, error="the sweep due at 05:00 was not finished 5 minutes later")
    assert record_failure(database, late) is True
    assert rows(database)[-1].context["late"] is True
    last = notices(database)[-1]
    assert (last.title, last.fingerprint) == ("Run settle_trades is late", "failure/settle_trades/late")


def test_secrets_never_reach_row_or_notice(database):
    leaky = replace(
        FAILURE,
        error="OperationalError: postgresql://tradeops:hunter2pass@db/tradeops?api_key=abc123secret refused",
        stack="… postgresql://tradeops:hunter2pass@db/tradeops …",
    )
    record_failure(database, leaky)
    (row,), (notice,) = rows(database), notices(database)
    shown = row.error_message + row.error_stack + json.dumps([row.context, notice.body, notice.title])
    assert "hunter2pass" not in shown
    assert "abc123secret" not in shown


def test_a_secret_is_not_cut_in_half(database):
    error = "x" * 2_970 + " postgresql://tradeops:hunter2hunter2hunter2@db/tradeops refused"
    record_failure(database, replace(FAILURE, error=error))
    assert "hunter2" not in notices(database)[0].body["error"]


def test_a_hostile_error_is_stored(database):
    record_failure(
        database, replace(FAILURE, error="\x00\ud800 \x1b[31m" + "x" * 1_000_000, stack="\x00" * 1_000_000)
    )
    (row,), (notice,) = rows(database), notices(database)
    assert len(row.error_message) < 11_000
    assert len(notice.body["error"]) < 4_000
    assert "1000008 characters in all" in notice.body["error"]


def test_a_try_that_is_followed_by_another_is_a_row_of_low_severity_and_no_notice(database):
    record_retry(database, replace(FAILURE, try_number=1))
    assert [row.severity for row in rows(database)] == ["low"]
    assert notices(database) == []


def test_a_retry_that_works_is_healed_by_itself_and_nobody_is_told(database):
    record_retry(database, replace(FAILURE, try_number=1))
    assert succeed(database, try_number=2) is False
    assert rows(database)[0].context["healed"] == "by itself on try 2"
    assert notices(database) == []


def test_a_failure_that_was_told_is_told_as_healed_once(database):
    channels = Channels(database)
    record_failure(database, FAILURE)
    channels.run()
    assert succeed(database) is True
    assert succeed(database) is False
    channels.run()
    assert channels.headlines() == [
        "Task settle_trades.settle_batch.settle[2] failed on try 3",
        "Healed by itself on try 4: Task settle_trades.settle_batch.settle[2] failed on try 3",
    ]
    assert channels["slack"].messages[1].kind == "ended"


def test_a_cause_is_healed_when_the_last_of_its_failures_is(database):
    for index in range(3):
        record_failure(database, replace(FAILURE, map_index=index))
    assert [succeed(database, map_index=index) for index in range(3)] == [False, False, True]
    assert notices(database)[-1].kind == "healed"


def test_a_later_run_heals_an_earlier_one_but_not_one_that_failed_since(database):
    record_failure(database, FAILURE)
    earlier = datetime.now(UTC) - timedelta(minutes=5)
    assert succeed(database, run_id="later", started_at=earlier) is False, "it began before"
    assert succeed(database, run_id="later") is True
    assert rows(database)[0].context["healed"] == "by a later run"


def test_a_later_run_heals_only_the_same_index_of_a_mapped_task(database):
    for index in (0, 5):
        record_failure(database, replace(FAILURE, map_index=index))
    for index in (0, 1, 2):  # the later run has fewer of them
        assert succeed(database, run_id="later", map_index=index) is False
    healed = {row.context["map_index"]: row.context.get("healed") for row in rows(database)}
    assert healed == {0: "by a later run", 5: None}
    assert not any(notice.kind == "healed" for notice in notices(database))
    assert succeed(database, run_id="still later", map_index=5) is True


def test_another_task_s_success_heals_nothing(database):
    record_failure(database, FAILURE)
    assert succeed(database, task_id="claim") is False
    assert succeed(database, dag_id="other") is False
    assert succeed(database, map_index=1) is False, "another batch of the same run"


def test_what_could_not_be_written_is_kept_on_disk_and_told_when_the_database_is_back(database, tmp_path):
    spool = Spool(tmp_path)
    for index in range(5):
        keep_failure(spool, replace(FAILURE, map_index=index), told=None)
    keep_retry(spool, replace(FAILURE, run_id="other"))
    assert rows(database) == []
    with writing_to(database, spool):
        pass  # whoever opens the database next
    assert len(rows(database)) == 6
    channels = Channels(database)
    channels.run()
    assert channels.headlines() == ["5 failures: Task settle_trades.settle_batch.settle[0] failed on try 3"]
    assert not any("notice" in row.context for row in rows(database))
    channels.run()
    assert len(notices(database)) == 5


def test_what_was_told_without_the_database_is_not_told_to_the_same_channel_again(database, tmp_path):
    spool = Spool(tmp_path)
    keep_failure(spool, FAILURE, told="slack")
    with writing_to(database, spool):
        pass
    channels = Channels(database, alert_channels={"slack": ("critical",), "pagerduty": ("critical",)})
    channels.run()
    assert channels.headlines() == []
    assert len(channels["pagerduty"].messages) == 1
    assert states(database) == ["sent", "sent"]
    assert succeed(database) is True
    channels.run()
    assert channels["slack"].messages[0].kind == "ended"


def test_a_run_kept_on_disk_is_no_news_beside_its_task(database, tmp_path):
    spool = Spool(tmp_path)
    keep_failure(spool, FAILURE, told=None)
    keep_failure(spool, RUN_FAILURE, told=None)
    with writing_to(database, spool):
        pass
    Channels(database).run()
    assert (len(rows(database)), len(notices(database))) == (2, 1)


def test_a_failure_of_days_ago_does_not_keep_a_cause_from_healing(database):
    record_failure(database, replace(FAILURE, map_index=7))
    pass_time(database, timedelta(days=2))
    record_failure(database, FAILURE)
    assert succeed(database) is True
