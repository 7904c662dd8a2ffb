-- What fetching again brought: candles that are new or changed, and for each symbol that stayed short, why.
SELECT
  coalesce(sum((counts ->> 'candles')::int), 0)::int AS candles,
  coalesce(
    (
      SELECT jsonb_object_agg(missing.key, missing.value)
      FROM replay_batches AS short
      CROSS JOIN jsonb_each_text(short.counts -> 'missing') AS missing
      WHERE short.replay_id = :replay_id AND short.phase = 'candles'
    ),
    '{}'
  ) AS missing
FROM replay_batches
WHERE replay_id = :replay_id AND phase = 'candles'
