-- Notes that Airflow has the run.
UPDATE api_runs SET started_at = now() WHERE id = :id AND started_at IS NULL
