-- The role `authenticated` of a Supabase-like platform, where there is one. Run at each migration, so that a role
-- made later gets its rights then. The work tables (claims, refreshes) are ours alone, and so is what we do at
-- exchanges: orders and balances belong to no user. Of token access it reads prices and requirements, which are of
-- nobody. Row-level security is left to the platform: the views run with the rights of whoever asks.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'authenticated') THEN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO authenticated', current_schema());
    GRANT SELECT, INSERT, UPDATE ON
      trade_signals, trade_results, trade_technical_indicators, trade_market_snapshot, market_candles,
      atge_performance_cache, atge_error_logs, atge_performance_metrics, atge_user_feedback
    TO authenticated;
    GRANT SELECT ON
      trade_historical_prices, vw_complete_trades, daily_trade_stats, vw_daily_trade_stats, daily_kpis, vw_daily_kpis,
      atge_recent_critical_errors, atge_performance_summary_24h, atge_feedback_summary,
      token_prices, token_requirements
    TO authenticated;
  END IF;
END
$$;
