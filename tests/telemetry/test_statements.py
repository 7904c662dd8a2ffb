"""Statements of the database as measurements: a fair sample, cheap, and never about themselves."""

import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from include.database import sql
from include.telemetry import Spool, record_metric, writing_to
from include.telemetry.statements import SAMPLE, Sampler, is_measured


def measured(database):
    with database.connect() as connection:
        return connection.execute(
            text(
                "SELECT metric_name, value, unit, metadata ->> 'outcome' AS outcome "
                "FROM atge_performance_metrics WHERE metric_type = 'database_query' ORDER BY timestamp, id"
            )
        ).all()


def test_a_statement_is_a_measurement_by_its_name_with_its_outcome(database, tmp_path):
    with writing_to(database, Spool(tmp_path), statements=True):
        with database.connect() as connection:
            connection.execute(text("SELECT pg_sleep(0.05)"))
            connection.execute(
                sql("trades/count_waiting"),
                {"limit": 1} if ":limit" in sql("trades/count_waiting").text else {},
            )
        with pytest.raises(DBAPIError), database.connect() as connection:
            connection.execute(text("SELECT 1 / 0"))
        record_metric("api_response", "x", 1, "ms")  # written meanwhile, and not measured
    slow, named, failed = measured(database)
    assert slow.metric_name == "SELECT pg_sleep(0.05)"
    assert 50 <= slow.value < 5_000
    assert (slow.unit, slow.outcome) == ("ms", "ok")
    assert named.metric_name == "trades/count_waiting"
    assert failed.outcome == "DivisionByZero"


def test_nothing_is_measured_unasked_or_afterwards(database, tmp_path):
    with writing_to(database, Spool(tmp_path)), database.connect() as connection:
        connection.execute(text("SELECT 1"))
    with writing_to(database, Spool(tmp_path), statements=True):
        pass
    with database.connect() as connection:
        connection.execute(text("SELECT 1"))
    assert measured(database) == []


@pytest.mark.parametrize(
    ("statement", "counts"),
    [
        ("-- a comment\n  SELECT 1", True),
        ("/* two */ WITH a AS (SELECT 1) INSERT INTO b SELECT * FROM a", True),
        ("update x set y = 1", True),
        ("VACUUM (ANALYZE) trade_signals", False),
        ("SELECT pg_advisory_xact_lock(1)", False),
        ("LOCK TABLE alert_states", False),
        ("COPY x FROM STDIN", False),
        ("", False),
    ],
)
def test_what_waits_on_purpose_or_is_upkeep_does_not_count(statement, counts):
    assert is_measured(statement) is counts


def test_a_busy_minute_is_a_fair_sample_and_cheap():
    now, records = [0.0], []
    sampler = Sampler(records.append, lambda: now[0])
    begun = time.process_time()
    for number in range(20_000):
        sampler.hear("q", float(number), "ok")
    assert time.process_time() - begun < 2
    assert records == []
    now[0] = 61.0
    sampler.hear("next minute", 1.0, "ok")
    assert len(records) == SAMPLE
    assert 6_000 < sum(record.row["value"] for record in records) / SAMPLE < 14_000
    sampler.close()
    assert records[-1].row["metric_name"] == "next minute"
