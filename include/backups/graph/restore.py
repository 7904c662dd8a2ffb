"""Restoring a graph in steps that may be repeated, and the drill of it."""

import logging
from dataclasses import dataclass
from time import monotonic
from typing import TypedDict

from sqlalchemy import Engine

from include.backups.catalogue import list_backups
from include.backups.graph.command import AdminProgram
from include.backups.graph.content import DUMP, EXPORT, GraphFacts, find_graph
from include.backups.graph.engine import GraphEngine
from include.backups.graph.load import (
    clear,
    find_mark,
    finish,
    load,
    prepare,
    remove_mark,
)
from include.backups.graph.server import GraphLogin, open_graph
from include.backups.manifest import BackupError, BackupPart, Manifest, RestoreRefusedError
from include.backups.read import open_backup, read_part
from include.humanize import count_text
from include.settings import Settings
from include.storage import Storage

logger = logging.getLogger(__name__)

SCRATCH_CONNECTION = "graph_scratch"  # an empty graph database, into which the drill restores


class PlannedGraphRestore(TypedDict):
    """What the steps after the plan need; `occupied`: something is there that is worth a backup."""

    backup_id: str
    replace: bool
    occupied: bool
    words: str  # the plan for people, in Markdown


@dataclass(frozen=True)
class GraphDrill:
    """How the drill of the graph went, in words; `findings` is empty when it restores, or was not tried."""

    words: str
    findings: tuple[str, ...] = ()


def plan_graph(
    storage: Storage,
    settings: Settings,
    login: GraphLogin,
    backup_id: str,
    replace: str = "",
    *,
    identity: str | None = None,
) -> PlannedGraphRestore:
    """Read the backup to its end, look at the target, and say what a restore would do; nothing is touched.

    Args:
        storage: where the backup is.
        settings: which neo4j-admin there is, for a dump.
        login: the graph database to fill.
        backup_id: which.
        replace: the name of that database, if what is in it may be deleted.
        identity: the private age key, for an encrypted backup.

    Raises:
        RestoreRefusedError: it cannot go well, or the graph is not empty and was not to be replaced.
        StorageError: the storage cannot be reached.
    """
    if replace and replace != login.database:
        raise RestoreRefusedError(
            f"The graph database is {login.database}, not {replace}: nothing is replaced by mistake."
        )
    try:
        manifest = open_backup(storage, backup_id)
        part, facts = find_graph(manifest)
        chunks = read_part(storage, manifest, part, identity)
        GraphEngine.check(manifest, part, chunks)
        for _ in chunks:
            pass
        lines = [
            f"Restore the graph **{login.database}** at {login.uri} from the backup **{manifest.id}**, taken "
            f"{manifest.started_at:%Y-%m-%d %H:%M} UTC.",
            "",
        ]
        if part.content == DUMP:
            version = _program(settings).version()
            lines += [
                f"- It is loaded by neo4j-admin {version}, and was dumped by {facts.version}. The database "
                "must be stopped; start it afterwards.",
                "- Nobody can look at what is there now, and no backup of it is made: the database is "
                "stopped. It is overwritten only if the form says so.",
            ]
            occupied = False
        else:
            more, occupied = _plan_load(login, manifest, facts, replace=bool(replace))
            lines += more
    except RestoreRefusedError:
        raise
    except BackupError as error:
        raise RestoreRefusedError(f"Refused, nothing was touched: {error}") from error
    return {
        "backup_id": backup_id,
        "replace": bool(replace),
        "occupied": occupied,
        "words": "\n".join(lines),
    }


def restore_graph(
    storage: Storage,
    settings: Settings,
    login: GraphLogin,
    planned: PlannedGraphRestore,
    *,
    identity: str | None = None,
) -> None:
    """Fill the graph database and verify it. Run again after a failure, it goes on where it stopped.

    Raises:
        RestoreRefusedError: the graph is not empty and was not to be replaced; nothing was touched.
        RestoredDiffersError: it is not what was backed up; it is left to look at.
        BackupError: it cannot be restored; the message says why.
    """
    manifest = open_backup(storage, planned["backup_id"])
    part, facts = find_graph(manifest)
    chunks = read_part(storage, manifest, part, identity)
    if part.content == DUMP:
        _program(settings).load(login.database, chunks, replace=planned["replace"])
        return
    with open_graph(login) as server:
        prepare(server, manifest.id, replace=planned["replace"])
        load(server, manifest.id, chunks, facts)
        finish(server, manifest.id)


def complete_graph(storage: Storage, login: GraphLogin, planned: PlannedGraphRestore) -> str:
    """End a restore: its mark is removed. It says what is there; repeated, it changes nothing.

    Raises:
        BackupError: the graph database cannot be reached.
    """
    part, facts = find_graph(open_backup(storage, planned["backup_id"]))
    if part.content == DUMP:
        return f"{login.database} is loaded from {planned['backup_id']}. Nobody has looked into it: start it."
    with open_graph(login) as server:
        remove_mark(server)
    return (
        f"{login.database} is restored from {planned['backup_id']}: {facts.count()}, equal to the manifest."
    )


def drill_graph(
    engine: Engine,
    storage: Storage,
    graph: GraphLogin | None,
    scratch: GraphLogin | None,
    *,
    identity: str | None = None,
    backup_id: str = "",
) -> GraphDrill | None:
    """Restore a graph into an empty database, compare, and empty that again. None: there is no graph.

    Args:
        engine: the platform's database, for the catalogue.
        storage: where the backups are.
        graph: the graph database that is backed up; None: there is none.
        scratch: where it is restored; None: nowhere, which the words say.
        identity: the private age key, for encrypted backups.
        backup_id: which; empty: the newest one that holds an export of the graph.

    Raises:
        StorageError, DatabaseError: one of them cannot be reached.
    """
    if graph is None:
        return None
    if scratch is None:
        return GraphDrill(f"the graph was not drilled: there is no connection {SCRATCH_CONNECTION}")
    clock = monotonic()
    try:
        if (scratch.uri, scratch.database) == (graph.uri, graph.database):
            raise BackupError(f"The connection {SCRATCH_CONNECTION} leads to the graph itself")
        found = _find_export(engine, storage, backup_id)
        if found is None:
            return GraphDrill(f"the graph was not drilled: {backup_id} holds no export of it")
        manifest, part, facts = found
        with open_graph(scratch) as server:
            # The rest of a drill that died is ours to delete; all else is refused.
            prepare(server, manifest.id, replace=find_mark(server) is not None)
            try:
                load(server, manifest.id, read_part(storage, manifest, part, identity), facts)
            finally:
                clear(server)
                remove_mark(server)
    except BackupError as error:
        return GraphDrill("the graph does not restore", (f"graph: {error}",))
    seconds = monotonic() - clock
    return GraphDrill(
        f"the graph of {manifest.id} is verified by a restore: {facts.count()}, in {seconds:.1f} s"
    )


def _plan_load(
    login: GraphLogin, manifest: Manifest, facts: GraphFacts, *, replace: bool
) -> tuple[list[str], bool]:
    with open_graph(login) as server:
        mark, now, (agent, version) = find_mark(server), server.totals(), server.version()
    lines = [
        f"- It holds {facts.count()}, exported from {facts.server} ({facts.version}); this is {agent} "
        f"({version}).",
        "- It shows no single moment: what was written during the export may be in it or not.",
    ]
    if mark and mark["backup"] == manifest.id and mark["phase"] != "clearing":
        return [*lines, f"- A restore of it is under way, with {mark['rows']} rows: it goes on there."], False
    if not mark and not sum(now):
        return [*lines, "- The graph database is empty now."], False
    there = f"{count_text(now[0], 'node')} and {count_text(now[1], 'relationship')}"
    if mark:
        there += f", the rest of a restore of {mark['backup']} that did not end"
    if not replace:
        raise RestoreRefusedError(
            f"The graph database {login.database} holds {there}. To delete all of it, schema included, write "
            "its name into the form."
        )
    saved = "Of that no backup is made." if mark else "A full backup is made before."
    lines.append(f"- **What is there is deleted first**, and the schema: {there}. {saved}")
    return lines, not mark


def _program(settings: Settings) -> AdminProgram:
    if settings.neo4j_admin is None:
        raise BackupError("It is a dump: name the program in the setting neo4j_admin, which can load it.")
    return AdminProgram(settings.neo4j_admin)


def _find_export(
    engine: Engine, storage: Storage, backup_id: str
) -> tuple[Manifest, BackupPart, GraphFacts] | None:
    """The backup of that id if it holds an export; without an id the newest that does.

    Raises:
        BackupError: without an id: none does.
    """
    listed = [backup_id] if backup_id else [
        backup.id for backup in list_backups(engine, storage.location, "full")
    ]  # fmt: skip
    for one in listed:
        manifest = open_backup(storage, one)
        if any(part.content == EXPORT for part in manifest.parts):
            return manifest, *find_graph(manifest)
    if backup_id:
        return None
    raise BackupError("There is no backup of the graph to drill: is back_up_full running?")
