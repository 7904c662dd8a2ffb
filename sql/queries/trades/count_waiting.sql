-- How many trades are past their expiry and not settled.
SELECT count(*) FROM trade_signals WHERE status = 'active' AND expires_at <= now()
