-- Calls of the second language model, by their duration in milliseconds.
SELECT
  at,
  1000 * engine_number(seconds) AS value,
  purpose AS label_1,
  outcome AS label_2,
  model_asked AS label_3
FROM llm_calls
WHERE choice = 'second'
  AND at > CAST(:at AS timestamptz) - make_interval(secs => wanted.seconds)
  AND at <= CAST(:at AS timestamptz)
  AND outcome <> 'under_way'
