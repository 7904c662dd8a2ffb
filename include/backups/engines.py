"""The engines that there are: an engine is a folder here and a line below."""

from include.backups.engine import BackupEngine, Surroundings
from include.backups.files.engine import FilesEngine
from include.backups.graph.engine import GraphEngine
from include.backups.manifest import BackupError, BackupPart
from include.backups.postgres.engine import PostgresEngine
from include.settings import Settings

# In the order in which their parts stand in a backup.
ENGINES: dict[str, type[BackupEngine]] = {
    "postgres": PostgresEngine,
    "graph": GraphEngine,
    "files": FilesEngine,
}


def find_engines(settings: Settings, surroundings: Surroundings) -> list[BackupEngine]:
    """Every engine, with what there is to back up here."""
    return [engine.find(settings, surroundings) for engine in ENGINES.values()]


def engine_of(part: BackupPart) -> type[BackupEngine]:
    """The engine that reads a part.

    Raises:
        BackupError: none does.
    """
    for engine in ENGINES.values():
        if part.content in engine.contents:
            return engine
    raise BackupError(
        f"{part.name} holds {part.content!r}, which none of the engines here reads ({', '.join(ENGINES)}): a "
        "newer version may have made it."
    )
