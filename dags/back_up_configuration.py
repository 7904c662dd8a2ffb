"""### Backs up the configuration every Sunday

At 03:00 UTC: the files that configure this checkout, Airflow's connections and Variables, and, only under
encryption, their secrets, the environment and Airflow's Fernet key. Without the setting `backup_recipient`
secrets are left out, and the manifest says so.

The list of what is kept: `docs/backups.md`.
"""

from include.airflow.backups import make_backup_dag

back_up_configuration = make_backup_dag("configuration", __doc__)
