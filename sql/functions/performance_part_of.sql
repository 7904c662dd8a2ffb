-- The statistics of a single trade, as a part that merges with others.
CREATE OR REPLACE FUNCTION performance_part_of(trade performance_trade) RETURNS performance_part
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  net numeric := coalesce(trade.net, 0);
  paid boolean := trade.net IS NOT NULL;
  -- What cannot be squared without an error is no number: it would end everybody's refresh.
  score numeric := CASE WHEN abs(trade.score) >= 1e30000 AND abs(trade.score) < 'Infinity' THEN 'NaN' ELSE trade.score END;
  scored boolean := trade.score IS NOT NULL;
  paired boolean := trade.score IS NOT NULL AND trade.percent IS NOT NULL;
  percent numeric := CASE
    WHEN abs(trade.percent) >= 1e30000 AND abs(trade.percent) < 'Infinity' THEN 'NaN' ELSE coalesce(trade.percent, 0)
  END;
  day date := CASE WHEN trade.percent IS NOT NULL THEN trade_day(trade.ended_at, NULL) END;
BEGIN
  IF day <= '0001-01-02' OR day >= '9999-12-30' THEN
    day := NULL;  -- of no day that there was: thousands of years would count as 0
  END IF;
  RETURN ROW(
    1,
    trade.won::int,
    (trade.won AND paid)::int, CASE WHEN trade.won THEN net ELSE 0 END,
    (NOT trade.won AND paid)::int, CASE WHEN trade.won THEN 0 ELSE net END,
    CASE WHEN paid THEN trade.id END, trade.net,
    CASE WHEN paid THEN trade.id END, trade.net,
    net, greatest(net, 0), least(net, 0), greatest(net, 0) - net,
    (trade.percent IS NOT NULL)::int, percent, percent * percent,
    (trade.won AND scored)::int, CASE WHEN trade.won AND scored THEN score ELSE 0 END,
    (NOT trade.won AND scored)::int, CASE WHEN NOT trade.won AND scored THEN score ELSE 0 END,
    paired::int,
    CASE WHEN paired THEN score ELSE 0 END,
    CASE WHEN paired THEN percent ELSE 0 END,
    CASE WHEN paired THEN score * score ELSE 0 END,
    CASE WHEN paired THEN percent * percent ELSE 0 END,
    CASE WHEN paired THEN score * percent ELSE 0 END,
    day, CASE WHEN day IS NOT NULL THEN percent ELSE 0 END,
    day, CASE WHEN day IS NOT NULL THEN percent ELSE 0 END,
    CASE WHEN day IS NOT NULL THEN percent ELSE 0 END,
    0
  )::performance_part;
END;
$$;

COMMENT ON FUNCTION performance_part_of IS 'The statistics of a single trade, as a part that merges with others';
