-- Adds up the notes that inserted and deleted trades left in trade_counts.
SELECT merge_trade_counts()
