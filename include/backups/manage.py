"""Looking after backups by hand: one action, and lines that say what was done."""

from typing import Literal

from sqlalchemy import Engine

from include.backups.catalogue import list_backups, rebuild_catalogue
from include.backups.manifest import BackupError
from include.backups.retention import RetentionRules, apply_retention, delete_backup
from include.backups.verify import verify_backup
from include.storage import Storage

Action = Literal["list", "verify", "delete", "apply_retention", "rebuild_catalogue"]

MAX_LINES = 200  # that are handed on; the table has the rest


class BadBackupError(BackupError):
    """A check found that a backup is bad."""


class NotDeletedError(BackupError):
    """Backups that may go could not be deleted."""


def manage_backups(
    engine: Engine,
    storage: Storage,
    action: Action,
    backup_id: str,
    rules: RetentionRules,
    *,
    identity: str | None = None,
    dry_run: bool,
) -> list[str]:
    """Do one action; give lines that say what was done.

    Args:
        engine: the platform's database, for the catalogue.
        storage: where the backups are.
        action: what to do.
        backup_id: which backup, for `verify` and `delete`.
        rules: how many backups stay.
        identity: the private age key, for encrypted backups.
        dry_run: for `delete` and `apply_retention`: only say what would be done.

    Raises:
        BadBackupError: the backup is bad.
        NotDeletedError: some could not be deleted; the message says what was done.
        BackupError: it cannot be done as asked.
        StorageError: the storage cannot be reached.
    """
    if action in ("verify", "delete") and not backup_id:
        raise BackupError(f"Which backup? Fill in backup_id; the action {action} takes one.")
    match action:
        case "list":
            found = list_backups(engine, storage.location, everybody=True)
            lines = [backup.summary() for backup in found]
        case "verify":
            verdict = verify_backup(engine, storage, backup_id, identity)
            if verdict.depth == "bad":
                raise BadBackupError(f"The backup {backup_id} is bad: {verdict.reason}")
            lines = [f"{backup_id}: {verdict.depth} {verdict.reason}".strip()]
        case "delete":
            lines = [delete_backup(engine, storage, backup_id, dry_run=dry_run)]
        case "apply_retention":
            applied = apply_retention(engine, storage, rules, dry_run=dry_run)
            lines = applied.summary(dry_run=dry_run)
            if applied.failed:
                raise NotDeletedError("; ".join(lines))
        case "rebuild_catalogue":
            lines = [rebuild_catalogue(engine, storage).summary()]
    return lines[:MAX_LINES]
