"""### Backs up the logs every night

At 01:00 UTC: every log file that was written to since the last backup of logs, without secrets and personal
data, in one compressed tar. Then it is verified, and older ones go as the retention says.

A full backup holds all log files. Folders, place, encryption, retention: `docs/backups.md`.
"""

from include.airflow.backups import make_backup_dag

back_up_logs = make_backup_dag("logs", __doc__)
