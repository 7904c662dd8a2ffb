-- Trades as JSON, with the version that each has in list_trades. include/trades/read_trades.py fills the braces with
-- the objects.
SELECT
  signal.id::text AS id,
  concat_ws(' ', signal.xmin, signal.updated_at, result.xmin, result.updated_at, '/', indicators.version,
    '/', snapshot.version) AS version,
  left({signal}, -1)
    || ',"result":' || coalesce(CASE WHEN result.id IS NOT NULL THEN {result} END, 'null')
    || ',"indicators":' || coalesce(CASE WHEN indicators.id IS NOT NULL THEN {indicators} END, 'null')
    || ',"snapshot":' || coalesce(CASE WHEN snapshot.id IS NOT NULL THEN {snapshot} END, 'null') || '}}'
    AS trade
FROM trade_signals AS signal
LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
LEFT JOIN LATERAL (
  SELECT *, xmin AS version
  FROM trade_technical_indicators
  WHERE trade_signal_id = signal.id
  ORDER BY calculated_at DESC, id
  LIMIT 1
) AS indicators ON true
LEFT JOIN LATERAL (
  SELECT *, xmin AS version
  FROM trade_market_snapshot
  WHERE trade_signal_id = signal.id
  ORDER BY snapshot_at DESC, id
  LIMIT 1
) AS snapshot ON true
WHERE signal.id = ANY(CAST(:ids AS uuid[]))
