"""Backups: making, cataloguing, verifying, keeping, managing and restoring them.

The core knows no database to back up: the manifest, the catalogue (the table `backups`), the storage of parts
(compressed, encrypted, hashed), verification, retention. What is backed up is known by the engines, a folder
each: `postgres/` (dumps, base backups, restores, the drill), `graph/` (a graph database of the Neo4j kind),
`files/` (configuration, logs).
`engine.py` says what an engine is, `engines.py` lists them.

These are the names that others use; importing them takes the database's libraries along, so DAG files import
them inside their tasks.
"""

from include.backups.catalogue import rebuild_catalogue
from include.backups.create import create_backup
from include.backups.engine import Surroundings
from include.backups.engines import find_engines
from include.backups.graph.restore import complete_graph, drill_graph, plan_graph, restore_graph
from include.backups.graph.server import GraphLogin
from include.backups.manage import BadBackupError, NotDeletedError, manage_backups
from include.backups.manifest import BackupError, RestoredDiffersError, RestoreRefusedError
from include.backups.postgres.drill import drill_restore
from include.backups.postgres.steps import (
    RestoreLogins,
    RestoreRequest,
    plan_steps,
    restore_planned,
    swap_planned,
)
from include.backups.postgres.swap import drop_kept_database, record_restore
from include.backups.retention import RetentionRules, apply_retention
from include.backups.verify import verify_backup

__all__ = [
    "BackupError",
    "BadBackupError",
    "GraphLogin",
    "NotDeletedError",
    "RestoreLogins",
    "RestoreRefusedError",
    "RestoreRequest",
    "RestoredDiffersError",
    "RetentionRules",
    "Surroundings",
    "apply_retention",
    "complete_graph",
    "create_backup",
    "drill_graph",
    "drill_restore",
    "drop_kept_database",
    "find_engines",
    "manage_backups",
    "plan_graph",
    "plan_steps",
    "rebuild_catalogue",
    "record_restore",
    "restore_graph",
    "restore_planned",
    "swap_planned",
    "verify_backup",
]
