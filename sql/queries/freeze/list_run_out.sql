-- Freezes that ended by themselves within a week and of which nobody was notified yet.
SELECT *
FROM freezes
WHERE ended_at IS NULL AND ends_at <= now() AND ends_at > now() - interval '7 days'
  AND NOT EXISTS (SELECT FROM alert_notices WHERE notice_key = 'freeze ' || freezes.id || ' ran out')
ORDER BY id
