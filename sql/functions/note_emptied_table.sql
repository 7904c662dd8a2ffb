-- A TRUNCATE of the trades, their results or their snapshots makes the statistics of everybody stale, in the same
-- transaction. Rights and search_path as in note_changed_signals.
CREATE OR REPLACE FUNCTION note_emptied_table() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  DELETE FROM performance_nodes;
  DELETE FROM performance_chunks;
  INSERT INTO performance_refreshes (user_id) SELECT user_id FROM atge_performance_cache;
  INSERT INTO daily_stats_due (day) SELECT day FROM daily_kpis;
  RETURN NULL;
END;
$$;

COMMENT ON FUNCTION note_emptied_table IS
  'Trigger function that notes that the statistics of everybody are stale after a TRUNCATE';

CREATE OR REPLACE TRIGGER note_emptied AFTER TRUNCATE ON trade_signals
  FOR EACH STATEMENT EXECUTE FUNCTION note_emptied_table();
CREATE OR REPLACE TRIGGER note_emptied AFTER TRUNCATE ON trade_results
  FOR EACH STATEMENT EXECUTE FUNCTION note_emptied_table();
CREATE OR REPLACE TRIGGER note_emptied AFTER TRUNCATE ON trade_market_snapshot
  FOR EACH STATEMENT EXECUTE FUNCTION note_emptied_table();
