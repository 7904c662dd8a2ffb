"""What is kept for how long."""

from datetime import timedelta

import pytest

from include.retention import count_due, retention_rules
from include.retention.archive import RowArchive
from include.settings import Settings
from tests.retention.rows import HOUR, NOW


def test_the_rules_keep_feedback_and_follow_the_settings():
    rules = {rule.table: rule.keep for rule in retention_rules(Settings())}
    assert rules["atge_error_logs"] == timedelta(days=90)
    assert rules["atge_performance_metrics"] == timedelta(days=30)
    assert not {"atge_user_feedback", "trade_signals", "trade_results", "market_candles"} & set(rules)
    rules = {rule.table: rule for rule in retention_rules(Settings(keep_candles=HOUR, keep_errors=None))}
    assert rules["market_candles"].by_partition
    assert "atge_error_logs" not in rules


RULES = retention_rules(Settings(keep_candles=timedelta(days=400)))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.table)
def test_every_table_with_a_rule_exists_and_can_be_archived(database, storage, rule):
    assert count_due(database, rule, NOW) is not None
    RowArchive(database, storage, rule, rule.table, "run")  # knows a Parquet type of each column
