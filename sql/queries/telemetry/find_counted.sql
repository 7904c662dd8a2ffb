-- From which time on runs of DAGs must be looked at: an hour before the newest that is counted, since one that ended
-- earlier may be seen later. Null: none is counted yet.
SELECT max(ended_at) - interval '1 hour' FROM counted_runs WHERE ended_at <= now()
