-- Notes the users whose statistics a change of trade_market_snapshot makes stale, in the same transaction: those of
-- settled trades, which is rare, since a snapshot is taken when a trade is proposed. Each trade is found by its key: the
-- planner may take those that were just settled for none, and then compares each of them with each changed row. Rights,
-- search_path and EXECUTE as in note_changed_signals, which takes notice of a trade that was deleted with its snapshots.
CREATE OR REPLACE FUNCTION note_changed_snapshots() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  too_many boolean := (SELECT count(*) > 1000000 FROM (SELECT FROM changed LIMIT 1000001) AS first);
BEGIN
  EXECUTE format($statement$
    INSERT INTO performance_refreshes (user_id, trade_ids, ended_at)
    SELECT
      user_id, array_agg(id) FILTER (WHERE NOT $1), array_agg(coalesce(completed_at, expires_at)) FILTER (WHERE NOT $1)
    FROM (SELECT DISTINCT trade_signal_id FROM (SELECT trade_signal_id FROM changed %s) AS named) AS touched
    CROSS JOIN LATERAL (SELECT * FROM trade_signals WHERE id = touched.trade_signal_id OFFSET 0) AS signal
    WHERE status IN ('completed_success', 'completed_failure')
    GROUP BY user_id
  $statement$, CASE TG_OP WHEN 'UPDATE' THEN 'UNION ALL SELECT trade_signal_id FROM former' END) USING too_many;
  RETURN NULL;
END;
$$;

COMMENT ON FUNCTION note_changed_snapshots IS
  'Trigger function that notes which users a change of trade_market_snapshot makes stale';

CREATE OR REPLACE TRIGGER note_inserted AFTER INSERT ON trade_market_snapshot
  REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_changed_snapshots();
CREATE OR REPLACE TRIGGER note_updated AFTER UPDATE ON trade_market_snapshot
  REFERENCING OLD TABLE AS former NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_changed_snapshots();
CREATE OR REPLACE TRIGGER note_deleted AFTER DELETE ON trade_market_snapshot
  REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_changed_snapshots();
