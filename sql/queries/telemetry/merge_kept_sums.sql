-- Adds up what is kept for the page on monitoring, a row a kind: sql/functions/merge_kept_sums.sql.
SELECT merge_kept_sums()
