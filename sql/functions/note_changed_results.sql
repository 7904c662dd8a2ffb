-- Notes the users and days whose statistics a change of trade_results makes stale, in the same transaction.
-- An analysis that arrives changes its day's KPIs, and nothing of its user. Of a trade that was deleted with its
-- result, note_changed_signals takes notice. Rights, search_path, EXECUTE and EXCEPT as there.
CREATE OR REPLACE FUNCTION note_changed_results() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  too_many boolean := (SELECT count(*) > 1000000 FROM (SELECT FROM changed LIMIT 1000001) AS first);
  results text := CASE TG_OP
    WHEN 'UPDATE' THEN $part$
      before AS (
        SELECT trade_signal_id, net_profit_loss, profit_loss_percentage, exit_at, fees_paid, slippage_cost,
          data_quality_score, exit_reason, ai_analysis IS NULL AS unexplained
        FROM former
      ), after AS (
        SELECT trade_signal_id, net_profit_loss, profit_loss_percentage, exit_at, fees_paid, slippage_cost,
          data_quality_score, exit_reason, ai_analysis IS NULL AS unexplained
        FROM changed
      ), differing AS (
        (SELECT * FROM before EXCEPT SELECT * FROM after)
        UNION ALL
        (SELECT * FROM after EXCEPT SELECT * FROM before)
      ), results AS (  -- a row as it was and as it is; a result that went to another trade is one row of each
        SELECT
          trade_signal_id,
          count(*) = 1 OR count(DISTINCT (net_profit_loss, profit_loss_percentage, exit_at)) > 1 AS of_user,
          count(*) = 1 OR count(DISTINCT (net_profit_loss, fees_paid, slippage_cost)) > 1 AS of_day
        FROM differing
        GROUP BY trade_signal_id
      )
    $part$
    ELSE 'results AS (SELECT trade_signal_id, true AS of_user, true AS of_day FROM changed)'
  END;
BEGIN
  EXECUTE format($statement$
    WITH %s, trades AS (
      SELECT
        signal.id, signal.user_id, coalesce(signal.completed_at, signal.expires_at) AS ended_at,
        trade_day(signal.completed_at, signal.expires_at) AS day, of_user, of_day,
        signal.status IN ('completed_success', 'completed_failure') AS counts
      FROM results
      CROSS JOIN LATERAL (  -- by its key, as in note_changed_snapshots
        SELECT * FROM trade_signals WHERE trade_signals.id = results.trade_signal_id OFFSET 0
      ) AS signal
      WHERE signal.status IN ('completed_success', 'completed_failure', 'expired', 'incomplete_data')
    ), days AS (
      INSERT INTO daily_stats_due (day, user_ids)
      SELECT day, CASE WHEN NOT $1 THEN coalesce(array_agg(user_id) FILTER (WHERE concerned AND NOT $1), '{}') END
      FROM (SELECT DISTINCT day, user_id, counts AND of_day AS concerned FROM trades) AS users
      GROUP BY day
    )
    INSERT INTO performance_refreshes (user_id, trade_ids, ended_at)
    SELECT user_id, array_agg(id) FILTER (WHERE NOT $1), array_agg(ended_at) FILTER (WHERE NOT $1)
    FROM trades
    WHERE of_user AND counts
    GROUP BY user_id
  $statement$, results) USING too_many;
  RETURN NULL;
END;
$$;

COMMENT ON FUNCTION note_changed_results IS
  'Trigger function that notes which users and days a change of trade_results makes stale';

CREATE OR REPLACE TRIGGER note_inserted AFTER INSERT ON trade_results
  REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_changed_results();
CREATE OR REPLACE TRIGGER note_updated AFTER UPDATE ON trade_results
  REFERENCING OLD TABLE AS former NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_changed_results();
CREATE OR REPLACE TRIGGER note_deleted AFTER DELETE ON trade_results
  REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_changed_results();
