-- The first update of the bot that is not stored yet. After six days without one it is forgotten: after a week Telegram
-- numbers anew, and what it still keeps (24 hours) has been confirmed long since.
SELECT next_update FROM telegram_offsets WHERE bot = :bot AND updated_at > now() - interval '6 days'
