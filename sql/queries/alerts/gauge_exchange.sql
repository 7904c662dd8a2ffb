-- Orders at the exchange that need somebody, now. What waits while the switch lets nothing through is not stalled.
WITH waiting AS MATERIALIZED (
  SELECT min(since) AS since
  FROM (
    SELECT min(created_at) AS since
    FROM orders
    WHERE closed_at IS NULL AND status IN ('planned', 'submitting')
    UNION ALL
    SELECT min(created_at)
    FROM signals
    WHERE status = 'accepted' AND NOT EXISTS (SELECT FROM orders WHERE orders.signal_id = signals.id)
  ) AS oldest
  WHERE (SELECT state FROM trading_switch ORDER BY id DESC LIMIT 1) = 'trading'
)
SELECT gauge, CAST(value AS double precision) AS value, CAST(NULL AS text) AS label_1, CAST(NULL AS text) AS label_2,
  CAST(NULL AS text) AS label_3
FROM waiting
CROSS JOIN LATERAL (
  VALUES
    ('stalled_seconds', extract(epoch FROM CAST(:at AS timestamptz) - waiting.since)),
    ('unknown_seconds', (
      SELECT extract(epoch FROM CAST(:at AS timestamptz) - min(unknown_since))
      FROM orders
      WHERE closed_at IS NULL AND status = 'unknown'
    )),
    -- Since the newest good drill; without one, since trading was let on first or a drill was first tried.
    ('drill_age_seconds', (
      SELECT extract(epoch FROM CAST(:at AS timestamptz) - coalesce(
        (SELECT max(started_at) FROM trading_drills WHERE success),
        least(
          (SELECT min(started_at) FROM trading_drills),
          (SELECT changed_at FROM trading_switch WHERE state = 'trading' ORDER BY id LIMIT 1)
        )
      ))
    )),
    ('differences', (SELECT count(*) FROM reconciliation_differences WHERE resolved_at IS NULL))
) AS asked (gauge, found)
CROSS JOIN LATERAL (SELECT greatest(0, coalesce(found, 0)) AS value) AS known
