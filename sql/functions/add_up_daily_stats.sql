-- Keeps daily_stats_totals in step with daily_trade_stats, whoever changes its rows: it adds what is new and takes off what
-- was. Beside NaN and infinity nothing can be taken off: such a user's rows are added up again.
CREATE OR REPLACE FUNCTION add_up_daily_stats() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  users uuid[];
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    DELETE FROM daily_stats_totals;
    RETURN NULL;
  END IF;
  EXECUTE format($statement$
    WITH difference AS (
      SELECT
        user_id, sum(sign * total_trades) AS trades, sum(sign * winning_trades) AS wins, sum(sign * losing_trades) AS losses,
        sum(sign * total_profit_loss) AS net, sum(sign * total_profit) AS profit, sum(sign * total_loss) AS loss
      FROM (%s) AS changes
      GROUP BY user_id
    ), added AS (
      INSERT INTO daily_stats_totals AS former
      SELECT user_id, trades, wins, losses, net, profit, loss FROM difference ORDER BY user_id
      ON CONFLICT (user_id) DO UPDATE SET
        total_trades = former.total_trades + excluded.total_trades,
        winning_trades = former.winning_trades + excluded.winning_trades,
        losing_trades = former.losing_trades + excluded.losing_trades,
        total_profit_loss = former.total_profit_loss + excluded.total_profit_loss,
        total_profit = former.total_profit + excluded.total_profit,
        total_loss = former.total_loss + excluded.total_loss
      RETURNING user_id, total_profit_loss, total_profit, total_loss
    )
    SELECT array_agg(user_id) FROM added WHERE 'NaN' IN (0 * total_profit_loss, 0 * total_profit, 0 * total_loss)
  $statement$, concat_ws(
    ' UNION ALL ',
    CASE WHEN TG_OP <> 'DELETE' THEN 'SELECT 1 AS sign, * FROM changed' END,
    CASE WHEN TG_OP <> 'INSERT' THEN 'SELECT -1 AS sign, * FROM former' END
  )) INTO users;
  UPDATE daily_stats_totals AS totals
  SET (total_trades, winning_trades, losing_trades, total_profit_loss, total_profit, total_loss) = (
    SELECT
      coalesce(sum(total_trades), 0), coalesce(sum(winning_trades), 0), coalesce(sum(losing_trades), 0),
      coalesce(sum(total_profit_loss), 0), coalesce(sum(total_profit), 0), coalesce(sum(total_loss), 0)
    FROM daily_trade_stats AS stats
    WHERE stats.user_id = totals.user_id
  )
  WHERE user_id = ANY (users);
  RETURN NULL;
END;
$$;

COMMENT ON FUNCTION add_up_daily_stats IS 'Trigger function that keeps daily_stats_totals in step with daily_trade_stats';

CREATE OR REPLACE TRIGGER add_up_inserted AFTER INSERT ON daily_trade_stats
  REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION add_up_daily_stats();
CREATE OR REPLACE TRIGGER add_up_updated AFTER UPDATE ON daily_trade_stats
  REFERENCING OLD TABLE AS former NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION add_up_daily_stats();
CREATE OR REPLACE TRIGGER add_up_deleted AFTER DELETE ON daily_trade_stats
  REFERENCING OLD TABLE AS former
  FOR EACH STATEMENT EXECUTE FUNCTION add_up_daily_stats();
CREATE OR REPLACE TRIGGER add_up_emptied AFTER TRUNCATE ON daily_trade_stats
  FOR EACH STATEMENT EXECUTE FUNCTION add_up_daily_stats();
