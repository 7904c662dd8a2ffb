-- Lets one request of a caller, or for a user, plan work at a time; held until the transaction ends.
SELECT pg_advisory_xact_lock(hashtext('api_runs'), hashtext(:who))
