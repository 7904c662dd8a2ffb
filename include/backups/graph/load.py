"""Filling a graph database from an exported text: in batches, each committed once, whatever dies in between.

A node of its own, the mark, says of which backup the restore is, how many rows are in, and which phase it is
in: `clearing`, `loading`, `finishing`, `finished`. Each batch moves the mark in its own transaction and only
from where it was, so a batch is in wholly or not at all, a killed restore goes on behind the last one, and of
two at work the later fails. Until the end nodes bear a label and a key of ours, by which relationships find
them and the comparison reads them.
"""

import logging
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import Any

from include.backups.graph.content import MAX_DIFFERENCES_NAMED, ContentSums, GraphFacts, read_rows
from include.backups.graph.server import KEY, MARKER, RESTORED, GraphServer, Query, quote
from include.backups.graph.values import decode_properties
from include.backups.manifest import (
    BackupDamagedError,
    BackupError,
    RestoredDiffersError,
    RestoreRefusedError,
)
from include.backups.streams import CHUNK
from include.humanize import some_text

logger = logging.getLogger(__name__)

BATCH = 1_000  # rows of one transaction, or fewer where they are large
BATCH_BYTES = 8 * CHUNK
CLEARED_AT_ONCE = 10_000  # nodes or relationships of one transaction
CONSTRAINT = "tradeops_restore"


def find_mark(server: GraphServer) -> dict[str, Any] | None:
    """The mark of a restore that is under way, or died."""
    return next((found["mark"] for found in server.markers()), None)


def prepare(server: GraphServer, backup_id: str, *, replace: bool) -> None:
    """Make a graph database ready for a restore: it is empty, or half restored from the same backup.

    Args:
        server: the graph database.
        backup_id: what will be restored.
        replace: delete what is there, all of it, schema and the rest of another restore too.

    Raises:
        RestoreRefusedError: something is there, and it was not to be replaced.
    """
    mark = find_mark(server)
    if mark and mark["backup"] == backup_id and mark["phase"] != "clearing":
        return
    if not replace:
        if mark:
            raise RestoreRefusedError(
                f"A restore of {mark['backup']} was not finished there: finish it, or have it replaced."
            )
        if sum(server.totals()):
            raise RestoreRefusedError(f"The graph database {server.login.database} is not empty.")
    if replace:
        _set_mark(server, backup=backup_id, phase="clearing", rows=0)
        clear(server)
    _set_mark(server, backup=backup_id, phase="loading", rows=0)


def clear(server: GraphServer) -> None:
    """Delete all nodes, relationships, constraints and indexes; the mark of a restore stays."""
    for what in (
        "MATCH ()-[x]->() WITH x LIMIT $limit DELETE x",
        f"MATCH (x) WHERE NOT x:{MARKER} WITH x LIMIT $limit DETACH DELETE x",
    ):
        while server.ask(f"{what} RETURN count(x) AS found", limit=CLEARED_AT_ONCE)[0]["found"]:
            pass
    for kind, name, _ in reversed(server.schema_objects()):  # a constraint may rest on an index
        server.ask(f"DROP {kind} {quote(name)} IF EXISTS")
    server.ask(f"DROP CONSTRAINT {CONSTRAINT} IF EXISTS")


def load(
    server: GraphServer, backup_id: str, chunks: Iterable[bytes], facts: GraphFacts, *, batch: int = BATCH
) -> None:
    """Load an exported text into a graph database that is prepared for it, and verify what is there then.

    Repeated after a failure, it goes on where it was; after the verification it does nothing.

    Raises:
        RestoredDiffersError: what is there is not what was exported.
        BackupDamagedError: the text is not whole.
        BackupError: it cannot be loaded, or another restore is at work in the same graph.
    """
    mark = find_mark(server)
    if mark is None or mark["backup"] != backup_id or mark["phase"] == "clearing":
        raise BackupError("The graph database is not prepared for this restore.")
    if mark["phase"] != "loading":
        return
    server.ask(f"CREATE CONSTRAINT {CONSTRAINT} IF NOT EXISTS FOR (n:{RESTORED}) REQUIRE n.{KEY} IS UNIQUE")
    done, statements = int(mark["rows"]), []
    logger.info("%s: %d rows are in the graph already", backup_id, done)

    def rows() -> Iterator[tuple[bytes, list[Any]]]:
        for line, row in read_rows(chunks):
            if row[0] == "schema":
                statements.append(row[1])
            else:
                yield line, row

    for many in _batches(islice(rows(), done, None), batch):
        _load_batch(server, backup_id, done, many)
        done += len(many)
    there = server.schema()
    for statement in statements:  # after the rows: they load faster without, and it is the whole text by now
        if statement not in there:
            _make_schema(server, statement)
    verify(server, facts)


def verify(server: GraphServer, facts: GraphFacts) -> None:
    """Compare the content of a graph that was loaded and not finished yet with a manifest.

    Raises:
        RestoredDiffersError: they differ.
    """
    sums = ContentSums()
    for line, row in server.content():
        sums.add(line, row)
    if differences := sums.compare(facts):
        raise RestoredDiffersError(
            f"The restored graph {server.login.database} is not what was backed up: "
            f"{some_text(differences, MAX_DIFFERENCES_NAMED, '; ')}. It is left for you to look at."
        )


def finish(server: GraphServer, backup_id: str) -> None:
    """Take away what the restore has added to the nodes; the mark stays, as `finished`.

    Raises:
        BackupError: there is no restore of this backup.
    """
    mark = find_mark(server)
    if mark is None or mark["backup"] != backup_id:
        raise BackupError(f"There is no restore of {backup_id} under way.")
    if mark["phase"] == "finished":
        return
    _set_mark(server, backup=backup_id, phase="finishing", rows=mark["rows"])
    strip = f"MATCH (n:{RESTORED}) WITH n LIMIT $limit REMOVE n:{RESTORED}, n.{KEY} RETURN count(n) AS found"
    while server.ask(strip, limit=CLEARED_AT_ONCE)[0]["found"]:
        pass
    server.ask(f"DROP CONSTRAINT {CONSTRAINT} IF EXISTS")
    if sum(server.totals()) != mark["rows"]:
        raise RestoredDiffersError(
            f"The restored graph holds {sum(server.totals())} nodes and relationships instead of "
            f"{mark['rows']}: something wrote to it."
        )
    _set_mark(server, backup=backup_id, phase="finished", rows=mark["rows"])


def remove_mark(server: GraphServer) -> None:
    """Remove the mark: the graph is one like any other."""
    server.ask(f"MATCH (m:{MARKER}) DELETE m")


def _set_mark(server: GraphServer, **mark: Any) -> None:
    server.ask(f"MERGE (m:{MARKER}) SET m = $mark", mark=mark)


def _make_schema(server: GraphServer, statement: str) -> None:
    if not statement.startswith("CREATE "):
        raise BackupDamagedError(f"{statement[:80]!r} makes no constraint and no index")
    server.ask(statement)


def _batches(rows: Iterable[tuple[bytes, list[Any]]], most: int) -> Iterator[list[list[Any]]]:
    many: list[list[Any]] = []
    size = 0
    for line, row in rows:
        many.append(row)
        size += len(line)
        if len(many) == most or size > BATCH_BYTES:
            yield many
            many, size = [], 0
    if many:
        yield many


def _load_batch(server: GraphServer, backup_id: str, before: int, rows: list[list[Any]]) -> None:
    after = before + len(rows)
    move = Query(
        f"MATCH (m:{MARKER} {{backup: $backup}}) SET m.touched = $before WITH m WHERE m.rows = $before "
        "SET m.rows = $after RETURN count(m) AS found",
        {"backup": backup_id, "before": before, "after": after},
        1,
        "another restore is at work in the same graph",
    )
    queries = [move, *_create_nodes(rows), *_create_relationships(rows)]

    def once() -> None:
        mark = find_mark(server)
        if mark is None or mark["rows"] != after:  # else the last attempt was committed, and nobody told us
            server.change(queries)

    server.retrying(once)


def _create_nodes(rows: list[list[Any]]) -> Iterator[Query]:
    nodes = sorted((row for row in rows if row[0] == "node"), key=lambda row: row[2])
    for labels, group in groupby(nodes, key=lambda row: row[2]):
        many = [decode_properties(row[3]) | {KEY: row[1]} for row in group]
        names = "".join(f":{quote(label)}" for label in (*labels, RESTORED))
        text = f"UNWIND $rows AS row CREATE (n{names}) SET n = row RETURN count(n) AS found"
        yield Query(text, {"rows": many}, len(many), "a node was not made")


def _create_relationships(rows: list[list[Any]]) -> Iterator[Query]:
    relationships = sorted((row for row in rows if row[0] == "relationship"), key=lambda row: row[2])
    for name, group in groupby(relationships, key=lambda row: row[2]):
        many = [
            {"source": row[1], "target": row[3], "properties": decode_properties(row[4])} for row in group
        ]
        text = (
            f"UNWIND $rows AS row MATCH (a:{RESTORED} {{{KEY}: row.source}}) "
            f"MATCH (b:{RESTORED} {{{KEY}: row.target}}) "
            f"CREATE (a)-[r:{quote(name)}]->(b) SET r = row.properties RETURN count(r) AS found"
        )
        yield Query(text, {"rows": many}, len(many), "a relationship leads to a node that is not there")
