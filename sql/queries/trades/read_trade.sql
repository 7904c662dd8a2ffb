-- One trade, if :only_user may see it (null: everybody's), with what belongs to it: former results, errors, notices that
-- name it and its audit trail, as JSON arrays, each the newest first and no more than :most. A notice names a trade
-- where its words, facts or labels hold the id: looked for among the newest :notices. include/trades/read_trades.py fills the braces.
SELECT
  signal.id::text AS id,
  result.unseen_candles,
  (
    SELECT json_agg(
      (
        left({former}::text, -1)
        || ',"result":' || coalesce(CASE WHEN former.result IS NOT NULL THEN {replaced}::text END, 'null') || '}}'
      )::json ORDER BY former.replaced_at DESC, former.id
    )::text
    FROM (
      SELECT history.*, jsonb_populate_record(NULL::trade_results, history.result) AS replaced
      FROM trade_result_history AS history
      WHERE history.trade_signal_id = signal.id
      ORDER BY history.replaced_at DESC, history.id
      LIMIT :most
    ) AS former
  ) AS history,
  (
    SELECT json_agg({error} ORDER BY error.timestamp DESC, error.id)::text
    FROM (
      SELECT *
      FROM atge_error_logs
      WHERE trade_signal_id = signal.id
      ORDER BY timestamp DESC, id
      LIMIT :most
    ) AS error
  ) AS errors,
  (
    SELECT json_agg({notice} ORDER BY notice.created_at DESC, notice.id)::text
    FROM (
      SELECT *
      FROM (SELECT * FROM alert_notices ORDER BY created_at DESC LIMIT :notices) AS recent
      WHERE strpos(concat_ws(' ', recent.title, recent.cause, recent.labels, recent.body), signal.id::text) > 0
      ORDER BY created_at DESC, id
      LIMIT :most
    ) AS notice
  ) AS alerts,
  (
    SELECT json_agg({change} ORDER BY change.id DESC)::text
    FROM (
      SELECT  -- columns are named as everywhere in the API: take_profit_1 is takeProfit1
        id, changed_at, table_name, operation, actor_kind, actor, run_id, asked_by,
        coalesce((
          SELECT jsonb_object_agg(left(key, 1) || substr(replace(initcap(key), '_', ''), 2), value)
          FROM jsonb_each(found.before)
        ), found.before) AS before,
        coalesce((
          SELECT jsonb_object_agg(left(key, 1) || substr(replace(initcap(key), '_', ''), 2), value)
          FROM jsonb_each(found.after)
        ), found.after) AS after
      FROM (
        SELECT * FROM trade_changes WHERE cardinality(trade_ids) = 1 AND trade_ids[1] = signal.id
        UNION ALL
        SELECT *
        FROM trade_changes
        WHERE cardinality(trade_ids) > 1 AND shelf = trade_shelf(signal.id) AND signal.id = ANY (trade_ids)
      ) AS found
      ORDER BY id DESC
      LIMIT :most
    ) AS change
  ) AS changes
FROM trade_signals AS signal
LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
WHERE signal.id = CAST(:id AS uuid) AND (CAST(:only_user AS uuid) IS NULL OR signal.user_id = CAST(:only_user AS uuid))
