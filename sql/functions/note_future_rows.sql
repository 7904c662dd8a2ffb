-- Tells people that rows of a table are from the future, once for each table and furthest time: a notice, delivered
-- like all others.
CREATE OR REPLACE FUNCTION note_future_rows(of_table text, how_many bigint, furthest timestamptz, done text)
RETURNS void
LANGUAGE sql AS $$
  INSERT INTO alert_notices (notice_key, source, kind, fingerprint, cause, severity, title, body, labels, owner)
  SELECT
    concat_ws(' ', 'future', of_table, furthest), 'system', 'failure', 'rows from the future',
    'rows from the future', 'warning',
    format(
      '%s of %s %s from the future', CASE how_many WHEN 1 THEN '1 row' ELSE how_many || ' rows' END, of_table,
      CASE how_many WHEN 1 THEN 'is' ELSE 'are' END
    ),
    jsonb_build_object(
      'reason', format('A clock was ahead when they were written: up to %s. %s', furthest, done),
      'next_step', 'See whether the clocks of the database''s machine and of ours are right and kept so (chronyc '
        'tracking, timedatectl): docs/operating.md, "A clock that was ahead".'
    ),
    jsonb_build_object('table', of_table),
    'platform'
  WHERE how_many > 0
  ON CONFLICT (notice_key) DO NOTHING
$$;

COMMENT ON FUNCTION note_future_rows IS 'Tells people, once, that rows of a table lie further ahead than they may';
