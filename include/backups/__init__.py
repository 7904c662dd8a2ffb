"""Backups: making, cataloguing, verifying, keeping and reading them.

- `create_backup(engine, storage, kind, sources, settings)` makes one; it exists once its manifest is written.
- `list_backups`, `rebuild_catalogue`, `verify_backup`, `delete_backup`, `apply_retention` look after them.
- Reading side: `open_backup` gives a `Manifest` from the storage alone, `read_part` the content of a part,
  decrypted and decompressed, in chunks, `unpack` a tar of files. `find_tools`, `address` and `feed` run
  PostgreSQL's programs on them; `measure_tables` gives a database's rows and checksums as manifests do.

The modules are imported when they are first asked for (PEP 562).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from include.backups.catalogue import Listed, Rebuilt, list_backups, rebuild_catalogue
    from include.backups.configuration import Configuration
    from include.backups.create import Sources, create_backup
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
    from include.backups.read import open_backup, read_part
    from include.backups.retention import Applied, Rules, apply_retention, choose, delete_backup
    from include.backups.snapshot import measure_tables
    from include.backups.tar import unpack
    from include.backups.tools import Address, Tools, address, feed, find_tools, own_folder, run
    from include.backups.verify import verify_backup

_HOME = {
    "Address": "tools",
    "Applied": "retention",
    "BackupDamaged": "manifest",
    "BackupError": "manifest",
    "Configuration": "configuration",
    "DatabaseFacts": "manifest",
    "Kind": "manifest",
    "Listed": "catalogue",
    "Manifest": "manifest",
    "Part": "manifest",
    "Rebuilt": "catalogue",
    "Rules": "retention",
    "Sources": "create",
    "TableFacts": "manifest",
    "Tools": "tools",
    "Verdict": "manifest",
    "address": "tools",
    "apply_retention": "retention",
    "choose": "retention",
    "create_backup": "create",
    "delete_backup": "retention",
    "feed": "tools",
    "find_tools": "tools",
    "list_backups": "catalogue",
    "measure_tables": "snapshot",
    "open_backup": "read",
    "own_folder": "tools",
    "read_part": "read",
    "rebuild_catalogue": "catalogue",
    "run": "tools",
    "unpack": "tar",
    "verify_backup": "verify",
}

__all__ = [
    "Address", "Applied", "BackupDamaged", "BackupError", "Configuration", "DatabaseFacts", "Kind", "Listed",
    "Manifest", "Part", "Rebuilt", "Rules", "Sources", "TableFacts", "Tools", "Verdict", "address",
    "apply_retention", "choose", "create_backup", "delete_backup", "feed", "find_tools", "list_backups",
    "measure_tables", "open_backup", "own_folder", "read_part", "rebuild_catalogue", "run", "unpack",
    "verify_backup",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
