"""trades: signals, results, indicators, market snapshots, performance cache."""

from alembic import op

from sql.migrations.adoption import add_constraint, add_primary_key, drop_empty, make_or_adopt

revision = "0001"
down_revision = None

SIGNALS = """
    id                  uuid NOT NULL DEFAULT gen_random_uuid()
    user_id             uuid NOT NULL
    symbol              text NOT NULL
    direction           text NOT NULL DEFAULT 'LONG'
    timeframe           text NOT NULL
    entry_price         numeric NOT NULL
    stop_loss           numeric NOT NULL
    take_profit_1       numeric NOT NULL
    take_profit_2       numeric NOT NULL
    take_profit_3       numeric NOT NULL
    allocation_1        numeric NOT NULL DEFAULT 40
    allocation_2        numeric NOT NULL DEFAULT 30
    allocation_3        numeric NOT NULL DEFAULT 30
    confidence_score    numeric
    risk_reward_ratio   numeric
    market_condition    text
    ai_reasoning        text
    ai_model            text
    status              text NOT NULL DEFAULT 'active'
    status_reason       text
    generated_at        timestamptz NOT NULL DEFAULT now()
    expires_at          timestamptz NOT NULL
    completed_at        timestamptz
    created_at          timestamptz NOT NULL DEFAULT now()
    updated_at          timestamptz NOT NULL DEFAULT now()
"""

RESULTS = """
    id                          uuid NOT NULL DEFAULT gen_random_uuid()
    trade_signal_id             uuid NOT NULL
    tp1_hit                     boolean NOT NULL DEFAULT false
    tp1_hit_at                  timestamptz
    tp1_hit_price               numeric
    tp2_hit                     boolean NOT NULL DEFAULT false
    tp2_hit_at                  timestamptz
    tp2_hit_price               numeric
    tp3_hit                     boolean NOT NULL DEFAULT false
    tp3_hit_at                  timestamptz
    tp3_hit_price               numeric
    sl_hit                      boolean NOT NULL DEFAULT false
    sl_hit_at                   timestamptz
    sl_hit_price                numeric
    entry_at                    timestamptz
    actual_entry_price          numeric
    exit_at                     timestamptz
    actual_exit_price           numeric
    exit_reason                 text
    trade_size_usd              numeric NOT NULL DEFAULT 1000
    gross_profit_loss           numeric
    fees_paid                   numeric
    slippage_cost               numeric
    net_profit_loss             numeric
    profit_loss_percentage      numeric
    time_to_completion_minutes  integer
    max_favorable_excursion     numeric
    max_adverse_excursion       numeric
    data_source                 text
    data_resolution             text
    data_quality_score          numeric
    ai_analysis                 text
    ai_analysis_detail          jsonb
    ai_analysis_generated_at    timestamptz
    created_at                  timestamptz NOT NULL DEFAULT now()
    updated_at                  timestamptz NOT NULL DEFAULT now()
"""

INDICATORS = """
    id               uuid NOT NULL DEFAULT gen_random_uuid()
    trade_signal_id  uuid NOT NULL
    rsi_14           numeric
    macd_line        numeric
    macd_signal      numeric
    macd_histogram   numeric
    ema_20           numeric
    ema_50           numeric
    ema_200          numeric
    bb_upper         numeric
    bb_middle        numeric
    bb_lower         numeric
    atr_14           numeric
    stoch_k          numeric
    stoch_d          numeric
    volume_24h       numeric
    volume_sma_20    numeric
    timeframe        text
    data_source      text
    candle_count     integer
    calculated_at    timestamptz NOT NULL DEFAULT now()
"""

SNAPSHOT = """
    id                       uuid NOT NULL DEFAULT gen_random_uuid()
    trade_signal_id          uuid NOT NULL
    current_price            numeric
    price_change_24h         numeric
    price_change_7d          numeric
    market_cap               numeric
    volume_24h               numeric
    circulating_supply       numeric
    fear_greed_index         numeric
    social_sentiment_score   numeric
    galaxy_score             numeric
    alt_rank                 numeric
    social_dominance         numeric
    sentiment_positive       numeric
    sentiment_negative       numeric
    sentiment_neutral        numeric
    social_volume_24h        numeric
    social_posts_24h         numeric
    social_interactions_24h  numeric
    social_contributors_24h  numeric
    correlation_score        numeric
    whale_transactions_24h   numeric
    exchange_inflow_24h      numeric
    exchange_outflow_24h     numeric
    data_quality_score       numeric
    data_sources             jsonb
    snapshot_at              timestamptz NOT NULL DEFAULT now()
"""

PERFORMANCE = """
    user_id                  uuid NOT NULL
    total_trades             integer NOT NULL DEFAULT 0
    winning_trades           integer NOT NULL DEFAULT 0
    losing_trades            integer NOT NULL DEFAULT 0
    success_rate             numeric
    total_profit_loss        numeric NOT NULL DEFAULT 0
    total_profit             numeric NOT NULL DEFAULT 0
    total_loss               numeric NOT NULL DEFAULT 0
    average_win              numeric
    average_loss             numeric
    best_trade_id            uuid
    best_trade_profit        numeric
    worst_trade_id           uuid
    worst_trade_loss         numeric
    sharpe_ratio             numeric
    max_drawdown             numeric NOT NULL DEFAULT 0
    profit_factor            numeric
    win_loss_ratio           numeric
    avg_galaxy_score_wins    numeric
    avg_galaxy_score_losses  numeric
    social_correlation       numeric
    last_calculated_at       timestamptz NOT NULL DEFAULT now()
    created_at               timestamptz NOT NULL DEFAULT now()
    updated_at               timestamptz NOT NULL DEFAULT now()
"""

INDEXES = """
CREATE INDEX IF NOT EXISTS trade_signals_due ON trade_signals (expires_at) WHERE status = 'active';
CREATE INDEX IF NOT EXISTS trade_signals_by_user ON trade_signals (user_id, generated_at DESC);
CREATE INDEX IF NOT EXISTS trade_signals_by_time ON trade_signals (generated_at DESC);
CREATE INDEX IF NOT EXISTS trade_signals_by_symbol ON trade_signals (symbol, generated_at DESC);
CREATE INDEX IF NOT EXISTS trade_results_unanalysed ON trade_results (trade_signal_id)
  WHERE ai_analysis IS NULL;
CREATE INDEX IF NOT EXISTS trade_technical_indicators_by_trade
  ON trade_technical_indicators (trade_signal_id, calculated_at DESC);
CREATE INDEX IF NOT EXISTS trade_market_snapshot_by_trade
  ON trade_market_snapshot (trade_signal_id, snapshot_at DESC);
"""

COMMENTS = """
COMMENT ON TABLE trade_signals IS
  'A trade as it was proposed. Nonsensical levels and allocations may be stored: settling answers them.';
COMMENT ON COLUMN trade_signals.symbol IS 'Base currency, such as BTC; quoted in US dollars';
COMMENT ON COLUMN trade_signals.allocation_1 IS 'Percent of the position that closes at take_profit_1';
COMMENT ON COLUMN trade_signals.allocation_2 IS 'Percent of the position that closes at take_profit_2';
COMMENT ON COLUMN trade_signals.allocation_3 IS 'Percent of the position that closes at take_profit_3';
COMMENT ON COLUMN trade_signals.confidence_score IS '0 to 100, as the model that proposed the trade gave it';
COMMENT ON COLUMN trade_signals.status_reason IS 'Why the status is what it is, in words';
COMMENT ON COLUMN trade_signals.generated_at IS 'From here on the entry order rests in the market';
COMMENT ON COLUMN trade_signals.expires_at IS 'What is open then closes; the trade is due for settling';
COMMENT ON COLUMN trade_signals.completed_at IS 'When the trade was settled, not when it left the market';

COMMENT ON TABLE trade_results IS 'What became of a trade on real candles; one row a trade';
COMMENT ON COLUMN trade_results.exit_reason IS
  'targets, stopped, targets_then_stopped, expired, not_entered, no_candles or invalid: what';
COMMENT ON COLUMN trade_results.actual_exit_price IS 'The exits weighted by their allocations';
COMMENT ON COLUMN trade_results.gross_profit_loss IS
  'US dollars: quantity * (exit - entry), for a SHORT (entry - exit); quantity = trade_size_usd / entry';
COMMENT ON COLUMN trade_results.fees_paid IS 'US dollars: fee rate * quantity * (entry + exit)';
COMMENT ON COLUMN trade_results.slippage_cost IS 'US dollars: slippage rate * quantity * (entry + exit)';
COMMENT ON COLUMN trade_results.net_profit_loss IS 'US dollars: gross - fees - slippage';
COMMENT ON COLUMN trade_results.profit_loss_percentage IS '100 * net_profit_loss / trade_size_usd';
COMMENT ON COLUMN trade_results.time_to_completion_minutes IS
  'Whole minutes from the signal to the exit candle, or to the expiry when never entered';
COMMENT ON COLUMN trade_results.max_favorable_excursion IS
  'Best price from entry to exit as signed profit in percent of the entry';
COMMENT ON COLUMN trade_results.max_adverse_excursion IS
  'Worst price from entry to exit as signed profit in percent of the entry';
COMMENT ON COLUMN trade_results.data_resolution IS 'Resolution of the candles that settled it: 1m, 5m, ...';
COMMENT ON COLUMN trade_results.data_quality_score IS
  '100 * distinct valid candles in the window / candles that the window should hold';
COMMENT ON COLUMN trade_results.ai_analysis IS 'For a person to read; null until it is written';

COMMENT ON TABLE trade_technical_indicators IS 'Indicators at the proposal; the newest row counts';
COMMENT ON COLUMN trade_technical_indicators.candle_count IS 'Candles that the indicators were computed from';
COMMENT ON TABLE trade_market_snapshot IS 'The market at the proposal; the newest row counts';
COMMENT ON COLUMN trade_market_snapshot.data_sources IS 'Which source gave which part';

COMMENT ON TABLE atge_performance_cache IS
  'Statistics of each user over the trades with status completed_success (won) and completed_failure (lost); '
  'written by refresh_atge_performance. Sums and counts over nothing are 0, averages and ratios null.';
COMMENT ON COLUMN atge_performance_cache.success_rate IS '100 * winning_trades / total_trades';
COMMENT ON COLUMN atge_performance_cache.total_profit_loss IS 'Sum of net_profit_loss, US dollars';
COMMENT ON COLUMN atge_performance_cache.total_profit IS 'Sum of net_profit_loss over won trades';
COMMENT ON COLUMN atge_performance_cache.total_loss IS
  'Sum of net_profit_loss over lost trades as a positive amount';
COMMENT ON COLUMN atge_performance_cache.average_win IS 'Mean net_profit_loss of won trades';
COMMENT ON COLUMN atge_performance_cache.average_loss IS 'Mean net_profit_loss of lost trades: negative or 0';
COMMENT ON COLUMN atge_performance_cache.best_trade_profit IS 'Highest net_profit_loss, of either sign';
COMMENT ON COLUMN atge_performance_cache.worst_trade_loss IS 'Lowest net_profit_loss, of either sign';
COMMENT ON COLUMN atge_performance_cache.sharpe_ratio IS
  'Per trade, not annualised, without a risk-free rate: mean / sample standard deviation of '
  'profit_loss_percentage; null below two trades or without variation';
COMMENT ON COLUMN atge_performance_cache.max_drawdown IS
  'US dollars, 0 or more: the deepest fall of the cumulative net_profit_loss, in order of completed_at, '
  'below its highest point so far, which starts at 0';
COMMENT ON COLUMN atge_performance_cache.profit_factor IS 'total_profit / total_loss; null without a loss';
COMMENT ON COLUMN atge_performance_cache.win_loss_ratio IS
  'winning_trades / losing_trades; null without a lost trade';
COMMENT ON COLUMN atge_performance_cache.social_correlation IS
  'Pearson correlation of galaxy_score and profit_loss_percentage; null below two pairs or without variation';
"""


def upgrade() -> None:
    """Make the tables, or adopt the first platform's."""
    # Its views and its function of the same names are replaced: they hold no data.
    op.execute("DROP VIEW IF EXISTS vw_complete_trades")
    op.execute("DROP FUNCTION IF EXISTS calculate_atge_performance(uuid)")

    make_or_adopt("trade_signals", SIGNALS)
    make_or_adopt("trade_results", RESULTS)
    make_or_adopt("trade_technical_indicators", INDICATORS)
    make_or_adopt("trade_market_snapshot", SNAPSHOT)
    make_or_adopt("atge_performance_cache", PERFORMANCE)

    for table in ("trade_signals", "trade_results", "trade_technical_indicators", "trade_market_snapshot"):
        add_primary_key(table, "id")
    add_primary_key("atge_performance_cache", "user_id")
    add_constraint("atge_performance_cache", "atge_performance_cache_user_id_key", "UNIQUE (user_id)")
    # The cache is computed: a deleted trade must not be held back by it.
    for column in ("best_trade_id", "worst_trade_id"):
        op.execute(
            "ALTER TABLE atge_performance_cache "
            f"DROP CONSTRAINT IF EXISTS atge_performance_cache_{column}_fkey"
        )

    checks = {
        "direction": "direction IN ('LONG', 'SHORT')",
        "timeframe": "timeframe IN ('15m', '1h', '4h', '1d', '1w')",
        "status": "status IN ('active', 'completed_success', 'completed_failure', 'expired', "
        "'incomplete_data', 'cancelled')",
        "confidence_score": "confidence_score BETWEEN 0 AND 100",
    }
    for column, condition in checks.items():
        add_constraint("trade_signals", f"trade_signals_{column}_check", f"CHECK ({condition})")
    add_constraint(
        "trade_results",
        "trade_results_data_quality_score_check",
        "CHECK (data_quality_score BETWEEN 0 AND 100)",
    )
    add_constraint("trade_results", "trade_results_trade_signal_id_key", "UNIQUE (trade_signal_id)")
    for table in ("trade_results", "trade_technical_indicators", "trade_market_snapshot"):
        add_constraint(
            table,
            f"{table}_trade_signal_id_fkey",
            "FOREIGN KEY (trade_signal_id) REFERENCES trade_signals (id) ON DELETE CASCADE",
        )
    op.execute(INDEXES)
    op.execute(COMMENTS)


def downgrade() -> None:
    """Drop the tables, if they are empty."""
    drop_empty(
        "atge_performance_cache",
        "trade_market_snapshot",
        "trade_technical_indicators",
        "trade_results",
        "trade_signals",
    )
