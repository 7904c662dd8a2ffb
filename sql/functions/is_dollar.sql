-- Money of an exchange that is taken for a dollar: the dollar, its coins, and BingX's demo money.
CREATE OR REPLACE FUNCTION is_dollar(currency text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT currency IN ('USDT', 'USDC', 'USD', 'VST') $$;

COMMENT ON FUNCTION is_dollar IS 'Whether money of an exchange is taken for a dollar';
