-- Brings performance_chunks and performance_nodes of these users to what their trades say, and takes their notes away.
-- It costs what has changed: a noted trade is read, and the chunk and the node that it was in, and those that it comes
-- into, are written anew. A user of whom nothing is kept yet, or of whom any trade may have changed, is read whole;
-- with `anew`, everybody is. The caller holds these users' rows of atge_performance_cache.
--
-- A trade is read as it is now, not as it was when it was noted, and taken out of every place that was noted. So it
-- does not matter how often, or in how many steps, a change is followed.
CREATE OR REPLACE FUNCTION update_performance_state(of_users uuid[], anew boolean) RETURNS void
LANGUAGE plpgsql
SET plan_cache_mode = force_custom_plan  -- one trade and many thousands want different plans
AS $$
DECLARE
  whole uuid[];
  changes performance_place[];  -- a trade, and when it ended; exit_at is not known
  touched performance_place[];  -- beginnings of chunks
BEGIN
  WITH noted AS (
    DELETE FROM performance_refreshes WHERE user_id = ANY (of_users) RETURNING user_id, trade_ids, ended_at
  ),
  named AS (
    SELECT DISTINCT noted.user_id, place.at, place.id
    FROM noted
    CROSS JOIN LATERAL unnest(noted.trade_ids, noted.ended_at) AS place (id, at)
  ),
  unknown AS (
    SELECT DISTINCT user_id
    FROM unnest(of_users) AS wanted (user_id)
    WHERE anew
      OR user_id IN (SELECT user_id FROM noted WHERE trade_ids IS NULL)
      OR NOT EXISTS (SELECT FROM performance_chunks AS chunk WHERE chunk.user_id = wanted.user_id)
  )
  SELECT
    ARRAY(SELECT user_id FROM unknown WHERE user_id IS NOT NULL),
    ARRAY(
      SELECT ROW(user_id, at, NULL, id)::performance_place
      FROM named
      WHERE user_id NOT IN (SELECT user_id FROM unknown WHERE user_id IS NOT NULL)
    )
  INTO whole, changes;
  IF whole = '{}' AND changes = '{}' THEN
    RETURN;
  END IF;
  DELETE FROM performance_chunks WHERE user_id = ANY (whole);
  DELETE FROM performance_nodes WHERE user_id = ANY (whole);

  WITH changed AS MATERIALIZED (
    SELECT user_id, ended_at, id FROM unnest(changes)
  ),
  fresh AS MATERIALIZED (
    SELECT trade.* FROM settled_trades AS trade WHERE trade.user_id = ANY (whole)
    UNION ALL
    SELECT trade.*
    FROM (SELECT DISTINCT user_id, id FROM changed) AS wanted
    JOIN settled_trades AS trade ON trade.id = wanted.id AND trade.user_id = wanted.user_id
  ),
  placed AS MATERIALIZED (  -- into the last chunk that begins before it, or the first that there is to be
    SELECT
      fresh.*, coalesce(from_at, '-infinity') AS from_at, coalesce(from_exit, '-infinity') AS from_exit,
      coalesce(from_id, '00000000-0000-0000-0000-000000000000') AS from_id
    FROM fresh
    LEFT JOIN LATERAL (
      SELECT chunk.from_at, chunk.from_exit, chunk.from_id
      FROM performance_chunks AS chunk
      WHERE chunk.user_id = fresh.user_id
        AND fresh.user_id <> ALL (whole)  -- whose chunks are gone, and would all be looked at
        AND (chunk.from_at, chunk.from_exit, chunk.from_id) <= (fresh.ended_at, fresh.exit_at, fresh.id)
      ORDER BY chunk.from_at DESC, chunk.from_exit DESC, chunk.from_id DESC
      LIMIT 1
    ) AS before ON true
  ),
  former AS (  -- chunks that hold a trade which was noted with this end: the last one begun before, or any begun then
    SELECT chunk.user_id, chunk.from_at, chunk.from_exit, chunk.from_id
    FROM changed
    CROSS JOIN LATERAL (
      (
        SELECT *
        FROM performance_chunks
        WHERE user_id = changed.user_id AND from_at < changed.ended_at
        ORDER BY from_at DESC, from_exit DESC, from_id DESC
        LIMIT 1
      )
      UNION ALL
      SELECT * FROM performance_chunks WHERE user_id = changed.user_id AND from_at = changed.ended_at
    ) AS chunk
    WHERE EXISTS (SELECT FROM unnest(chunk.trades) AS held WHERE held.id = changed.id)
  ),
  concerned AS MATERIALIZED (
    SELECT user_id, from_at, from_exit, from_id FROM placed
    UNION
    SELECT user_id, from_at, from_exit, from_id FROM former
  ),
  members AS (
    SELECT
      user_id, from_at, from_exit, from_id,
      ROW(id, ended_at, exit_at, won, net, percent, score)::performance_trade AS trade
    FROM placed
    UNION ALL
    SELECT user_id, from_at, from_exit, from_id, held::performance_trade
    FROM concerned
    JOIN performance_chunks AS chunk USING (user_id, from_at, from_exit, from_id)
    CROSS JOIN LATERAL unnest(chunk.trades) AS held
    WHERE NOT EXISTS (SELECT FROM changed WHERE changed.user_id = chunk.user_id AND changed.id = held.id)
  ),
  gathered AS MATERIALIZED (
    SELECT
      user_id, from_at, from_exit, from_id,
      array_agg(trade ORDER BY (trade).ended_at, (trade).exit_at, (trade).id) AS trades
    FROM members
    GROUP BY user_id, from_at, from_exit, from_id
  ),
  pieces AS (
    SELECT user_id, from_at, from_exit, from_id, 0 AS piece, trades FROM gathered WHERE cardinality(trades) <= 32
    UNION ALL
    SELECT
      user_id, from_at, from_exit, from_id, (turn - 1) / 16,
      array_agg(ROW(id, ended_at, exit_at, won, net, percent, score)::performance_trade ORDER BY turn)
    FROM gathered
    CROSS JOIN LATERAL unnest(trades) WITH ORDINALITY
      AS trade (id, ended_at, exit_at, won, net, percent, score, turn)
    WHERE cardinality(trades) > 32
    GROUP BY user_id, from_at, from_exit, from_id, (turn - 1) / 16
  ),
  written AS (
    INSERT INTO performance_chunks AS chunk (user_id, from_at, from_exit, from_id, trades, part)
    SELECT
      user_id,
      CASE piece WHEN 0 THEN from_at ELSE trades[1].ended_at END,
      CASE piece WHEN 0 THEN from_exit ELSE trades[1].exit_at END,
      CASE piece WHEN 0 THEN from_id ELSE trades[1].id END,
      trades,
      merge_performance(ARRAY(SELECT performance_part_of(trade::performance_trade) FROM unnest(trades) AS trade))
    FROM pieces
    ON CONFLICT (user_id, from_at, from_exit, from_id) DO UPDATE SET trades = excluded.trades, part = excluded.part
    RETURNING user_id, from_at, from_exit, from_id
  ),
  emptied AS (
    DELETE FROM performance_chunks
    WHERE (user_id, from_at, from_exit, from_id) IN (
      SELECT user_id, from_at, from_exit, from_id FROM concerned
      EXCEPT
      SELECT user_id, from_at, from_exit, from_id FROM gathered
    )
  )
  SELECT array_agg(ROW(user_id, from_at, from_exit, from_id)::performance_place)
  FROM (SELECT * FROM written UNION SELECT * FROM concerned) AS all_touched
  INTO touched;

  WITH concerned AS (
    SELECT DISTINCT
      chunk.user_id, coalesce(from_at, '-infinity') AS from_at, coalesce(from_exit, '-infinity') AS from_exit,
      coalesce(from_id, '00000000-0000-0000-0000-000000000000') AS from_id
    FROM unnest(touched) AS chunk
    LEFT JOIN LATERAL (
      SELECT node.from_at, node.from_exit, node.from_id
      FROM performance_nodes AS node
      WHERE node.user_id = chunk.user_id
        AND chunk.user_id <> ALL (whole)
        AND (node.from_at, node.from_exit, node.from_id) <= (chunk.ended_at, chunk.exit_at, chunk.id)
      ORDER BY node.from_at DESC, node.from_exit DESC, node.from_id DESC
      LIMIT 1
    ) AS before ON true
  ),
  ranges AS MATERIALIZED (
    SELECT
      concerned.*, coalesce(next.from_at, 'infinity') AS to_at, coalesce(next.from_exit, 'infinity') AS to_exit,
      coalesce(next.from_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff') AS to_id
    FROM concerned
    LEFT JOIN LATERAL (
      SELECT node.from_at, node.from_exit, node.from_id
      FROM performance_nodes AS node
      WHERE node.user_id = concerned.user_id
        AND (node.from_at, node.from_exit, node.from_id)
          > (concerned.from_at, concerned.from_exit, concerned.from_id)
      ORDER BY node.from_at, node.from_exit, node.from_id
      LIMIT 1
    ) AS next ON true
  ),
  pieces AS MATERIALIZED (
    SELECT ranges.user_id, ranges.from_at, ranges.from_exit, ranges.from_id, piece, place, parts
    FROM ranges
    CROSS JOIN LATERAL (
      SELECT
        CASE WHEN size > 32 THEN (turn - 1) / 16 ELSE 0 END AS piece,
        (array_agg(place ORDER BY turn))[1] AS place,
        array_agg(part ORDER BY turn) AS parts
      FROM (
        SELECT
          ROW(user_id, from_at, from_exit, from_id)::performance_place AS place, part,
          row_number() OVER (ORDER BY from_at, from_exit, from_id) AS turn, count(*) OVER () AS size
        FROM performance_chunks AS chunk
        WHERE chunk.user_id = ranges.user_id
          AND (chunk.from_at, chunk.from_exit, chunk.from_id) >= (ranges.from_at, ranges.from_exit, ranges.from_id)
          AND (chunk.from_at, chunk.from_exit, chunk.from_id) < (ranges.to_at, ranges.to_exit, ranges.to_id)
      ) AS chunks
      GROUP BY piece
    ) AS chunks
  ),
  written AS (
    INSERT INTO performance_nodes AS node (user_id, from_at, from_exit, from_id, part)
    SELECT
      user_id,
      CASE piece WHEN 0 THEN from_at ELSE (place).ended_at END,
      CASE piece WHEN 0 THEN from_exit ELSE (place).exit_at END,
      CASE piece WHEN 0 THEN from_id ELSE (place).id END,
      merge_performance(parts)
    FROM pieces
    ON CONFLICT (user_id, from_at, from_exit, from_id) DO UPDATE SET part = excluded.part
  )
  DELETE FROM performance_nodes
  WHERE (user_id, from_at, from_exit, from_id) IN (
    SELECT user_id, from_at, from_exit, from_id FROM concerned
    EXCEPT
    SELECT user_id, from_at, from_exit, from_id FROM pieces
  );
END;
$$;

COMMENT ON FUNCTION update_performance_state IS
  'Brings what is kept of these users'' trades up to date with what was noted of them; see refresh_atge_performance';
