"""The text of an exported graph, and its sums: what a restore is compared with.

A text in UTF-8, one JSON array a line, in this order: `["graph", 1]`, `["schema", statement]`,
`["node", key, labels, properties]`, `["relationship", source, type, target, properties]`, and at last
`["end", nodes, relationships]`. A key is the node's elementId where it was exported; relationships name their
nodes by it. Labels and names of properties are sorted, so the same content gives the same line.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import Field, ValidationError

from include.backups.manifest import BackupDamagedError, BackupError, BackupPart, Manifest, ManifestRecord
from include.backups.streams import CHUNK
from include.humanize import count_text, some_text

GRAPH = "graph"  # the name of the database in a backup
EXPORT, DUMP = "graph export", "neo4j dump"  # contents of parts
BEGINNING = ["graph", 1]
MAX_DIFFERENCES_NAMED = 5  # in one sentence
_MODULUS = 1 << 256


class ContentSum(ManifestRecord):
    """How many there are, and the sum of the SHA-256 of their lines modulo 2^256: it knows no order."""

    count: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class GraphFacts(ManifestRecord):
    """What a manifest says of a graph.

    `snapshot` says whether the backup shows one moment: a dump does, an export only if nothing was written
    meanwhile. `nodes` are by their labels (`Author:Person`; empty: none), `relationships` by type, `schema_`
    holds the statements that make constraints and indexes. All three are empty for a dump, which is made
    while nobody can ask the database. `server` names what answered, `neo4j-admin` for a dump.
    """

    database: str
    server: str
    version: str
    snapshot: bool
    nodes: dict[str, ContentSum] = Field(default_factory=dict)
    relationships: dict[str, ContentSum] = Field(default_factory=dict)
    schema_: tuple[str, ...] = Field(default=(), alias="schema")

    def count(self) -> str:
        """How much it is, in words."""
        nodes = sum(one.count for one in self.nodes.values())
        relationships = sum(one.count for one in self.relationships.values())
        return f"{count_text(nodes, 'node')} and {count_text(relationships, 'relationship')}"


class ContentSums:
    """Sums up lines as they pass; a whole text of them ends with `finish`."""

    def __init__(self) -> None:
        self.nodes: dict[str, list[int]] = {}
        self.relationships: dict[str, list[int]] = {}
        self.schema: list[str] = []

    def add(self, line: bytes, row: list[Any]) -> None:
        """Take in a line of the text, and what it says."""
        match row:
            case ["node", str(), list(labels), dict()]:
                where, group = self.nodes, ":".join(labels)
            case ["relationship", str(), str(group), str(), dict()]:
                where = self.relationships
            case ["schema", str(statement)]:
                self.schema.append(statement)
                return
            case _:
                raise BackupDamagedError(f"{str(row)[:80]} is no line of an exported graph")
        counted = where.setdefault(group, [0, 0])
        counted[0] += 1
        counted[1] = (counted[1] + int.from_bytes(hashlib.sha256(line).digest(), "big")) % _MODULUS

    def totals(self) -> tuple[int, int]:
        """Nodes and relationships so far."""
        return _total(self.nodes), _total(self.relationships)

    def compare(self, facts: GraphFacts) -> list[str]:
        """In words, what differs from what a manifest says."""
        found = _compare("nodes", facts.nodes, as_sums(self.nodes))
        found += _compare("relationships", facts.relationships, as_sums(self.relationships))
        missing, added = set(facts.schema_) - set(self.schema), set(self.schema) - set(facts.schema_)
        found += [f"not there: {statement}" for statement in sorted(missing)]
        return found + [f"not in the backup: {statement}" for statement in sorted(added)]


def as_sums(counted: Mapping[str, list[int]]) -> dict[str, ContentSum]:
    """The sums as a manifest has them."""
    return {
        group: ContentSum(count=count, sha256=f"{total:064x}")
        for group, (count, total) in sorted(counted.items())
    }


def write_line(row: list[Any]) -> bytes:
    """A line of the text, in the one way in which it may be written."""
    return json.dumps(
        row, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode() + b"\n"  # fmt: skip


def read_rows(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, list[Any]]]:
    """The lines of a text between its first and its last, with what they say: memory stays flat.

    The chunks are read to their end before this ends: what checks them has had its say by then.

    Raises:
        BackupDamagedError: it is no exported graph, or was cut.
    """
    source = iter(_lines(chunks))
    sums_nodes = sums_relationships = 0
    if _parse(next(source, b"")) != BEGINNING:
        raise BackupDamagedError("this is no exported graph that this version reads")
    for line in source:
        row = _parse(line)
        match row[:1]:
            case ["end"]:
                if row[1:] != [sums_nodes, sums_relationships]:
                    raise BackupDamagedError("nodes or relationships are missing from the exported graph")
                for _ in source:
                    raise BackupDamagedError("something follows the end of the exported graph")
                return
            case ["node"]:
                sums_nodes += 1
            case ["relationship"]:
                sums_relationships += 1
        yield line, row
    raise BackupDamagedError("the exported graph ends too early")


def check_export(chunks: Iterable[bytes], facts: GraphFacts) -> None:
    """Read an exported graph to its end and compare it with what its manifest says.

    Raises:
        BackupDamagedError: they differ.
    """
    sums = ContentSums()
    for line, row in read_rows(chunks):
        sums.add(line, row)
    if differences := sums.compare(facts):
        raise BackupDamagedError(
            f"it is not what the manifest says: {some_text(differences, MAX_DIFFERENCES_NAMED, '; ')}"
        )


def find_graph(manifest: Manifest) -> tuple[BackupPart, GraphFacts]:
    """The part that holds the graph, and what the manifest says of it.

    Raises:
        BackupError: there is none.
    """
    for part in manifest.parts:
        if part.content in (EXPORT, DUMP):
            return part, read_facts(manifest)
    raise BackupError(f"{manifest.id} holds no graph database.")


def read_facts(manifest: Manifest) -> GraphFacts:
    """What a manifest says of its graph.

    Raises:
        BackupDamagedError: nothing, or what cannot be read.
    """
    try:
        return GraphFacts.model_validate(manifest.databases.get(GRAPH))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(place) for place in ("databases", GRAPH, *first["loc"]))
        raise BackupDamagedError(
            f"the manifest of {manifest.id} cannot be read: {where}: {first['msg']}"
        ) from error


def _total(counted: Mapping[str, list[int]]) -> int:
    return sum(count for count, _ in counted.values())


def _compare(what: str, wanted: Mapping[str, ContentSum], found: Mapping[str, ContentSum]) -> list[str]:
    nothing = ContentSum(count=0, sha256="0" * 64)
    differences = []
    for group in sorted({*wanted, *found}):
        then, now = wanted.get(group, nothing), found.get(group, nothing)
        if then.count != now.count:
            differences.append(f"{what} {group or 'without a label'}: {now.count} instead of {then.count}")
        elif then != now:
            differences.append(f"{what} {group or 'without a label'}: as many, with another content")
    return differences


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of the chunks with their ends; a last one without an end is given as it is."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line + b"\n" for line in whole)
    if rest:
        yield rest


def _parse(line: bytes) -> list[Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise BackupDamagedError("a line of the exported graph is no JSON") from error
    if not isinstance(row, list):
        raise BackupDamagedError("a line of the exported graph is no array")
    return row


def join_lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines in chunks of some size, for what handles them one by one."""
    pending, size = [], 0
    for line in lines:
        pending.append(line)
        size += len(line)
        if size >= CHUNK:
            yield b"".join(pending)
            pending, size = [], 0
    if pending:
        yield b"".join(pending)
