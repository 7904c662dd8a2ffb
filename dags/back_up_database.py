"""### Backs up the databases every night

At 02:00 UTC: the platform's database and Airflow's own (connection `airflow_db`), each as it is in one
snapshot, however much is written meanwhile. The manifest holds rows and a checksum of each table in that very
snapshot.

| task | does |
|---|---|
| `create_backup` | pg_dump, compressed, encrypted, stored, as one stream; visible only when whole |
| `verify_backup` | hashes every part and decodes it to its end; a bad one fails the run, and you are told |
| `apply_retention` | deletes what may go, never the last verified good backup |

Method (stream, directory, physical), encryption, retention: `docs/backups.md`.
"""

from include.airflow.backups import make_backup_dag

back_up_database = make_backup_dag("database", __doc__)
