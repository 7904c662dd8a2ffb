-- Puts one row in place of the several that changes of a user's trades left in trade_versions.
SELECT merge_trade_versions()
