-- What became of a call to an outside service; moves its circuit breaker. True when this opened it.
-- Called by include/http after http_admit; the tables are in migration 0005.
DROP FUNCTION IF EXISTS http_note;
CREATE FUNCTION http_note(
  p_service   text,
  p_probe     timestamptz,       -- from http_admit: which trial call it was, null for an ordinary one
  p_failure   text,              -- what failed, in words; null: the service works
  p_threshold integer,           -- failed attempts in a row that open the breaker
  p_recovery  double precision   -- seconds until a trial call
)
RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
  breaker http_services;
  moment  timestamptz;
BEGIN
  SELECT * INTO breaker FROM http_services WHERE service = p_service FOR UPDATE;
  moment := clock_timestamp();
  -- A late answer to a call from before the breaker opened changes nothing: an open breaker is moved by its
  -- trial call alone, and `since` tells which call that is.
  IF breaker.state <> 'closed' AND (breaker.state, breaker.since) IS DISTINCT FROM ('half_open', p_probe) THEN
    RETURN false;
  END IF;

  IF p_failure IS NULL THEN
    UPDATE http_services
    SET state = 'closed',
        since = CASE state WHEN 'closed' THEN since ELSE moment END,
        failures = 0,
        open_until = NULL
    WHERE service = p_service;
    RETURN false;
  END IF;

  UPDATE http_services
  SET failures = failures + 1, last_failure = p_failure
  WHERE service = p_service;
  IF breaker.state = 'half_open' OR breaker.failures + 1 >= p_threshold THEN
    UPDATE http_services
    SET state = 'open', since = moment, open_until = moment + make_interval(secs => p_recovery)
    WHERE service = p_service;
    RETURN true;
  END IF;
  RETURN false;
END
$$;

COMMENT ON FUNCTION http_note IS
  'What became of a call to an outside service; moves its circuit breaker, true when this opened it';
