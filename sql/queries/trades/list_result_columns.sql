-- The columns of trade_results that settling writes: all but the row's own and those of its analysis, in the order of
-- vw_complete_trades. Younger ones stand there behind snapshot_at, the last of the first edition. Of a name that signal
-- and result share, the view shows the signal's.
SELECT
  held.attname::text AS name,
  shown.attnum > (
    SELECT attnum FROM pg_attribute WHERE attrelid = 'vw_complete_trades'::regclass AND attname = 'snapshot_at'
  ) AS younger
FROM pg_attribute AS held
JOIN pg_attribute AS shown ON shown.attrelid = 'vw_complete_trades'::regclass AND shown.attname = held.attname
WHERE held.attrelid = 'trade_results'::regclass
  AND held.attnum > 0
  AND held.attname NOT IN ('ai_analysis', 'ai_analysis_detail', 'ai_analysis_generated_at')
  AND held.attname NOT IN (SELECT attname FROM pg_attribute WHERE attrelid = 'trade_signals'::regclass)
ORDER BY shown.attnum
