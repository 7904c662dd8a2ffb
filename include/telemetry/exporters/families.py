"""Every metric of /metrics: name, kind, labels, what it means, and which series are 0 before the first event.

The names are fixed by those who use them. What the platform counts itself begins with `tradeops_`; the others
are called what the bot platform's operators type. Buckets: sql/functions/metric_histograms.sql.
"""

from include.telemetry.exporters.declared_metric import DeclaredMetric
from include.telemetry.exporters.risk_families import RISK_METRICS

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
MESSAGE_SOURCES = ("telegram", "api")
TRADING_STATES = ("trading", "exits_only", "frozen")
BINGX_CLOCK = "/openApi/swap/v2/server/time"  # what include/probes/platform/bingx.py asks


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
        "tradeops_second_model_calls_total",
        "counter",
        "Those of them that went to the second model, in the place of the first.",
        {"outcome": ("answered",)},
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
    *RISK_METRICS,
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
        "signals_by_source", "gauge", "Signals from outside that came so far.", {"source": MESSAGE_SOURCES}
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
