"""Ages of data: the newest of each kind, against the schedule of its DAG."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from include.probes.ages import DAGS_BY_LABEL, KINDS, DagSchedule, NewestOfKind, compare_ages, read_newest
from include.settings import Settings
from include.settings.backups import BACKUP_SCHEDULES
from tests.support.rows import insert_candles, insert_signal

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
BY_NAME = {kind.name: kind for kind in KINDS}
REQUEST = {"user_id": UUID(int=1), "symbol": "BTC", "timeframe": "1h"}


def age_of(name, newest, cron="0 2 * * *", *, label="", expected=True, paused=False, **settings):
    """The verdict on one kind, by a schedule of all DAGs."""
    found = [
        NewestOfKind(BY_NAME[name], label, newest, expected, NOW),
        NewestOfKind(BY_NAME["fetches"], "", NOW, expected, NOW),
    ]
    dags = [kind.dag for kind in KINDS if kind.dag] + ["back_up_database", "probe_platform"]
    schedules = {dag: DagSchedule(cron, "at two", paused) for dag in dags}
    ages = compare_ages(found, schedules, Settings.model_construct(**settings))
    return next(age for age in ages if (age.kind.name, age.label) == (name, label))


def test_the_statement_and_the_list_have_the_same_kinds(database):
    with database.connect() as connection:
        found = read_newest(connection)  # raises for a kind that the list does not know
    statement = (ROOT / "sql/queries/probes/read_ages.sql").read_text()
    named = set(re.findall(r"SELECT '(\w+)'", statement))
    assert named == set(BY_NAME)
    assert {one.kind.name for one in found} <= named


def test_each_kind_is_made_by_a_dag_that_there_is():
    dags = {path.stem for path in (ROOT / "dags").glob("*.py")}
    assert {kind.dag for kind in KINDS if kind.dag} <= dags
    assert {"probe_platform", "probe_government", "report_daily", "report_weekly", "report_monthly"} <= dags
    assert {DAGS_BY_LABEL["backups"].format(kind) for kind in BACKUP_SCHEDULES} <= dags


def test_what_is_late_missing_in_time_and_not_promised():
    due = datetime(2026, 11, 20, 2, tzinfo=UTC)
    assert age_of("drills", due + HOUR).state == "in time"
    late = age_of("drills", due - HOUR)
    assert (late.state, late.due, late.age, late.promise) == ("late", due, 9 * HOUR, "at two")
    assert age_of("drills", None).state == "missing"
    assert age_of("feedback", None).state == "not promised"
    assert age_of("drills", None, cron=None).state == "not promised"
    assert age_of("drills", None, cron="@continuous").state == "not promised"
    assert age_of("drills", due - HOUR, paused=True).paused


def test_within_its_grace_nothing_is_late():
    """Of a drill, which may take four hours, the one due three hours ago may still be under way."""
    assert age_of("drills", NOW - 20 * HOUR, cron="0 7 * * *").state == "in time"
    assert age_of("drills", NOW - 30 * HOUR, cron="0 7 * * *").state == "late"


def test_candles_are_promised_of_the_sources_in_use_while_trades_are_open():
    old = NOW - timedelta(days=3)
    used = {"candle_sources": ("kraken",)}
    assert age_of("candles", old, "*/15 * * * *", label="kraken", **used).state == "late"
    assert (
        age_of("candles", old, "*/15 * * * *", label="kraken", expected=False, **used).state == "not promised"
    )
    assert age_of("candles", old, "*/15 * * * *", label="gone", **used).state == "not promised"
    assert age_of("candles", old, "*/15 * * * *", label="archive", candle_sources=("archive",)).due is None


def test_a_source_in_use_that_gave_nothing_is_missing():
    found = [NewestOfKind(BY_NAME["fetches"], "", NOW, True, NOW)]
    schedules = {"collect_candles": DagSchedule("*/15 * * * *")}
    ages = compare_ages(found, schedules, Settings.model_construct(candle_sources=("kraken",)))
    assert [(age.label, age.state) for age in ages if age.kind.name == "candles"] == [("kraken", "missing")]
    assert {age.kind.name for age in ages} == set(BY_NAME)


def test_signals_are_promised_where_settings_ask_for_some():
    assert age_of("signals", None).state == "not promised"
    assert age_of("signals", None, signal_requests=(REQUEST,)).state == "missing"


def test_what_is_late_comes_first():
    found = [
        NewestOfKind(BY_NAME["kpis"], "", NOW, True, NOW),
        NewestOfKind(BY_NAME["upkeep"], "", NOW - timedelta(days=30), True, NOW),
        NewestOfKind(BY_NAME["fetches"], "", None, False, NOW),
    ]
    schedules = {dag: DagSchedule("0 0 * * *") for dag in ("roll_up_stats", "maintain_database")}
    ages = compare_ages(found, schedules, Settings.model_construct())
    assert ages[0].kind.name == "upkeep"
    assert [age.state for age in ages] == sorted(
        (age.state for age in ages), key=["late", "missing", "in time", "not promised"].index
    )


def test_the_newest_of_a_kind_is_none_of_the_future(database):
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    with database.begin() as connection:
        insert_candles(connection, "BTC", "1h", now - 5 * HOUR, HOUR, 3)
        insert_signal(connection, generated_at=now - 2 * HOUR, expires_at=now + 2 * HOUR)
        insert_signal(connection, generated_at=now + 200 * HOUR, expires_at=now + 300 * HOUR)
        insert_candles(connection, "ETH", "1h", now + 40 * HOUR, HOUR, 1)  # by a clock that was ahead
        connection.execute(
            text("INSERT INTO restore_drills (backup_id, started_at, success, findings) VALUES "
                 "('a', :past, true, '[]'), ('b', :future, true, '[]'), ('c', :later, false, '[]')"),
            {"past": now - 9 * HOUR, "future": now + 9 * HOUR, "later": now - HOUR},
        )  # fmt: skip
    with database.connect() as connection:
        found = {(one.kind.name, one.label): one for one in read_newest(connection)}
    assert found["candles", "archive"].newest == now - 2 * HOUR  # the last one opened three hours ago
    assert found["candles", "archive"].expected
    assert found["signals", ""].newest == now - 2 * HOUR
    assert found["drills", ""].newest == now - 9 * HOUR
