-- A page of trades: their ids, the sort key behind which the next page begins, and a version of each, which is another
-- one when any of its rows has changed; in every row how many trades match. include/trades/read_trades.py fills the
-- braces. Without a trade there is one row with the count alone.
SELECT counted.total, page.sort_key, page.id, page.version
FROM ({total}) AS counted (total)
LEFT JOIN LATERAL (
  SELECT
    row_number() OVER (ORDER BY {again}) AS place,
    chosen.sort_key::text AS sort_key,
    signal.id::text AS id,
    concat_ws(' ', signal.xmin, signal.updated_at, result.xmin, result.updated_at, '/', (
      SELECT xmin
      FROM trade_technical_indicators
      WHERE trade_signal_id = signal.id
      ORDER BY calculated_at DESC, id
      LIMIT 1
    ), '/', (
      SELECT xmin
      FROM trade_market_snapshot
      WHERE trade_signal_id = signal.id
      ORDER BY snapshot_at DESC, id
      LIMIT 1
    )) AS version
  FROM (
    SELECT signal.id, {sort} AS sort_key
    FROM trade_signals AS signal {joined}
    WHERE {matching} AND {behind}
    ORDER BY {order}
    {part}
  ) AS chosen
  JOIN trade_signals AS signal ON signal.id = chosen.id
  LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
) AS page ON true
ORDER BY page.place
