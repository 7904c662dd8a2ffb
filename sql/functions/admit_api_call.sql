-- Who calls, and is it too much? Called by include/web/api at each request: one round trip finds the key, notes its
-- use, and counts the request. The tables are in migration 0024.
-- The limit is a leaky bucket of one row a caller (GCRA): each request fills it by p_window / p_calls, time empties
-- it, and what no longer fits is refused, uncounted. So any p_calls requests may come at once, and no window has
-- an edge. `busy_until` is when the bucket will be empty; one further ahead than a full bucket was written by a clock
-- that was ahead, and is not believed.
-- `version` is read after the limit: what is shown afterwards is as new as it, or newer.
DROP FUNCTION IF EXISTS admit_api_call;
CREATE FUNCTION admit_api_call(
  p_key_hash bytea,     -- SHA-256 of an API key; null: somebody else calls
  p_caller   text,      -- who calls: `person:<login>`, `cron`
  p_calls    integer,   -- so many requests ...
  p_window   interval,  -- ... in this time
  p_reading  boolean,   -- nothing is to be done but to show something: `version` is wanted
  OUT refused   text,              -- of a key: unknown, revoked, expired
  OUT prefix    text,
  OUT user_id   uuid,
  OUT scopes    text[],
  OUT wait      double precision,  -- seconds until there is room again; null: go on
  OUT remaining integer,           -- requests that fit just now
  OUT full_in   double precision,  -- seconds until all of them fit
  OUT version   text               -- another one whenever the trades and statistics that the caller sees are; null: unknown
)
LANGUAGE plpgsql
AS $$
DECLARE
  moment CONSTANT timestamptz := clock_timestamp();
  room   CONSTANT interval := p_window / p_calls;
  found_key api_keys;
  asking text;
  until  timestamptz;
BEGIN
  -- Losing the last counts in a crash does no harm; waiting for the disk at each request would.
  PERFORM set_config('synchronous_commit', 'off', true);
  IF p_key_hash IS NULL THEN
    asking := p_caller;
  ELSE
    SELECT * INTO found_key FROM api_keys WHERE key_hash = p_key_hash;
    refused := CASE
      WHEN found_key.id IS NULL THEN 'unknown'
      WHEN found_key.revoked_at IS NOT NULL THEN 'revoked'
      WHEN found_key.expires_at <= moment THEN 'expired'
    END;
    IF refused IS NOT NULL THEN
      RETURN;
    END IF;
    prefix := found_key.prefix;
    user_id := found_key.user_id;
    scopes := found_key.scopes;
    asking := 'key:' || found_key.id;
    IF found_key.last_used_at > moment - interval '1 minute' AND found_key.last_used_at <= moment THEN
      NULL;  -- noted lately
    ELSE
      UPDATE api_keys SET last_used_at = moment WHERE id = found_key.id;
    END IF;
  END IF;

  INSERT INTO api_limits AS known (caller, busy_until) VALUES (asking, moment + room)
  ON CONFLICT (caller) DO UPDATE
  SET busy_until = room + CASE
    WHEN known.busy_until BETWEEN moment AND moment + p_window THEN known.busy_until
    ELSE moment
  END
  WHERE NOT (known.busy_until > moment + p_window - room AND known.busy_until <= moment + p_window)
  RETURNING known.busy_until INTO until;
  IF until IS NULL THEN
    SELECT busy_until INTO until FROM api_limits WHERE caller = asking;
    wait := greatest(extract(epoch FROM until + room - p_window - moment), 0);
    remaining := 0;
  ELSE
    remaining := floor(extract(epoch FROM moment + p_window - until) / extract(epoch FROM room));
  END IF;
  full_in := extract(epoch FROM until - moment);

  IF NOT p_reading OR wait IS NOT NULL THEN
    NULL;
  ELSIF p_key_hash IS NULL OR 'operate' = ANY (scopes) THEN
    SELECT sum(uuid_hash_extended(noted.version, 0))::text INTO version
    FROM trade_versions AS noted WHERE noted.user_id IS NULL;
  ELSE
    SELECT sum(uuid_hash_extended(noted.version, 0))::text INTO version
    FROM trade_versions AS noted
    WHERE noted.user_id IN (found_key.user_id, '00000000-0000-0000-0000-000000000000');
  END IF;
END
$$;

COMMENT ON FUNCTION admit_api_call IS 'May a request to the API go on? Finds its key, notes its use, and counts it';
