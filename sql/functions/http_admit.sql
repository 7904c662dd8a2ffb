-- May a service be called, and when? Counts the quota and moves the circuit breaker, under the lock of the
-- service's row, by the clock of the database. Called by include/http; the tables are in migrations 0005 and 0015.
-- A caller that must wait for the quota gets its place at once: a row of http_calls that lies ahead. What lies further
-- ahead than anybody may have waited for was written by a clock that was ahead, and is not believed: see
-- set_back_future_rows.
DROP FUNCTION IF EXISTS http_admit;
CREATE FUNCTION http_admit(
  p_service  text,
  p_calls    integer[],           -- the quota: at most p_calls[i] calls ...
  p_windows  double precision[],  -- ... in any p_windows[i] seconds
  p_patience double precision,    -- seconds that the caller waits at most
  p_lease    double precision,    -- seconds after which a silent trial call counts as dead
  p_places   integer,             -- how many calls, one after the other, it asks for at once
  OUT verdict      text,              -- go; full (quota), held (Retry-After); open, probing (breaker)
  OUT wait         double precision,  -- seconds: until the call (go), or until it makes sense to ask again
  OUT probe        timestamptz,       -- set for a trial call: which one it is
  OUT failures     integer,           -- failed attempts in a row
  OUT last_failure text
)
LANGUAGE plpgsql
AS $$
DECLARE
  longest_patience CONSTANT interval := interval '2 minutes';  -- include/http/service.py, the budget of a call
  longest_hold     CONSTANT interval := interval '1 hour';     -- include/http/admission.py; breakers rest for minutes
  margin           CONSTANT double precision := 0.05;          -- of a window, and no more than ...
  longest_margin   CONSTANT double precision := 0.1;           -- ... so many seconds
  breaker http_services;
  moment  timestamptz;
  place   timestamptz;
  ahead   timestamptz;  -- further than this lies nothing that a clock that was right can have written
  unreal  bigint;
  newest  timestamptz;
BEGIN
  INSERT INTO http_services (service) VALUES (p_service) ON CONFLICT DO NOTHING;
  SELECT * INTO breaker FROM http_services WHERE service = p_service FOR UPDATE;
  moment := clock_timestamp();  -- after the lock, so that places are given in the order of moments
  ahead := moment + interval '1 minute';
  IF breaker.since > ahead OR greatest(breaker.held_until, breaker.open_until) > ahead + longest_hold THEN
    PERFORM note_future_rows('http_services', 1, greatest(breaker.since, breaker.held_until, breaker.open_until),
      'They are set back to now, so that nothing waits for them.');
    UPDATE http_services
    SET
      state = CASE WHEN since > ahead THEN 'closed' ELSE state END,
      failures = CASE WHEN since > ahead THEN 0 ELSE http_services.failures END,
      open_until = CASE WHEN since <= ahead AND open_until <= ahead + longest_hold THEN open_until END,
      held_until = CASE WHEN held_until <= ahead + longest_hold THEN held_until END,
      since = least(since, moment)
    WHERE service = p_service
    RETURNING * INTO breaker;
  END IF;
  WITH gone AS (
    DELETE FROM http_calls
    WHERE service = p_service
      AND called_at > ahead + greatest(longest_patience, make_interval(secs => p_patience))
    RETURNING called_at
  )
  SELECT count(*), max(called_at) INTO unreal, newest FROM gone;
  IF unreal > 0 THEN
    PERFORM note_future_rows('http_calls', unreal, newest,
      'They were work under way or of a moment, and are deleted.');
  END IF;
  INSERT INTO http_limits AS known (service, calls, windows) VALUES (p_service, p_calls, p_windows)
  ON CONFLICT (service) DO UPDATE SET calls = excluded.calls, windows = excluded.windows
  WHERE (known.calls, known.windows) IS DISTINCT FROM (excluded.calls, excluded.windows);
  failures := breaker.failures;
  last_failure := breaker.last_failure;

  IF breaker.state <> 'closed' AND breaker.open_until > moment THEN
    verdict := CASE breaker.state WHEN 'open' THEN 'open' ELSE 'probing' END;
    wait := extract(epoch FROM breaker.open_until - moment);
    RETURN;
  END IF;

  place := greatest(moment, breaker.held_until);
  FOR i IN 1 .. cardinality(p_calls) LOOP
    -- There is room for one once the p_calls[i]-th latest call has left the window; greatest() ignores NULL. A little later
    -- still: who counts at the other end sees calls when they arrive, and one of before may have been on its way longer.
    place := greatest(place, (
      SELECT called_at + make_interval(secs => p_windows[i] + least(p_windows[i] * margin, longest_margin))
      FROM http_calls
      WHERE service = p_service
      ORDER BY called_at DESC
      OFFSET p_calls[i] - p_places LIMIT 1
    ));
  END LOOP;
  wait := extract(epoch FROM place - moment);
  IF wait > p_patience THEN
    verdict := CASE place WHEN breaker.held_until THEN 'held' ELSE 'full' END;
    RETURN;
  END IF;

  IF breaker.state <> 'closed' THEN
    probe := moment;
    UPDATE http_services
    SET state = 'half_open', since = moment, open_until = moment + make_interval(secs => p_lease)
    WHERE service = p_service;
  END IF;
  IF cardinality(p_calls) > 0 THEN
    -- The longest window counts; the last hour shows how near to a short window's limit the calls came.
    DELETE FROM http_calls
    WHERE service = p_service
      AND called_at < moment - make_interval(
        secs => (SELECT greatest(max(seconds), 3600) FROM unnest(p_windows) AS seconds)
      );
    INSERT INTO http_calls (service, called_at) SELECT p_service, place FROM generate_series(1, p_places);
  END IF;
  verdict := 'go';
END
$$;

COMMENT ON FUNCTION http_admit IS
  'May a service be called, and when? Counts its quota and moves its circuit breaker';
