"""What a clock that was ahead leaves in each table: set back or taken away, and said once."""

import re

import pytest
from sqlalchemy import text

from include.database import SQL
from tests.support.rows import insert_signal

# How far the clock was ahead. A time of no calendar is further than any.
AHEAD = ["2 hours 5 minutes", "3 days 20 hours", "7 years", "infinity"]

CLAIM = (
    "INSERT INTO settlement_claims (trade_signal_id, claim_id, batch, claimed_at, lease_expires_at, attempts"
)
ANALYSIS = (
    "INSERT INTO analysis_claims (trade_signal_id, claim_id, lease_expires_at, next_attempt_at, failures)"
)
STATE = (
    "INSERT INTO alert_states (fingerprint, rule, severity, state, since, observed, evaluated_at, fired_at, "
    "told_level, told_at, acknowledged_at, acknowledged_until) VALUES ('a', 'a', 'info', 'firing', "
)
NOTICE = (
    "INSERT INTO alert_notices (created_at, notice_key, source, kind, fingerprint, cause, severity, "
    "title, owner) "
    "VALUES (:at, 'k', 'failure', 'failure', 'f', 'f', 'critical', 't', 'o')"
)
DELIVERY = (
    "WITH notice AS (INSERT INTO alert_notices (notice_key, source, kind, fingerprint, cause, "
    "severity, title, owner) "
    "VALUES ('k', 'rule', 'firing', 'f', 'f', 'critical', 't', 'o') RETURNING id) "
    "INSERT INTO alert_deliveries (notice_id, channel, subject, state, due_at, settled_at) SELECT id, "
)
THREAD = "INSERT INTO alert_threads (channel, subject, messages, attempts, next_at, told_at, claimed_until)"
SILENCE = "INSERT INTO alert_silences (matchers, author, reason, starts_at, ends_at, created_at, ended_by)"
BATCH = "INSERT INTO archived_batches (table_name, file, day, state, rows, last_key, run_url, created_at)"
ATTEMPT = (
    "INSERT INTO signal_attempts (request_key, run_id, run_url, batch, user_id, symbol, timeframe, "
    "requested_at, lease_expires_at) VALUES ('k', 'r', 'u', 0, gen_random_uuid(), 'BTC', '1h', "
)
CALL = (
    "INSERT INTO llm_calls (purpose, model_asked, outcome, at, lapses_at) "
    "VALUES ('signal', 'm', 'under_way', "
)
FETCH = (
    "INSERT INTO candle_fetches (symbol, source, start_at, end_at, fetched_at, ask_again_at, "
    "candles, outcome) "
    "VALUES ('BTC', 'kraken', now(), now(), :at, :at, 0, 'answered')"
)
REPLAY = (
    "WITH replay AS (INSERT INTO replays (id, requested_by, dry_run, redo, filter, settings, run_url) "
    "VALUES ('r', 'ann', true, '{settlement}', '{}', '{}', 'u') RETURNING id) "
    "INSERT INTO replay_batches (replay_id, phase, batch, lease_expires_at) SELECT id, 'settlement', "
    "0, :at FROM replay"
)

# Table -> statements that write a row of the future into it.
ROWS = {
    "alert_evaluations": [
        "INSERT INTO alert_evaluations (at, seconds, rule_set, rules, instances, changes, notices) "
        "VALUES (:at, 1, '', 1, 1, 0, 0)"
    ],
    "alert_rule_sets": [
        "INSERT INTO alert_rule_sets (hash, adopted_at, path, content) VALUES ('h', :at, '', '{}')"
    ],
    "alert_states": [
        f"{STATE} :at, 'bad', :at, :at, 1, :at, NULL, NULL)",
        f"{STATE} now(), 'bad', now(), now(), 1, :at, NULL, NULL)",
        f"{STATE} now(), 'bad', now(), now(), 1, NULL, :at, 'infinity')",
    ],
    "alert_threads": [
        f"{THREAD} VALUES ('slack', 's', 1, 0, :at, NULL, NULL)",
        f"{THREAD} VALUES ('slack', 's', 1, 1, :at, NULL, NULL)",
        f"{THREAD} VALUES ('slack', 's', 7, 0, now(), :at, NULL)",
        f"{THREAD} VALUES ('slack', 's', 1, 0, now(), NULL, :at)",
    ],
    "alert_deliveries": [
        f"{DELIVERY} 'slack', 'f', 'waiting', :at, NULL FROM notice",
        f"{DELIVERY} 'slack', 'f', 'sent', now(), :at FROM notice",
    ],
    "alert_notices": [NOTICE],
    "alert_silences": [
        f"{SILENCE} VALUES ('{{\"rule\": \"x\"}}', 'a', 'r', now() - interval '1 day', now() + "
        f"interval '1 hour', :at, NULL)",
    ],
    "freezes": [
        "INSERT INTO freezes (groups, author, reason, begins_at, ends_at) "
        "SELECT '{work}', 'a', 'r', least(:at, '9999-01-01'), least(:at, '9999-01-01') + interval '1 hour'"
    ],
    "system_samples": [
        "INSERT INTO system_samples (at, host, gauge, value) VALUES (:at, 'h', 'cpu_percent', 1)"
    ],
    "http_services": [
        "INSERT INTO http_services (service, state, since, open_until) VALUES ('s', 'open', :at, :at)",
        "INSERT INTO http_services (service, state, open_until) VALUES ('s', 'open', :at)",
        "INSERT INTO http_services (service, held_until) VALUES ('s', :at)",
    ],
    "http_calls": ["INSERT INTO http_calls (service, called_at) VALUES ('s', :at)"],
    "settlement_claims": [
        f"{CLAIM}) SELECT id, 'c', 0, now(), :at, 1 FROM trade_signals",
        f"{CLAIM}) SELECT id, 'c', 0, :at, now(), 1 FROM trade_signals",
        f"{CLAIM}, next_attempt_at) SELECT id, 'c', 0, now(), now(), 9, :at FROM trade_signals",
    ],
    "analysis_claims": [
        f"{ANALYSIS} SELECT id, 'c', :at, NULL, 1 FROM trade_signals",
        f"{ANALYSIS} SELECT id, 'c', now(), :at, 1 FROM trade_signals",
    ],
    "replay_batches": [REPLAY],
    "signal_attempts": [f"{ATTEMPT} now(), :at)", f"{ATTEMPT} :at, now())"],
    "signal_slots": [
        "INSERT INTO signal_slots (user_id, taken_at, trade_signal_id) SELECT user_id, :at, id FROM "
        "trade_signals"
    ],
    "snapshot_parts": [
        "INSERT INTO snapshot_parts (source, symbol, part, observed_at, fetched_at) VALUES ('s', '', "
        "'{}', now(), :at)"
    ],
    "llm_calls": [f"{CALL} now(), :at)", f"{CALL} :at, now())"],
    "candle_fetches": [FETCH],
    "probe_results": [
        "INSERT INTO probe_results (service, kind, reason, checked_at, asked_at, check_every, run_url) "
        "VALUES ('fred', 'government', '', :at, :at, '1 hour', 'u')"
    ],
    "archived_batches": [f"{BATCH} VALUES ('t', 'f', '2026-01-01', 'writing', 1, '[]', 'u', :at)"],
    "maintenance_reports": [
        "INSERT INTO maintenance_reports (kind, run_url, created_at, findings, sections) "
        "VALUES ('weekly', 'u', :at, '[]', '[]')"
    ],
    "table_sizes": [
        "INSERT INTO table_sizes (day, table_name, bytes, rows) "
        "VALUES (CAST(CAST(:at AS timestamptz) + interval '1 day' AS date), 't', 1, 1)"
    ],
}
SAID_ONLY = {
    "trade_signals": ["UPDATE trade_signals SET status = 'completed_success', completed_at = :at"],
    "atge_error_logs": [
        "INSERT INTO atge_error_logs (timestamp, error_type, error_message) VALUES (:at, 'frontend', '')"
    ],
    "atge_performance_metrics": [
        "INSERT INTO atge_performance_metrics (timestamp, metric_type, metric_name, value) "
        "VALUES (:at, 'api_response', 'x', 1)"
    ],
    "atge_user_feedback": [
        "INSERT INTO atge_user_feedback (timestamp, feedback_type) VALUES (:at, 'bug_report')"
    ],
    "backups": [
        "INSERT INTO backups (id, kind, status, location, started_at) VALUES ('b', 'logs', "
        "'running', 'l', :at)"
    ],
    "restore_drills": [
        "INSERT INTO restore_drills (backup_id, started_at, success, findings, run_url) "
        "VALUES ('b', :at, true, '[]', 'u')"
    ],
}
CASES = [(table, statement) for table, statements in (ROWS | SAID_ONLY).items() for statement in statements]


def write(database, statement, ahead):
    with database.begin() as connection:
        if not connection.execute(text("SELECT 1 FROM trade_signals")).first():
            insert_signal(connection)
        at = connection.execute(
            text(
                "SELECT CASE :ahead WHEN 'infinity' THEN 'infinity' "
                "ELSE CAST(now() + CAST(nullif(:ahead, 'infinity') AS interval) AS text) END"
            ),
            {"ahead": ahead},
        ).scalar_one()
        connection.execute(text(re.sub(r"(?<!:):at\b", f"CAST('{at}' AS timestamptz)", statement)))


def set_back(database, *tables, lease="15 minutes"):
    with database.begin() as connection:
        return connection.execute(
            text("SELECT set_back_future_rows(CAST(:tables AS text[]), now(), CAST(:lease AS interval))"),
            {"tables": list(tables) or None, "lease": lease},
        ).scalar_one()


def notices(database):
    with database.connect() as connection:
        return connection.execute(
            text(
                "SELECT severity, title, labels ->> 'table' AS table_name, body FROM alert_notices "
                "WHERE source = 'system' ORDER BY notice_key"
            )
        ).all()


def test_every_table_of_the_list_is_tried_here():
    source = (SQL / "functions" / "set_back_future_rows.sql").read_text()
    listed = re.findall(r"^ {8}\('(\w+)', ", source, flags=re.MULTILINE)
    assert set(listed) == set(ROWS) | set(SAID_ONLY)


@pytest.mark.parametrize("ahead", AHEAD)
@pytest.mark.parametrize(("table", "statement"), CASES, ids=lambda value: str(value)[:20])
def test_a_row_from_the_future_is_set_back_once_and_said_once(database, table, statement, ahead):
    if table == "table_sizes" and ahead == "infinity":
        statement = statement.replace(
            "CAST(CAST(:at AS timestamptz) + interval '1 day' AS date)", "'infinity'"
        )
    write(database, statement, ahead)
    found = set_back(database)
    assert found == (0 if table in SAID_ONLY else 1)
    assert set_back(database) == 0  # nothing is ahead any more
    ((severity, title, named, body),) = notices(database)
    assert (severity, title, named) == ("warning", f"1 row of {table} is from the future", table)
    assert "clock was ahead" in body["reason"]
    assert "chronyc" in body["next_step"]


@pytest.mark.parametrize("ahead", ["30 seconds", "-1 minute"])
@pytest.mark.parametrize(("table", "statement"), CASES, ids=lambda value: str(value)[:20])
def test_what_lies_where_it_may_is_left_alone(database, table, statement, ahead):
    if table == "table_sizes":
        statement = statement.replace(" + interval '1 day'", "")
    write(database, statement, ahead)
    assert (set_back(database), notices(database)) == (0, [])


def test_many_rows_keep_their_order_and_make_one_notice(database):
    for hours in (5, 2, 9):
        write(database, NOTICE.replace("'k'", f"'k{hours}'"), f"{hours} hours")
    assert set_back(database, "alert_notices") == 3
    with database.connect() as connection:
        order = connection.execute(
            text("SELECT notice_key FROM alert_notices WHERE source = 'failure' ORDER BY created_at")
        ).scalars()
        assert order.all() == ["k2", "k5", "k9"]
    assert [row.title for row in notices(database)] == ["3 rows of alert_notices are from the future"]


def test_a_failure_that_somebody_took_over_rests_as_long_as_that_person_said(database):
    write(database, f"{THREAD} VALUES ('slack', 'f', 1, 0, now() + interval '3 days', NULL, NULL)", "0 s")
    write(
        database,
        "INSERT INTO alert_notices (notice_key, source, kind, fingerprint, cause, severity, title, "
        "owner, body) "
        "VALUES ('k', 'failure', 'acknowledged', 'f', 'f', 'critical', 't', 'o', "
        "jsonb_build_object('until', now() + interval '3 days 1 second'))",
        "0 s",
    )
    assert set_back(database) == 0


def test_a_row_that_somebody_works_on_and_a_table_that_is_locked_are_left_for_later(database):
    write(database, NOTICE, "2 hours")
    with database.connect() as busy:
        busy.execute(text("SELECT FROM alert_notices FOR UPDATE"))
        assert set_back(database, "alert_notices") == 0
    with database.connect() as busy:
        busy.execute(text("LOCK TABLE candle_fetches"))
        assert set_back(database, "alert_notices", "candle_fetches") == 1
