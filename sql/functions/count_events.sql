-- Counts what has happened, for /metrics, in the transaction that writes the row: a statement adds a row for each set of
-- labels, not for each row, and waits for nobody. It runs with its owner's rights, as note_changed_signals does, whose
-- words on EXECUTE hold here too: a join of what was with what is must be planned for the rows at hand.
--
-- Rows that come back from the archive were counted when they were new: include/retention sets
-- tradeops.loading_back while it loads them.
CREATE OR REPLACE FUNCTION count_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF current_setting('tradeops.loading_back', true) = 'on' THEN
    RETURN NULL;
  END IF;

  CASE TG_TABLE_NAME || ' ' || TG_OP
  WHEN 'trade_signals INSERT' THEN
    INSERT INTO metric_changes (metric, labels, value)
    SELECT 'tradeops_trades_total', jsonb_build_object('status', status), count(*) FROM changed GROUP BY status;

  WHEN 'trade_signals UPDATE' THEN
    EXECUTE $statement$
      WITH reached AS MATERIALIZED (
        SELECT
          changed.status,
          CASE
            WHEN former.status = 'active' AND changed.status IN ('completed_success', 'completed_failure', 'expired')
              THEN CAST(extract(epoch FROM ordinary_time(changed.completed_at) - ordinary_time(changed.expires_at))
                AS double precision)
          END AS latency
        FROM changed
        JOIN former ON former.id = changed.id
        WHERE changed.status <> former.status
      )
      INSERT INTO metric_changes (metric, labels, le, value)
      SELECT 'tradeops_trades_total', jsonb_build_object('status', status), '', count(*) FROM reached GROUP BY status
      UNION ALL
      SELECT 'tradeops_sweep_latency_seconds', '{}', counted.le, counted.value
      FROM count_values('tradeops_sweep_latency_seconds', ARRAY(SELECT latency FROM reached)) AS counted
    $statement$;

  WHEN 'trade_results INSERT' THEN
    INSERT INTO metric_changes (metric, le, value)
    SELECT 'tradeops_data_quality_score', le, value
    FROM count_values(
      'tradeops_data_quality_score', ARRAY(SELECT CAST(data_quality_score AS double precision) FROM changed)
    );

  WHEN 'atge_error_logs INSERT' THEN
    INSERT INTO metric_changes (metric, labels, value)
    SELECT 'tradeops_errors_total', jsonb_build_object('type', error_type, 'severity', severity), count(*)
    FROM changed
    GROUP BY error_type, severity
    UNION ALL
    -- What failed because nobody got into the database is written when it is back: include/alerts/causes.py
    SELECT 'db_connection_errors_total', '{}', count(*)
    FROM changed
    WHERE context ->> 'cause' = 'database'
    HAVING count(*) > 0;

  WHEN 'atge_user_feedback INSERT' THEN
    INSERT INTO metric_changes (metric, le, value)
    SELECT 'tradeops_feedback_rating', le, value
    FROM count_values('tradeops_feedback_rating', ARRAY(SELECT CAST(rating AS double precision) FROM changed));

  WHEN 'atge_performance_metrics INSERT' THEN
    WITH measured AS MATERIALIZED (
      SELECT
        CASE
          WHEN metric_type = 'backtest_time' AND metric_name = 'settle_batch' THEN 'tradeops_settle_seconds'
          WHEN metric_type = 'database_query' THEN 'db_query_duration_seconds'
          ELSE 'tradeops_service_call_seconds'
        END AS metric,
        service,
        CASE WHEN service = 'bingx' THEN left(coalesce(metadata ->> 'path', ''), 100) END AS endpoint,
        coalesce(metadata ->> 'status', 'none') AS code,
        left(coalesce(metadata ->> 'outcome', 'ok'), 50) AS outcome,
        CASE WHEN value BETWEEN 0 AND 1e15
          THEN CAST(value AS double precision) / CASE unit WHEN 'ms' THEN 1000 ELSE 1 END
        END AS seconds
      FROM changed
      -- Only services that were really asked for a call: the labels must not grow with what anybody writes here.
      LEFT JOIN http_services ON metric_type = 'api_response' AND metric_name = 'http.' || service
      WHERE unit IN ('ms', 'seconds')
        AND (service IS NOT NULL OR metric_type = 'database_query'
          OR (metric_type = 'backtest_time' AND metric_name = 'settle_batch'))
    )
    INSERT INTO metric_changes (metric, labels, le, value)
    SELECT series.metric, series.labels, counted.le, counted.value
    FROM (
      SELECT
        metric,
        CASE WHEN service IS NULL THEN '{}' ELSE jsonb_build_object('service', service) END AS labels,
        array_agg(seconds) AS seconds
      FROM measured
      GROUP BY metric, service
    ) AS series
    CROSS JOIN LATERAL count_values(series.metric, series.seconds) AS counted
    UNION ALL
    SELECT 'tradeops_service_calls_total', jsonb_build_object('service', service, 'outcome', outcome), '', count(*)
    FROM measured
    WHERE service IS NOT NULL
    GROUP BY service, outcome
    UNION ALL
    SELECT 'bingx_api_calls_total', jsonb_build_object('endpoint', endpoint), '', count(*)
    FROM measured
    WHERE endpoint IS NOT NULL
    GROUP BY endpoint
    UNION ALL
    -- of calls without an answer also where there are none, so that an endpoint that works has a series
    SELECT
      'bingx_api_errors_total', jsonb_build_object('endpoint', endpoint, 'code', code), '',
      count(*) FILTER (WHERE outcome <> 'ok')
    FROM (
      SELECT endpoint, outcome, CASE outcome WHEN 'ok' THEN 'none' ELSE code END AS code
      FROM measured
      WHERE endpoint IS NOT NULL
    ) AS asked
    GROUP BY endpoint, code;

  WHEN 'candle_fetches INSERT' THEN
    INSERT INTO metric_changes (metric, labels, value)
    SELECT 'tradeops_candle_fetch_failures_total', jsonb_build_object('source', source), count(*)
    FROM changed
    WHERE outcome = 'failed'
    GROUP BY source;

  WHEN 'llm_calls INSERT' THEN
    -- A call that begins counts as 0 of what it may become, so that the first of a model is seen to be more than none.
    INSERT INTO metric_changes (metric, labels, value)
    SELECT
      'tradeops_model_calls_total',
      jsonb_build_object('model', model_asked, 'outcome', CASE outcome WHEN 'under_way' THEN 'answered' ELSE outcome END),
      count(*) FILTER (WHERE outcome <> 'under_way')
    FROM changed
    GROUP BY model_asked, outcome
    UNION ALL
    SELECT 'tradeops_second_model_calls_total', jsonb_build_object('outcome', outcome), count(*)
    FROM changed
    WHERE choice = 'second' AND outcome <> 'under_way'
    GROUP BY outcome
    UNION ALL
    SELECT 'tradeops_model_cost_usd_total', jsonb_build_object('model', model_asked), coalesce(sum(cost_usd), 0)
    FROM changed
    GROUP BY model_asked;

  WHEN 'llm_calls UPDATE' THEN
    EXECUTE $statement$
      WITH ended AS MATERIALIZED (
        SELECT
          changed.model_asked AS model,
          changed.choice,
          changed.outcome,
          changed.outcome <> former.outcome AND changed.outcome <> 'under_way' AS is_news,
          greatest(coalesce(changed.cost_usd, 0) - coalesce(former.cost_usd, 0), 0) AS cost
        FROM changed
        JOIN former ON former.id = changed.id
      )
      INSERT INTO metric_changes (metric, labels, value)
      SELECT 'tradeops_model_calls_total', jsonb_build_object('model', model, 'outcome', outcome), count(*)
      FROM ended
      WHERE is_news
      GROUP BY model, outcome
      UNION ALL
      SELECT 'tradeops_second_model_calls_total', jsonb_build_object('outcome', outcome), count(*)
      FROM ended
      WHERE is_news AND choice = 'second'
      GROUP BY outcome
      UNION ALL
      SELECT 'tradeops_model_cost_usd_total', jsonb_build_object('model', model), sum(cost)
      FROM ended
      WHERE cost BETWEEN 1e-100 AND 1e15
      GROUP BY model
    $statement$;

  WHEN 'signal_attempts INSERT' THEN
    INSERT INTO metric_changes (metric, labels, value)
    SELECT 'tradeops_signals_generated_total', jsonb_build_object('outcome', outcome), count(*)
    FROM changed
    WHERE outcome <> 'working'
    GROUP BY outcome;

  WHEN 'signal_attempts UPDATE' THEN
    EXECUTE $statement$
      INSERT INTO metric_changes (metric, labels, value)
      SELECT 'tradeops_signals_generated_total', jsonb_build_object('outcome', changed.outcome), count(*)
      FROM changed
      JOIN former ON former.id = changed.id
      WHERE changed.outcome <> former.outcome AND changed.outcome <> 'working'
      GROUP BY changed.outcome
    $statement$;

  WHEN 'alert_deliveries INSERT' THEN
    INSERT INTO metric_changes (metric, labels, value)
    SELECT 'tradeops_notices_total', jsonb_build_object('channel', channel, 'outcome', state), count(*)
    FROM changed
    WHERE settled_at IS NOT NULL
    GROUP BY channel, state;

  WHEN 'alert_deliveries UPDATE' THEN
    EXECUTE $statement$
      INSERT INTO metric_changes (metric, labels, value)
      SELECT
        'tradeops_notices_total', jsonb_build_object('channel', changed.channel, 'outcome', changed.state), count(*)
      FROM changed
      JOIN former ON former.notice_id = changed.notice_id AND former.channel = changed.channel
      WHERE changed.settled_at IS NOT NULL AND former.settled_at IS NULL
      GROUP BY changed.channel, changed.state
    $statement$;

  WHEN 'portfolio_syncs INSERT' THEN
    INSERT INTO metric_changes (metric, labels, value)
    SELECT 'tradeops_portfolio_syncs_total', jsonb_build_object('source', source, 'outcome', outcome), count(*)
    FROM changed
    GROUP BY source, outcome;

  WHEN 'risk_assessments INSERT' THEN
    INSERT INTO metric_changes (metric, labels, value)
    SELECT 'tradeops_risk_assessments_total', jsonb_build_object('outcome', outcome), count(*)
    FROM changed
    GROUP BY outcome;

  WHEN 'token_prices INSERT' THEN
    INSERT INTO metric_changes (metric, labels, value)
    SELECT 'tradeops_token_price_refusals_total', jsonb_build_object('source', source), count(*)
    FROM changed
    WHERE refused IS NOT NULL
    GROUP BY source;

  WHEN 'access_grants INSERT' THEN
    INSERT INTO metric_changes (metric, labels, value)
    SELECT 'tradeops_access_changes_total', jsonb_build_object('state', state), count(*)
    FROM changed
    GROUP BY state;

  WHEN 'orders INSERT' THEN
    -- What only the exchange knew is no order of ours: it would thin out the share that fails.
    INSERT INTO metric_changes (metric, labels, value)
    SELECT 'orders_total', '{}', count(*) FROM changed WHERE origin = 'tradeops' HAVING count(*) > 0
    UNION ALL
    SELECT 'orders_by_status', jsonb_build_object('status', status), count(*) FROM changed GROUP BY status;

  WHEN 'orders UPDATE' THEN
    EXECUTE $statement$
      WITH moved AS MATERIALIZED (
        SELECT
          changed.status,
          changed.status <> former.status AS is_news,
          changed.exchange LIKE 'bingx%' AS at_bingx,
          CAST(extract(epoch FROM changed.closed_at - changed.submitted_at) AS double precision) AS executed_in,
          CASE WHEN former.submitted_at IS NULL
            THEN CAST(extract(epoch FROM changed.submitted_at - message.created_at) AS double precision)
          END AS processed_in
        FROM changed
        JOIN former ON former.id = changed.id
        LEFT JOIN signals AS message ON message.id = changed.signal_id
        WHERE changed.origin = 'tradeops'
      )
      INSERT INTO metric_changes (metric, labels, le, value)
      SELECT 'orders_failed_total', jsonb_build_object('reason', status), '', count(*)
      FROM moved
      WHERE is_news AND status IN ('rejected', 'expired', 'unknown')
      GROUP BY status
      UNION ALL
      SELECT 'order_processing_seconds', '{}', counted.le, counted.value
      FROM count_values(
        'order_processing_seconds', ARRAY(SELECT processed_in FROM moved WHERE processed_in IS NOT NULL)
      ) AS counted
      UNION ALL
      SELECT 'bingx_order_execution_seconds', '{}', counted.le, counted.value
      FROM count_values(
        'bingx_order_execution_seconds',
        ARRAY(SELECT executed_in FROM moved WHERE is_news AND at_bingx AND status = 'filled')
      ) AS counted
      UNION ALL
      SELECT 'orders_by_status', jsonb_build_object('status', status), '', sum(orders)
      FROM (SELECT status, 1 AS orders FROM changed UNION ALL SELECT status, -1 FROM former) AS came_and_went
      GROUP BY status
      HAVING sum(orders) <> 0
    $statement$;

  WHEN 'signals INSERT' THEN
    INSERT INTO metric_changes (metric, labels, value)
    SELECT 'signals_received_total', jsonb_build_object('source', source), count(*)
    FROM changed
    WHERE kind = 'signal'
    GROUP BY source
    UNION ALL
    SELECT 'signal_processing_errors_total', jsonb_build_object('source', source), count(*)
    FROM changed
    WHERE kind = 'signal' AND status IN ('rejected', 'expired')
    GROUP BY source;

  WHEN 'signals UPDATE' THEN
    EXECUTE $statement$
      WITH judged AS MATERIALIZED (
        SELECT
          changed.source,
          former.kind IS DISTINCT FROM 'signal' AS is_signal_now,
          changed.status <> former.status AND changed.status IN ('rejected', 'expired') AS failed_now
        FROM changed
        JOIN former ON former.id = changed.id
        WHERE changed.kind = 'signal'
      )
      INSERT INTO metric_changes (metric, labels, value)
      SELECT 'signals_received_total', jsonb_build_object('source', source), count(*)
      FROM judged
      WHERE is_signal_now
      GROUP BY source
      UNION ALL
      SELECT 'signal_processing_errors_total', jsonb_build_object('source', source), count(*)
      FROM judged
      WHERE failed_now
      GROUP BY source
    $statement$;
  END CASE;
  RETURN NULL;
END;
$$;

DO $$
DECLARE
  events record;
BEGIN
  FOR events IN
    SELECT *
    FROM (
      VALUES
        ('trade_signals', true), ('trade_results', false), ('atge_error_logs', false), ('atge_user_feedback', false),
        ('atge_performance_metrics', false), ('candle_fetches', false), ('llm_calls', true), ('signal_attempts', true),
        ('alert_deliveries', true), ('orders', true), ('signals', true), ('portfolio_syncs', false),
        ('risk_assessments', false), ('token_prices', false), ('access_grants', false)
    ) AS counted (table_name, updates)
  LOOP
    EXECUTE format(
      'CREATE OR REPLACE TRIGGER count_inserted AFTER INSERT ON %I REFERENCING NEW TABLE AS changed '
      'FOR EACH STATEMENT EXECUTE FUNCTION count_events()', events.table_name
    );
    IF events.updates THEN
      EXECUTE format(
        'CREATE OR REPLACE TRIGGER count_updated AFTER UPDATE ON %I '
        'REFERENCING OLD TABLE AS former NEW TABLE AS changed '
        'FOR EACH STATEMENT EXECUTE FUNCTION count_events()', events.table_name
      );
    END IF;
  END LOOP;
END
$$;

COMMENT ON FUNCTION count_events IS
  'Trigger function that counts what has happened for /metrics, in metric_changes';
