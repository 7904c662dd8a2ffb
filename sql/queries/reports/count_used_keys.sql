-- API keys that were used since a period began: only the last use of a key is noted.
SELECT count(*) FROM api_keys WHERE last_used_at >= :begins
