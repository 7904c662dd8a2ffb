-- When the platform began to keep records: the first of what is kept longest. Null: there is nothing yet.
SELECT least(
  (SELECT min(generated_at) FROM trade_signals
    WHERE generated_at > '2000-01-01 00:00Z' AND generated_at < '10000-01-01 00:00Z'),
  (SELECT min(day) FROM daily_kpis WHERE day > '2000-01-01')::timestamp AT TIME ZONE 'UTC',
  (SELECT min(timestamp) FROM atge_error_logs WHERE timestamp > '2000-01-01 00:00Z'),
  (SELECT min(day) FROM table_sizes WHERE day > '2000-01-01')::timestamp AT TIME ZONE 'UTC'
)
