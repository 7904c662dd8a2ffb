"""### Backs up everything every Sunday

At 04:00 UTC: databases, configuration and all logs in one backup. With the method `physical` it also holds
the base backup on which the incremental ones of the week build.

Trigger it by hand before a risky change. What it holds and how to use it: `docs/backups.md`.
"""

from include.airflow.backups import make_backup_dag

back_up_full = make_backup_dag("full", __doc__)
