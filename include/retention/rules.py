"""What is kept for how long. Tables that are not named here are never touched; feedback is kept for good."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from include.settings import Settings


@dataclass(frozen=True)
class Rule:
    """One table: rows older than `keep` by `time_column` are archived, then deleted.

    `key` names the columns that tell rows apart. `by_partition`: whole months are detached and dropped.
    """

    table: str
    keep: timedelta
    time_column: str = "timestamp"
    key: tuple[str, ...] = ("id",)
    by_partition: bool = False

    @property
    def order(self) -> tuple[str, ...]:
        """The columns by which rows are archived: the time first, and no two rows alike."""
        return (self.time_column, *(name for name in self.key if name != self.time_column))


def retention_rules(settings: Settings) -> Sequence[Rule]:
    """Give the rules in force; a setting of None keeps the table's rows for good."""
    rules = [
        ("atge_error_logs", settings.keep_errors, {}),
        ("atge_performance_metrics", settings.keep_metrics, {}),
        ("data_quality_results", settings.keep_quality_results, {"time_column": "created_at"}),
        ("llm_calls", settings.keep_llm_calls, {"time_column": "at"}),
        ("probe_results", settings.keep_probe_results, {"time_column": "checked_at"}),
        ("exchange_balances", settings.keep_balances, {"time_column": "taken_at"}),
        ("reconciliations", settings.keep_reconciliations, {"time_column": "started_at"}),
        # What is not resolved has no such time, and stays.
        ("reconciliation_differences", settings.keep_differences, {"time_column": "resolved_at"}),
        ("signals", settings.keep_messages, {"time_column": "created_at"}),
        (
            "portfolio_positions",
            settings.keep_portfolio_positions,
            {"time_column": "taken_at", "key": ("portfolio_id", "taken_at", "instrument")},
        ),
        # After what refers to them: a look is finished no sooner than its positions are dated.
        ("portfolio_syncs", settings.keep_portfolio_positions, {"time_column": "finished_at"}),
        (
            "token_prices",
            settings.keep_access_prices,
            {"time_column": "taken_at", "key": ("taken_at", "source")},
        ),
        ("trade_changes", settings.keep_trade_changes, {"time_column": "changed_at"}),
        (
            "market_candles",
            settings.keep_candles,
            {"key": ("symbol", "resolution", "timestamp"), "by_partition": True},
        ),
    ]
    return [Rule(table, keep, **rest) for table, keep, rest in rules if keep is not None]  # type: ignore[arg-type]
