-- The statistics of one run of trades and of the next as those of both. Sums of numeric are exact and merging is
-- associative, so that it does not matter where a run is cut: the figures are the same to the digit.
--
-- Drawdown: within the first, within the second, or from the highest point of the first to the lowest of the second.
-- Days: the last of the first run may be the first of the second; its square is known when the day is complete.
CREATE OR REPLACE FUNCTION merge_performance_parts(a performance_part, b performance_part) RETURNS performance_part
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  RETURN ROW(
    a.trades + b.trades,
    a.wins + b.wins,
    a.paid_wins + b.paid_wins, a.profit + b.profit,
    a.paid_losses + b.paid_losses, a.lost + b.lost,
    CASE WHEN a.best IS NULL OR b.best > a.best THEN b.best_id ELSE a.best_id END, greatest(a.best, b.best),
    CASE WHEN a.worst IS NULL OR b.worst < a.worst THEN b.worst_id ELSE a.worst_id END, least(a.worst, b.worst),
    a.net + b.net,
    greatest(a.highest, a.net + b.highest),
    least(a.lowest, a.net + b.lowest),
    greatest(a.drawdown, b.drawdown, a.highest - (a.net + b.lowest)),
    a.percents + b.percents, a.percent + b.percent, a.percent_square + b.percent_square,
    a.scored_wins + b.scored_wins, a.win_scores + b.win_scores,
    a.scored_losses + b.scored_losses, a.loss_scores + b.loss_scores,
    a.pairs + b.pairs, a.pair_score + b.pair_score, a.pair_percent + b.pair_percent,
    a.score_square + b.score_square, a.paired_square + b.paired_square, a.product + b.product,
    coalesce(a.first_day, b.first_day),
    CASE
      WHEN a.first_day IS NULL THEN b.first_percent
      WHEN b.first_day = a.first_day THEN a.first_percent + b.first_percent
      ELSE a.first_percent
    END,
    coalesce(b.last_day, a.last_day),
    CASE
      WHEN b.last_day IS NULL THEN a.last_percent
      WHEN a.last_day = b.last_day THEN a.last_percent + b.last_percent
      ELSE b.last_percent
    END,
    a.day_percent + b.day_percent,
    a.day_square + b.day_square + CASE
      WHEN a.last_day = b.first_day THEN CASE
        WHEN a.first_day < a.last_day AND b.first_day < b.last_day
        THEN (a.last_percent + b.first_percent) * (a.last_percent + b.first_percent)
        ELSE 0
      END
      WHEN a.last_day < b.first_day THEN
        CASE WHEN a.first_day < a.last_day THEN a.last_percent * a.last_percent ELSE 0 END
        + CASE WHEN b.first_day < b.last_day THEN b.first_percent * b.first_percent ELSE 0 END
      ELSE 0
    END
  )::performance_part;
END;
$$;

COMMENT ON FUNCTION merge_performance_parts IS
  'The statistics of a run of settled trades and of the next as those of both';
