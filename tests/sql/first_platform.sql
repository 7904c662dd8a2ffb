-- The tables as the first platform's script made them, with what tells them from ours: short types, missing
-- columns, older enumerations, columns and defaults of its own, copies of candles for each trade, and rows.
CREATE TABLE users (id uuid PRIMARY KEY);

CREATE TABLE trade_signals (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  symbol varchar(10) NOT NULL DEFAULT 'BTC',
  direction varchar(10) NOT NULL CHECK (direction IN ('LONG', 'SHORT')),
  timeframe varchar(10) NOT NULL CHECK (timeframe IN ('1h', '4h', '1d', '1w')),
  entry_price decimal(20, 8) NOT NULL,
  stop_loss decimal(20, 8) NOT NULL,
  take_profit_1 decimal(20, 8) NOT NULL,
  take_profit_2 decimal(20, 8) NOT NULL,
  take_profit_3 decimal(20, 8) NOT NULL,
  allocation_1 decimal(5, 2) DEFAULT 50,
  confidence_score integer NOT NULL CHECK (confidence_score BETWEEN 0 AND 100),
  ai_reasoning text NOT NULL,
  ai_model varchar(50) NOT NULL DEFAULT 'gpt-4o',
  status varchar(20) NOT NULL DEFAULT 'active'
    CHECK (status IN ('active', 'completed_success', 'completed_failure', 'expired', 'cancelled')),
  generated_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  completed_at timestamp,
  favourite boolean
);

CREATE TABLE trade_results (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  trade_signal_id uuid NOT NULL REFERENCES trade_signals (id) ON DELETE CASCADE,
  tp1_hit boolean NOT NULL DEFAULT false,
  fees_paid decimal(20, 2) NOT NULL DEFAULT 2.00,
  net_profit_loss decimal(20, 2),
  profit_loss_percentage double precision,
  ai_analysis text
);

CREATE TABLE trade_market_snapshot (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  trade_signal_id uuid NOT NULL REFERENCES trade_signals (id) ON DELETE CASCADE,
  current_price decimal(20, 8) NOT NULL,
  galaxy_score integer CHECK (galaxy_score BETWEEN 0 AND 100),
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE trade_historical_prices (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  trade_signal_id uuid NOT NULL REFERENCES trade_signals (id) ON DELETE CASCADE,
  timestamp timestamptz NOT NULL,
  open decimal(20, 8) NOT NULL,
  close decimal(20, 8) NOT NULL,
  data_source varchar(50) NOT NULL,
  UNIQUE (trade_signal_id, timestamp)
);

CREATE TABLE atge_performance_cache (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  total_trades integer NOT NULL DEFAULT 0,
  total_profit_loss decimal(20, 2),
  best_trade_id uuid REFERENCES trade_signals (id),
  UNIQUE (user_id)
);

CREATE TABLE atge_error_logs (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  timestamp timestamptz NOT NULL DEFAULT now(),
  error_type varchar(50) NOT NULL,
  error_message text NOT NULL,
  trade_signal_id uuid REFERENCES trade_signals (id) ON DELETE SET NULL,
  context jsonb,
  severity varchar(20) NOT NULL DEFAULT 'medium',
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE VIEW vw_complete_trades AS
SELECT ts.id, ts.symbol, tr.net_profit_loss
FROM trade_signals ts LEFT JOIN trade_results tr ON ts.id = tr.trade_signal_id;

CREATE VIEW atge_recent_critical_errors AS
SELECT id, error_message FROM atge_error_logs WHERE severity = 'critical';

CREATE FUNCTION calculate_atge_performance(p_user_id uuid) RETURNS void LANGUAGE sql AS 'SELECT';

INSERT INTO users VALUES ('00000000-0000-0000-0000-000000000001');
INSERT INTO trade_signals (
  id, user_id, direction, timeframe, entry_price, stop_loss, take_profit_1, take_profit_2, take_profit_3,
  allocation_1, confidence_score, ai_reasoning, status, expires_at, completed_at, favourite
) VALUES
  ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-000000000001', 'LONG', '1h',
   0.12345678, 0.1, 0.2, 0.3, 0.4, NULL, 80, 'because', 'completed_success',
   '2025-01-02 00:00+00', '2025-01-01 12:34:56', true),
  ('00000000-0000-0000-0000-00000000000b', '00000000-0000-0000-0000-000000000001', 'SHORT', '4h',
   5, 6, 4, 3, 2, 60, 10, 'why not', 'active', '2025-01-02 00:00+00', NULL, NULL);
INSERT INTO trade_results (trade_signal_id, net_profit_loss, profit_loss_percentage, ai_analysis)
VALUES ('00000000-0000-0000-0000-00000000000a', 12.34, 0.1, 'fine');
INSERT INTO trade_market_snapshot (trade_signal_id, current_price, galaxy_score)
VALUES ('00000000-0000-0000-0000-00000000000a', 1, 66);
INSERT INTO trade_historical_prices (trade_signal_id, timestamp, open, close, data_source)
SELECT '00000000-0000-0000-0000-00000000000a', '2025-01-01'::timestamptz + n * interval '1 minute', 1, 1, 'x'
FROM generate_series(1, 5) AS n;
INSERT INTO atge_performance_cache (user_id, total_trades, best_trade_id)
VALUES ('00000000-0000-0000-0000-000000000001', 1, '00000000-0000-0000-0000-00000000000a');
INSERT INTO atge_error_logs (error_type, error_message, severity) VALUES ('api', 'it broke', 'critical');
