-- Moves the offset behind a page, unless another run did so since it was asked for: then no row comes back, and the page
-- is that run's. The row stays locked until the page is stored.
INSERT INTO telegram_offsets AS kept (bot, next_update)
VALUES (:bot, CAST(:next_update AS bigint))
ON CONFLICT (bot) DO UPDATE SET next_update = excluded.next_update, updated_at = now()
WHERE kept.next_update = CAST(:expected AS bigint)
  OR (CAST(:expected AS bigint) IS NULL AND kept.updated_at <= now() - interval '6 days')
RETURNING next_update
