"""Backups: making, cataloguing, verifying, keeping and reading them.

- `create_backup(engine, storage, kind, sources, settings)` makes one; it exists once its manifest is written.
- `list_backups`, `rebuild_catalogue`, `verify_backup`, `delete_backup`, `apply_retention` look after them.
- Reading side: `open_backup` gives a `Manifest` from the storage alone, `read_part` the content of a part,
  decrypted and decompressed, in chunks, `unpack` a tar of files. `find_tools`, `address` and `feed` run
  PostgreSQL's programs on them; `measure_database` describes a database as manifests do.
- `plan_restore`, `restore_into`, `prove`, `take_over`, `let_go` restore a database; `drill_restore` proves
  that the newest backup can be restored.

The modules are imported when they are first asked for (PEP 562).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from include.backups.catalogue import Listed, Rebuilt, list_backups, rebuild_catalogue
    from include.backups.create import Sources, create_backup
    from include.backups.files.configuration import Configuration
    from include.backups.manifest import (
        BackupDamaged,
        BackupError,
        DatabaseFacts,
        Kind,
        Manifest,
        Part,
        TableFacts,
        Verdict,
    )
    from include.backups.postgres.compare import compare_database
    from include.backups.postgres.drill import Drilled, drill_restore, read_speed
    from include.backups.postgres.restore import Plan, Refused, find_dump, plan_restore, restore_into
    from include.backups.postgres.server import database_of, with_database
    from include.backups.postgres.snapshot import measure_database
    from include.backups.postgres.swap import let_go, prove, record_restore, take_over
    from include.backups.postgres.tools import Address, Tools, address, feed, find_tools, own_folder, run
    from include.backups.read import open_backup, read_part
    from include.backups.retention import Applied, Rules, apply_retention, choose, delete_backup
    from include.backups.tar import unpack
    from include.backups.verify import verify_backup

_HOME = {
    "Address": "postgres.tools",
    "Applied": "retention",
    "BackupDamaged": "manifest",
    "BackupError": "manifest",
    "Configuration": "files.configuration",
    "DatabaseFacts": "manifest",
    "Drilled": "postgres.drill",
    "Kind": "manifest",
    "Listed": "catalogue",
    "Manifest": "manifest",
    "Part": "manifest",
    "Plan": "postgres.restore",
    "Rebuilt": "catalogue",
    "Refused": "postgres.restore",
    "Rules": "retention",
    "Sources": "create",
    "TableFacts": "manifest",
    "Tools": "postgres.tools",
    "Verdict": "manifest",
    "address": "postgres.tools",
    "apply_retention": "retention",
    "choose": "retention",
    "compare_database": "postgres.compare",
    "create_backup": "create",
    "database_of": "postgres.server",
    "delete_backup": "retention",
    "drill_restore": "postgres.drill",
    "feed": "postgres.tools",
    "find_dump": "postgres.restore",
    "find_tools": "postgres.tools",
    "let_go": "postgres.swap",
    "list_backups": "catalogue",
    "measure_database": "postgres.snapshot",
    "open_backup": "read",
    "own_folder": "postgres.tools",
    "plan_restore": "postgres.restore",
    "prove": "postgres.swap",
    "read_part": "read",
    "read_speed": "postgres.drill",
    "rebuild_catalogue": "catalogue",
    "record_restore": "postgres.swap",
    "restore_into": "postgres.restore",
    "run": "postgres.tools",
    "take_over": "postgres.swap",
    "unpack": "tar",
    "verify_backup": "verify",
    "with_database": "postgres.server",
}

__all__ = [
    "Address", "Applied", "BackupDamaged", "BackupError", "Configuration", "DatabaseFacts", "Drilled",
    "Kind", "Listed", "Manifest", "Part", "Plan", "Rebuilt", "Refused", "Rules", "Sources", "TableFacts",
    "Tools", "Verdict", "address", "apply_retention", "choose", "compare_database", "create_backup",
    "database_of", "delete_backup", "drill_restore", "feed", "find_dump", "find_tools", "let_go",
    "list_backups", "measure_database", "open_backup", "own_folder", "plan_restore", "prove", "read_part",
    "read_speed", "rebuild_catalogue", "record_restore", "restore_into", "run", "take_over", "unpack",
    "verify_backup", "with_database",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
