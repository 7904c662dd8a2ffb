"""The local stack: embedded PostgreSQL, the sandbox, Airflow's processes. `make` calls it."""
