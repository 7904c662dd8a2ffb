"""The graph database as an engine: exported over Bolt, or dumped by the operator's `neo4j-admin`."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from include.backups.engine import BackupEngine, BackupJob, Contribution, PartStream, Surroundings
from include.backups.graph.command import AdminProgram, check_dump
from include.backups.graph.content import DUMP, EXPORT, GRAPH, GraphFacts, check_export, read_facts
from include.backups.graph.export import GraphExport
from include.backups.graph.server import GraphLogin, open_graph
from include.backups.manifest import BackupPart, Kind, Manifest
from include.humanize import count_text
from include.settings import Settings

GRAPH_CONNECTION = "graph_db"  # Airflow's connection that leads to what is backed up
ROW_SIZE = 500  # bytes of a node or relationship in an export, for the first estimate

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class GraphEngine:
    """The graph database that there is to back up; without one it contributes nothing."""

    login: GraphLogin | None = field(repr=False)

    kinds: ClassVar[frozenset[Kind]] = frozenset({"full"})
    contents: ClassVar[frozenset[str]] = frozenset({EXPORT, DUMP})

    @classmethod
    def find(cls, settings: Settings, surroundings: Surroundings) -> BackupEngine:
        """Look up the connection; none is no fault."""
        connection = surroundings.connection(GRAPH_CONNECTION)
        return cls(None if connection is None else GraphLogin.of(connection))

    def estimate(self, kind: Kind, settings: Settings) -> int:
        """As many rows as there are, of a usual size; of a database that is stopped nobody knows."""
        if self.login is None or settings.neo4j_admin is not None:
            return 0
        with open_graph(self.login) as server:
            return sum(server.totals()) * ROW_SIZE

    def contribute(self, job: BackupJob) -> Contribution:
        """Store the graph as one part."""
        if self.login is None:
            return Contribution()
        if job.settings.neo4j_admin is not None:
            return _dump(job, self.login.database, AdminProgram(job.settings.neo4j_admin))
        logger.info("%s: exporting the graph %s", job.id, self.login.database)
        with open_graph(self.login) as server:
            export = GraphExport(server)
            job.store(PartStream("graph.ndjson", EXPORT, GRAPH, export.chunks()))
            facts = export.facts()
        left_out = (
            f"{count_text(export.left_out, 'relationship')} of the graph to nodes that were made or deleted "
            "while it was exported",
        )
        return Contribution(
            {GRAPH: facts.model_dump(mode="json", by_alias=True)},
            left_out=left_out if export.left_out else (),
        )

    @staticmethod
    def check(manifest: Manifest, part: BackupPart, chunks: Iterator[bytes]) -> None:
        """Read an export and sum it up again; decompress a dump."""
        if part.content == EXPORT:
            check_export(chunks, read_facts(manifest))
        else:
            check_dump(chunks)


def _dump(job: BackupJob, database: str, program: AdminProgram) -> Contribution:
    version = program.version()
    logger.info("%s: dumping the graph %s by neo4j-admin %s", job.id, database, version)
    job.store(PartStream("graph.dump", DUMP, GRAPH, program.dump(database), compress=False, version=version))
    facts = GraphFacts(database=database, server="neo4j-admin", version=version, snapshot=True)
    return Contribution({GRAPH: facts.model_dump(mode="json", by_alias=True)})
