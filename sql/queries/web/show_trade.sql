-- A trade as its page shows it: signal, result and the newest indicators and snapshot.
SELECT * FROM vw_complete_trades WHERE id = :trade
