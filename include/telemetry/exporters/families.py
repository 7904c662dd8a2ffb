"""Every metric of /metrics: name, kind, labels, what it means, and which series are 0 before the first event.

The names are fixed by those who use them. What the platform counts itself begins with `tradeops_`; the others
are called what the bot platform's operators type. Buckets: sql/functions/metric_histograms.sql.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Literal

Values = tuple[str, ...]

TRADE_STATUSES = (
    "active",
    "completed_success",
    "completed_failure",
    "expired",
    "incomplete_data",
    "cancelled",
)
ERROR_TYPES = ("api", "database", "generation", "backtesting", "analysis", "frontend")
ERROR_SEVERITIES = ("low", "medium", "high", "critical")
SIGNAL_OUTCOMES = (
    "stored",
    "no_trade",
    "refused",
    "invalid_answer",
    "model_failed",
    "rate_limited",
    "abandoned",
)
ORDER_STATUSES = (
    "planned",
    "submitting",
    "open",
    "partially_filled",
    "filled",
    "cancelled",
    "rejected",
    "expired",
    "unknown",
)
PORTFOLIO_SOURCES = ("ibkr", "exchange", "file")
MESSAGE_SOURCES = ("telegram", "api")
ACCESS_STATES = ("full", "grace", "none", "unknown")
TRADING_STATES = ("trading", "exits_only", "frozen")
BINGX_CLOCK = "/openApi/swap/v2/server/time"  # what include/probes/platform/bingx.py asks


@dataclass(frozen=True)
class DeclaredMetric:
    """A metric. Its labels have the values known beforehand; an empty tuple: only who asks knows them.

    Attributes:
        name: as it is written, a counter with `_total`.
        kind: counters and histograms are 0 before their first event; a gauge that is not known has no series.
        words: what it means, for HELP.
        labels: the labels in their order.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    words: str
    labels: Mapping[str, Values] = field(default_factory=dict)

    def zeros(self, known: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, ...]]:
        """Give the sets of labels that are 0 before the first event; `known` has values of open labels."""
        if self.kind != "gauge":
            yield from product(*(values or known.get(name, ()) for name, values in self.labels.items()))


METRICS = (
    DeclaredMetric(
        "tradeops_build_info",
        "gauge",
        "Version and schema of the platform; always 1.",
        {"version": (), "schema": ()},
    ),
    DeclaredMetric(
        "tradeops_scrape_age_seconds",
        "gauge",
        "Age of this reading: those who ask within ten seconds share one.",
    ),
    # trades and the sweep
    DeclaredMetric(
        "tradeops_trades_total",
        "counter",
        "Trades that have come into a status: active when proposed, and each one after it.",
        {"status": TRADE_STATUSES},
    ),
    DeclaredMetric(
        "tradeops_trades_due",
        "gauge",
        "Trades past their end that nobody holds, and that wait for nothing but a sweep.",
    ),
    DeclaredMetric(
        "tradeops_trades_due_oldest_seconds",
        "gauge",
        "For how long the oldest due trade has been due; 0 when none is.",
    ),
    DeclaredMetric(
        "tradeops_sweep_latency_seconds",
        "histogram",
        "From a trade's expiry to its settlement; without those that ended for want of data.",
    ),
    DeclaredMetric(
        "tradeops_sweep_last_success_timestamp_seconds",
        "gauge",
        "When a run of settle_trades last ended well.",
    ),
    DeclaredMetric(
        "tradeops_settle_seconds", "histogram", "What settling took, a batch: reading, computing, writing."
    ),
    # data
    DeclaredMetric(
        "tradeops_candles_written_total",
        "counter",
        "Candles stored, new or corrected, by source.",
        {"source": ()},
    ),
    DeclaredMetric(
        "tradeops_candle_fetch_failures_total",
        "counter",
        "Requests for candles that a source failed; that it does not know a symbol is no failure.",
        {"source": ()},
    ),
    DeclaredMetric(
        "tradeops_candle_age_seconds",
        "gauge",
        "Time since the newest candle that a source has given closed.",
        {"source": ()},
    ),
    DeclaredMetric(
        "tradeops_data_quality_score",
        "histogram",
        "Quality of the candles of each settled trade, 0 to 100.",
    ),
    # the model
    DeclaredMetric(
        "tradeops_analyses_total",
        "counter",
        "Post-mortems: stored, or why a try came to nothing.",
        {"outcome": ("stored", "invalid", "timeout")},
    ),
    DeclaredMetric(
        "tradeops_model_calls_total",
        "counter",
        "Requests to the language model by their end; also those that were refused before they were made.",
        {"model": (), "outcome": ("answered",)},
    ),
    DeclaredMetric(
        "tradeops_model_cost_usd_total",
        "counter",
        "What is known to be spent on the language model, US dollars.",
        {"model": ()},
    ),
    DeclaredMetric(
        "tradeops_signals_generated_total",
        "counter",
        "Attempts to generate a signal, by their end.",
        {"outcome": SIGNAL_OUTCOMES},
    ),
    # outside services
    DeclaredMetric(
        "tradeops_service_calls_total",
        "counter",
        "Calls of outside services, by their end: ok, or how they failed.",
        {"service": (), "outcome": ("ok", "unavailable")},
    ),
    DeclaredMetric(
        "tradeops_service_call_seconds",
        "histogram",
        "What the last request of a call took, from sending it to the end of its answer.",
        {"service": ()},
    ),
    DeclaredMetric(
        "tradeops_service_quota_used_ratio",
        "gauge",
        "The busiest use of a quota within its window or the last hour; 1 is all of it.",
        {"service": ()},
    ),
    DeclaredMetric(
        "tradeops_probe_status",
        "gauge",
        "The newest look at a service: 1 healthy, 0.5 degraded, 0 down. None: nobody knows.",
        {"service": ()},
    ),
    # alerts
    DeclaredMetric(
        "tradeops_alerts_firing",
        "gauge",
        "Alerts of the platform's own rules that fire, acknowledged ones too.",
        {"severity": ("critical", "warning", "info")},
    ),
    DeclaredMetric(
        "tradeops_notices_total",
        "counter",
        "What became of notices, by channel: sent, dropped (needed no telling), failed (given up).",
        {"channel": (), "outcome": ("sent", "dropped", "failed")},
    ),
    # backups
    DeclaredMetric(
        "tradeops_backup_last_success_timestamp_seconds",
        "gauge",
        "When the newest good backup of a kind was complete.",
        {"kind": ()},
    ),
    DeclaredMetric(
        "tradeops_backup_size_bytes",
        "gauge",
        "What the newest good backup takes in the storage.",
        {"kind": ()},
    ),
    DeclaredMetric(
        "tradeops_restore_drill_seconds",
        "gauge",
        "How long the last good drill took to restore: the real recovery time.",
    ),
    DeclaredMetric(
        "tradeops_restore_drill_last_success_timestamp_seconds", "gauge", "When a restore was last proven."
    ),
    # the rest
    DeclaredMetric(
        "tradeops_errors_total",
        "counter",
        "Rows of the error log.",
        {"type": ERROR_TYPES, "severity": ERROR_SEVERITIES},
    ),
    DeclaredMetric(
        "tradeops_dag_runs_total",
        "counter",
        "Runs of DAGs that ended; seen at the scrape, from Airflow's own database.",
        {"dag": (), "state": ("success", "failed")},
    ),
    DeclaredMetric("tradeops_feedback_rating", "histogram", "Ratings that users gave, 1 to 5."),
    # the exchange
    DeclaredMetric(
        "tradeops_trading_state",
        "gauge",
        "1 for the state that the trading switch has, 0 for the others.",
        {"state": TRADING_STATES},
    ),
    DeclaredMetric(
        "tradeops_exchange_differences",
        "gauge",
        "Differences from the exchange that nothing has explained yet.",
    ),
    DeclaredMetric(
        "tradeops_orders_unknown_oldest_seconds",
        "gauge",
        "For how long nobody has known what became of an order, the oldest of them; 0: there is none.",
    ),
    DeclaredMetric(
        "tradeops_reconciliation_last_success_timestamp_seconds",
        "gauge",
        "When the exchange was last compared with our orders, whole.",
    ),
    # portfolios
    DeclaredMetric(
        "tradeops_portfolio_syncs_total",
        "counter",
        "Looks at portfolios that were stored, or failed.",
        {"source": PORTFOLIO_SOURCES, "outcome": ("complete", "failed")},
    ),
    DeclaredMetric(
        "tradeops_portfolio_last_sync_timestamp_seconds",
        "gauge",
        "As of when the portfolio of a source that was seen the longest ago is known.",
        {"source": PORTFOLIO_SOURCES},
    ),
    DeclaredMetric(
        "tradeops_portfolio_sync_seconds",
        "gauge",
        "How long the last look at a portfolio took.",
        {"source": PORTFOLIO_SOURCES},
    ),
    DeclaredMetric(
        "tradeops_risk_assessments_total",
        "counter",
        "Days whose risk was worked out, or was not.",
        {"outcome": ("complete", "failed")},
    ),
    DeclaredMetric("tradeops_risk_last_success_timestamp_seconds", "gauge", "When risk was last worked out."),
    DeclaredMetric(
        "tradeops_risk_assessment_seconds", "gauge", "How long the last calculation of risk took."
    ),
    DeclaredMetric(
        "tradeops_risk_traffic_lights",
        "gauge",
        "Forecasts, by portfolio, method and confidence, in each zone of the newest back-test.",
        {"zone": ("green", "yellow", "red")},
    ),
    DeclaredMetric(
        "tradeops_risk_exceptions_to_expected_ratio",
        "gauge",
        "Losses above the value at risk in the newest back-test, by the number expected; 1 is right.",
        {"method": (), "confidence": ()},
    ),
    # token access
    DeclaredMetric(
        "tradeops_token_price_age_seconds", "gauge", "Since the token's newest price that was believed."
    ),
    DeclaredMetric(
        "tradeops_token_price_usd",
        "gauge",
        "The token's average price, as the requirement was decided by it.",
    ),
    DeclaredMetric("tradeops_token_requirement_tokens", "gauge", "How many tokens give access."),
    DeclaredMetric(
        "tradeops_token_requirement_frozen", "gauge", "1 while no price is believed, so that nothing changes."
    ),
    DeclaredMetric(
        "tradeops_token_price_refusals_total",
        "counter",
        "Prices of the token that were missing or not believed, by source.",
        {"source": ()},
    ),
    DeclaredMetric(
        "tradeops_access_holders",
        "gauge",
        "Holders in each state, as last judged.",
        {"state": ACCESS_STATES},
    ),
    DeclaredMetric(
        "tradeops_access_changes_total",
        "counter",
        "Changes of access by the state that began: full is a grant, none a denial.",
        {"state": ACCESS_STATES},
    ),
    DeclaredMetric(
        "tradeops_balance_check_last_success_timestamp_seconds",
        "gauge",
        "When all balances were last read, to the end.",
    ),
    DeclaredMetric(
        "tradeops_balances_unreadable", "gauge", "Wallets that the last such check could not read."
    ),
    DeclaredMetric(
        "tradeops_access_grace_next_end_timestamp_seconds",
        "gauge",
        "When the next grace ends; none: nobody is in grace.",
    ),
    # as the bot platform's operators type them
    DeclaredMetric("orders_total", "counter", "Orders of ours written down."),
    DeclaredMetric(
        "orders_failed_total",
        "counter",
        "Orders that were not carried out, by reason.",
        {"reason": ("rejected", "expired", "unknown")},
    ),
    DeclaredMetric("orders_by_status", "gauge", "Orders in each status now.", {"status": ORDER_STATUSES}),
    DeclaredMetric(
        "order_processing_seconds",
        "histogram",
        "From a signal's arrival to its order being handed to the exchange.",
    ),
    DeclaredMetric(
        "signals_received_total",
        "counter",
        "Messages with signals from outside.",
        {"source": MESSAGE_SOURCES},
    ),
    DeclaredMetric(
        "signal_processing_errors_total",
        "counter",
        "Messages from outside that should have become an order and did not.",
        {"source": MESSAGE_SOURCES},
    ),
    DeclaredMetric(
        "signals_by_source", "gauge", "Signals from outside that are stored now.", {"source": MESSAGE_SOURCES}
    ),
    DeclaredMetric(
        "signal_last_received_timestamp_seconds",
        "gauge",
        "When the last message from a source came; none before the first.",
        {"source": MESSAGE_SOURCES},
    ),
    DeclaredMetric(
        "bingx_api_calls_total", "counter", "Calls of BingX, by endpoint.", {"endpoint": (BINGX_CLOCK,)}
    ),
    DeclaredMetric(
        "bingx_api_errors_total",
        "counter",
        "Calls of BingX that failed, by endpoint and HTTP status; none: no answer came.",
        {"endpoint": (BINGX_CLOCK,), "code": ("none",)},
    ),
    DeclaredMetric(
        "bingx_order_execution_seconds", "histogram", "From handing BingX an order to its being filled."
    ),
    DeclaredMetric("exchange_balance_usdt", "gauge", "USDT at the exchange, as it last said."),
    DeclaredMetric("exchange_balance_btc", "gauge", "BTC at the exchange, as it last said."),
    DeclaredMetric(
        "exchange_balance_updated_timestamp_seconds", "gauge", "When the exchange last said its balances."
    ),
    DeclaredMetric("db_connections_active", "gauge", "Sessions of the database that run a statement."),
    DeclaredMetric(
        "db_connections_idle", "gauge", "Sessions of the database that run none, within a transaction or not."
    ),
    DeclaredMetric(
        "db_query_duration_seconds",
        "histogram",
        "What the platform's statements took, of a fair sample: at most 100 a minute and process.",
    ),
    DeclaredMetric(
        "db_transactions_total",
        "counter",
        "Transactions of the database, ended either way. A crash of the server counts from 0.",
    ),
    DeclaredMetric(
        "db_deadlocks_total", "counter", "Deadlocks in the database. A crash of the server counts from 0."
    ),
    DeclaredMetric(
        "db_cache_hit_ratio",
        "gauge",
        "Share of the blocks asked for that the server held in its memory, since its statistics began.",
    ),
    DeclaredMetric(
        "db_connection_errors_total",
        "counter",
        "Tasks and runs that failed because the database was away, told when it was back.",
    ),
)
