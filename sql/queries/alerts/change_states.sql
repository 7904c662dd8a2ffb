-- One step of every alert: from its stored state and what this pass saw to its next state, with the history.
-- Answers with the alerts that changed or need a notice. The drawing of the states: docs/alert-rules.md, States.
-- The caller holds the table's lock; `at` is later than every evaluation before, or less than a minute earlier: what a
-- clock that was further ahead has left is set back before this (set_back_future_rows); told_at is null then.
WITH rules AS MATERIALIZED (
  SELECT *
  FROM jsonb_to_recordset(CAST(:rules AS jsonb)) AS rule (
    rule text, severity text, proof double precision, recovery double precision, cooldown double precision,
    no_data text, no_data_for double precision, error_for double precision, delays double precision[],
    repeat double precision, error text
  )
),
seen AS MATERIALIZED (
  SELECT *
  FROM jsonb_to_recordset(CAST(:observations AS jsonb)) AS seen (
    fingerprint text, rule text, severity text, labels jsonb, value double precision,
    threshold double precision, bad boolean, clear boolean, reason text
  )
),
met AS (  -- every alert there is: seen in this pass, or known from before
  SELECT
    coalesce(seen.fingerprint, was.fingerprint) AS fingerprint,
    coalesce(seen.rule, was.rule) AS rule,
    coalesce(seen.severity, was.severity) AS severity,
    coalesce(seen.labels, was.labels) AS labels,
    seen.value,
    coalesce(seen.threshold, was.threshold) AS threshold,
    seen.bad,
    seen.clear,
    seen.reason,
    was.state AS was_state,
    was.since AS was_since,
    was.observed AS was_observed,
    was.held AS was_held,
    was.evaluated_at AS was_evaluated_at,
    was.fired_at AS was_fired_at,
    seen.fingerprint IS NULL AS vanished,
    coalesce(was.told_level, 0) AS was_told_level,
    was.told_at AS was_told_at,
    was.acknowledged_until
  FROM seen
  FULL JOIN alert_states AS was ON was.fingerprint = seen.fingerprint
),
judged AS (
  SELECT
    met.*,
    proof, recovery, cooldown, no_data_for, error_for, delays, repeat,
    rules.rule IS NULL AS retired,
    CASE
      WHEN rules.rule IS NULL THEN 'good'
      WHEN rules.error IS NOT NULL THEN 'error'
      WHEN met.value IS NULL THEN
        CASE rules.no_data WHEN 'normal' THEN 'good' WHEN 'alert' THEN 'bad' ELSE 'no_data' END
      -- Hysteresis: what fires is not well before it is past the point where it is clear.
      WHEN CASE WHEN met.was_fired_at IS NULL THEN met.bad ELSE NOT met.clear END THEN 'bad'
      ELSE 'good'
    END AS observed,
    CASE
      WHEN rules.rule IS NULL THEN 'the rule is no longer in force'
      ELSE coalesce(rules.error, met.reason, 'no data: nothing of it is there any more')
    END AS why
  FROM met
  LEFT JOIN rules ON rules.rule = met.rule AND rules.severity = met.severity
),
proven AS (  -- Proof is time between evaluations that saw the same. In a gap nobody looked: it proves two minutes.
  SELECT
    *,
    CASE
      WHEN observed = was_observed
        THEN was_held + greatest(
          least(CAST(:at AS timestamptz) - was_evaluated_at, interval '2 minutes'), interval '0'
        )
      ELSE interval '0'
    END AS held
  FROM judged
),
stepped AS (
  SELECT
    *,
    CASE
      WHEN retired THEN 'normal'
      WHEN observed = 'bad' AND (was_fired_at IS NOT NULL OR held >= make_interval(secs => proof))
        THEN CASE WHEN acknowledged_until > CAST(:at AS timestamptz) THEN 'acknowledged' ELSE 'firing' END
      WHEN observed = 'bad' THEN 'pending'
      WHEN observed = 'good' AND was_fired_at IS NOT NULL AND held < make_interval(secs => recovery)
        THEN 'recovering'
      WHEN observed = 'good' THEN 'normal'
      WHEN observed = 'no_data' AND held >= make_interval(secs => no_data_for) THEN 'no_data'
      WHEN observed = 'error' AND held >= make_interval(secs => error_for) THEN 'error'
      ELSE coalesce(was_state, observed)  -- nothing proven: it stays what it was
    END AS state,
    observed = 'no_data' AND held >= interval '24 hours' AS lost
  FROM proven
),
fired AS (
  SELECT
    *,
    coalesce(was_state, 'normal') <> state AS changed,
    CASE WHEN was_state = state THEN was_since ELSE CAST(:at AS timestamptz) END AS since,
    CASE
      WHEN lost OR state IN ('normal', 'pending') THEN NULL
      WHEN state IN ('no_data', 'error') THEN was_fired_at
      ELSE coalesce(was_fired_at, CAST(:at AS timestamptz))
    END AS fired_at
  FROM stepped
),
told AS (
  SELECT
    *,
    CASE
      WHEN fired_at IS NULL THEN 0
      WHEN state <> 'firing' THEN was_told_level
      WHEN was_told_level = 0 AND was_told_at + make_interval(secs => cooldown) > CAST(:at AS timestamptz) THEN 0
      ELSE greatest(was_told_level, (
        SELECT count(*)
        FROM unnest(delays) AS delay
        WHERE fired_at + make_interval(secs => delay) <= CAST(:at AS timestamptz)
      ))
    END AS told_level,
    was_told_level > 0 AND was_fired_at IS NOT NULL AND fired_at IS NULL AS resolved,
    was_told_level > 0 AND was_state = 'acknowledged' AND state = 'firing' AS renewed,
    was_told_level > 0 AND state = 'firing' AND repeat IS NOT NULL
      AND coalesce(was_told_at + make_interval(secs => repeat) <= CAST(:at AS timestamptz), true) AS repeated
  FROM fired
),
gone AS (  -- no longer kept; of labels that vanished, what would be the same if it had never been
  SELECT fingerprint
  FROM told
  WHERE retired
    OR (lost AND labels <> '{}')
    OR (
      vanished AND labels <> '{}' AND state = 'normal' AND observed = 'good' AND held >= interval '24 hours'
      AND coalesce(was_told_at + make_interval(secs => cooldown) <= CAST(:at AS timestamptz), true)
    )
),
removed AS (
  DELETE FROM alert_states WHERE fingerprint IN (SELECT fingerprint FROM gone)
),
kept AS (
  INSERT INTO alert_states AS held (
    fingerprint, rule, severity, labels, state, since, observed, held, evaluated_at, value, threshold, reason,
    fired_at, told_level, told_at
  )
  SELECT
    fingerprint, rule, severity, labels, state, since, observed, held, CAST(:at AS timestamptz), value, threshold,
    why, fired_at, told_level,
    CASE
      WHEN repeated OR (was_told_level = 0 AND told_level > 0) THEN CAST(:at AS timestamptz)
      ELSE was_told_at
    END
  FROM told
  WHERE fingerprint NOT IN (SELECT fingerprint FROM gone)
  ON CONFLICT (fingerprint) DO UPDATE SET
    labels = excluded.labels,
    state = excluded.state,
    since = excluded.since,
    observed = excluded.observed,
    held = excluded.held,
    evaluated_at = excluded.evaluated_at,
    value = excluded.value,
    threshold = excluded.threshold,
    reason = excluded.reason,
    fired_at = excluded.fired_at,
    told_level = excluded.told_level,
    told_at = excluded.told_at,
    acknowledged_by = CASE WHEN excluded.fired_at IS NOT NULL THEN held.acknowledged_by END,
    acknowledged_at = CASE WHEN excluded.fired_at IS NOT NULL THEN held.acknowledged_at END,
    acknowledged_until = CASE WHEN excluded.fired_at IS NOT NULL THEN held.acknowledged_until END
),
history AS (
  INSERT INTO alert_events (at, rule, severity, labels, fingerprint, from_state, to_state, value, reason)
  SELECT
    CAST(:at AS timestamptz), rule, severity, labels, fingerprint, coalesce(was_state, 'normal'), state, value, why
  FROM told
  WHERE changed
)
SELECT
  fingerprint, rule, severity, labels, was_state, state, since, value, threshold, why, changed,
  coalesce(fired_at, was_fired_at) AS fired_at, was_told_level, told_level, resolved, renewed, repeated, lost,
  CAST(:at AS timestamptz) AS evaluated_at
FROM told
WHERE changed OR resolved OR renewed OR repeated OR told_level > was_told_level
ORDER BY fingerprint
