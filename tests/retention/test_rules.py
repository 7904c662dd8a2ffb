"""What is kept for how long."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from include.retention import clean_table, count_due, retention_rules
from include.retention.archive import RowArchive
from include.settings import Settings
from tests.retention.rows import HOUR, NOW
from tests.support.rows import insert


def test_the_rules_keep_feedback_and_follow_the_settings():
    rules = {rule.table: rule.keep for rule in retention_rules(Settings())}
    assert rules["atge_error_logs"] == timedelta(days=90)
    assert rules["atge_performance_metrics"] == timedelta(days=30)
    assert not {"atge_user_feedback", "trade_signals", "trade_results", "market_candles"} & set(rules)
    rules = {rule.table: rule for rule in retention_rules(Settings(keep_candles=HOUR, keep_errors=None))}
    assert rules["market_candles"].by_partition
    assert "atge_error_logs" not in rules


def test_a_difference_that_is_open_stays_however_old_it_is(database, storage):
    seen = NOW - timedelta(days=800)
    with database.begin() as connection:
        for subject, resolved in (("open", None), ("old", seen), ("new", NOW - HOUR)):
            by = "reconciliation" if resolved else None
            insert(
                connection, "reconciliation_differences", exchange="bingx", kind="fills", subject=subject,
                ours='{"size": 1}', first_seen=seen, last_seen=seen, resolved_at=resolved, resolved_by=by,
            )  # fmt: skip
    rule = next(rule for rule in RULES if rule.table == "reconciliation_differences")
    clean_table(database, storage, rule, NOW, run_url="run", time_limit=HOUR)
    with database.connect() as connection:
        left = connection.execute(text("SELECT subject FROM reconciliation_differences ORDER BY 1")).scalars()
        assert list(left) == ["new", "open"]


RULES = retention_rules(Settings(keep_candles=timedelta(days=400)))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.table)
def test_every_table_with_a_rule_exists_and_can_be_archived(database, storage, rule):
    assert count_due(database, rule, NOW) is not None
    RowArchive(database, storage, rule, rule.table, "run")  # knows a Parquet type of each column
