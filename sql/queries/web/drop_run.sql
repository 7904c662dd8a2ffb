-- Takes back a run that Airflow has certainly not taken: nothing was done, and its key is free.
DELETE FROM api_runs WHERE id = :id AND started_at IS NULL
