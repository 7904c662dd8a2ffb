"""A graph database over Bolt: how it is reached, asked, and read node by node."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from include.backups.graph.content import write_line
from include.backups.graph.values import encode_properties
from include.backups.manifest import BackupError
from include.telemetry import redact

if TYPE_CHECKING:
    from neo4j import Driver

Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)

DEFAULT_PORT = 7687
DEFAULT_DATABASE = "neo4j"
TIMEOUT = 10  # seconds until a server answers a connection
ATTEMPTS = 5  # at one row or batch, before a lost connection fails the whole
PAUSE = 3.0  # seconds before the next attempt, times its number
PAGE = 50_000  # rows of one query: it reads all ids once, and sorts out these
FETCH = 1_000  # rows that travel at once

# What a restore adds while it is under way, and takes away again: see the module `load`.
MARKER = "_TradeopsRestore"
RESTORED = "_TradeopsRestored"
KEY = "_tradeops_key"

_NODES = f"""
MATCH (n) WHERE NOT n:{MARKER}
WITH n, elementId(n) AS id WHERE id > $last WITH n, id ORDER BY id LIMIT $page
RETURN id, labels(n) AS labels, properties(n) AS properties
"""
_RELATIONSHIPS = f"""
MATCH (a)-[r]->(b)
WITH a, r, b, elementId(r) AS id WHERE id > $last WITH a, r, b, id ORDER BY id LIMIT $page
RETURN id, CASE WHEN a:{RESTORED} THEN a.{KEY} ELSE elementId(a) END AS source, type(r) AS type,
       CASE WHEN b:{RESTORED} THEN b.{KEY} ELSE elementId(b) END AS target, properties(r) AS properties
"""


class LostConnectionError(BackupError):
    """The graph database does not answer, or asks to come again."""


@dataclass(frozen=True)
class GraphLogin:
    """Where a graph database is; `uri` is Bolt's: `bolt://host:7687`, `neo4j+s://…`."""

    uri: str
    database: str
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def of(cls, connection: Mapping[str, Any]) -> "GraphLogin":
        """Of a connection in the names of airflow_settings.yaml; a host alone is asked over `bolt://`."""
        host = str(connection["conn_host"] or "").rstrip("/")
        uri = host if "://" in host else f"bolt://{host}"
        if connection["conn_port"]:
            uri = f"{uri}:{connection['conn_port']}"
        return cls(
            uri,
            connection["conn_schema"] or DEFAULT_DATABASE,
            connection["conn_login"] or "",
            connection["conn_password"] or "",
        )


@dataclass(frozen=True)
class Query:
    """A change that returns `found`, how many; `otherwise` says what another number than expected means."""

    text: str
    values: dict[str, Any] = field(repr=False)
    expected: int
    otherwise: str


class GraphServer:
    """An open graph database. What a lost connection interrupts is asked again from where it was."""

    def __init__(self, driver: "Driver", login: GraphLogin, pause: float) -> None:
        self.login = login
        self._driver, self._pause = driver, pause

    def ask(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Run a query that may be run twice, and give its whole answer.

        Raises:
            BackupError: it failed.
        """
        return self.retrying(lambda: self._ask(query, values))

    def change(self, queries: "list[Query]") -> None:
        """Run queries in one transaction, once. Where its end is lost, nobody knows whether it was committed.

        Raises:
            BackupError: a query found another number than it should; nothing was changed.
            neo4j.exceptions.Neo4jError, DriverError: as the driver has it.
        """
        with self._session() as session, session.begin_transaction() as transaction:
            for query in queries:
                found = transaction.run(query.text, query.values).data()[0]["found"]
                if found != query.expected:
                    raise BackupError(
                        f"{self.login.uri}, database {self.login.database}: {query.otherwise} "
                        f"({found} found, {query.expected} expected)."
                    )
            transaction.commit()

    def _ask(self, query: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        with self._session() as session:
            answer: list[dict[str, Any]] = session.run(query, values).data()
        return answer

    def _session(self, **how: Any) -> Any:
        return self._driver.session(database=self.login.database, **how)

    def retrying(self, action: Callable[[], Answer]) -> Answer:
        """Do something that may be repeated, and repeat it while the connection is lost.

        Raises:
            BackupError: it failed for good.
        """
        attempt = 0
        while True:
            try:
                with _in_words(self.login):
                    return action()
            except LostConnectionError as error:
                attempt += 1
                self._wait(attempt, error)

    def _wait(self, attempt: int, error: LostConnectionError) -> None:
        if attempt == ATTEMPTS:
            raise error
        logger.warning("attempt %d of %d: %s", attempt, ATTEMPTS, error)
        time.sleep(self._pause * attempt)

    def rows(self, query: str, page: int) -> Iterator[dict[str, Any]]:
        """All rows of a query that orders by `id`, begins behind `$last` and gives at most `$page`.

        They travel as they are read. Where the connection is lost, it goes on behind the last row.
        """
        last, attempt = "", 0
        while True:
            found = 0
            try:
                with _in_words(self.login), self._session(fetch_size=FETCH) as session:
                    for record in session.run(query, {"last": last, "page": page}):
                        found += 1
                        last, attempt = record["id"], 0
                        yield dict(record)
            except LostConnectionError as error:
                attempt += 1
                self._wait(attempt, error)
            else:
                if found < page:
                    return

    def node_rows(self, page: int = PAGE) -> Iterator[list[Any]]:
        """All nodes as rows of the exported text, without what a restore under way has added to them."""
        for found in self.rows(_NODES, page):
            key, labels, properties = found["id"], found["labels"], found["properties"]
            if RESTORED in labels:
                labels.remove(RESTORED)
                key = properties.pop(KEY)
            for label in labels:
                quote(label)
            yield ["node", key, sorted(labels), encode_properties(properties, f"a node of {labels}")]

    def relationship_rows(self, page: int = PAGE) -> Iterator[list[Any]]:
        """All relationships as rows of the exported text."""
        for found in self.rows(_RELATIONSHIPS, page):
            properties = encode_properties(found["properties"], f"a relationship {quote(found['type'])}")
            yield ["relationship", found["source"], found["type"], found["target"], properties]

    def content(self, page: int = PAGE) -> Iterator[tuple[bytes, list[Any]]]:
        """All lines of the exported text between its first and its last, with what they say."""
        for statement in self.schema():
            row = ["schema", statement]
            yield write_line(row), row
        for row in self.node_rows(page):
            yield write_line(row), row
        for row in self.relationship_rows(page):
            yield write_line(row), row

    def schema(self) -> list[str]:
        """The statements that make the constraints and indexes that there are, constraints first."""
        return [statement for _, _, statement in self.schema_objects()]

    def schema_objects(self) -> list[tuple[str, str, str]]:
        """Constraints and indexes: CONSTRAINT or INDEX, the name, and the statement that makes it.

        Left out are indexes that belong to a constraint, those of labels and types, which every database
        has, and what a restore under way has added.
        """
        made = [
            ("CONSTRAINT", found)
            for found in self.ask("SHOW CONSTRAINTS YIELD name, labelsOrTypes, createStatement")
        ]
        made += [
            ("INDEX", found)
            for found in self.ask(
                "SHOW INDEXES YIELD name, type, labelsOrTypes, owningConstraint, createStatement"
            )
            if found["owningConstraint"] is None and found["type"] != "LOOKUP"
        ]
        return [
            (kind, found["name"], found["createStatement"])
            for kind, found in sorted(made, key=lambda one: (one[0], one[1]["name"]))
            if found["labelsOrTypes"] != [RESTORED]
        ]

    def markers(self) -> list[dict[str, Any]]:
        """The marks of restores that are under way, or died."""
        return self.ask(f"MATCH (m:{MARKER}) RETURN properties(m) AS mark")

    def totals(self) -> tuple[int, int]:
        """How many nodes and relationships there are, without the mark of a restore."""
        nodes = self.ask(f"MATCH (n) WHERE NOT n:{MARKER} RETURN count(n) AS found")[0]["found"]
        return nodes, self.ask("MATCH ()-[r]->() RETURN count(r) AS found")[0]["found"]

    def version(self) -> tuple[str, str]:
        """What answers, in its own words, and the version and edition that it claims."""
        agent = str(self.retrying(self._driver.get_server_info).agent)
        (kernel, *_) = self.ask(
            "CALL dbms.components() YIELD versions, edition RETURN versions[0] AS version, edition"
        )
        return agent, f"{kernel['version']} {kernel['edition']}"


def quote(name: str) -> str:
    """A label, type, or name of a constraint as Cypher takes it.

    Raises:
        BackupError: some versions would read it as another name: they know \\u0060 for a quote.
    """
    if "\\u" in name.lower():
        raise BackupError(
            f"The name {name!r} holds what Cypher may take for an escaped character: rename it."
        )
    return "`" + name.replace("`", "``") + "`"


@contextmanager
def open_graph(login: GraphLogin, *, pause: float = PAUSE) -> Iterator[GraphServer]:
    """Open a graph database and close it again.

    Args:
        login: where it is.
        pause: seconds before a lost connection is tried again, times the number of the attempt.

    Raises:
        BackupError: its address is none.
    """
    from neo4j import GraphDatabase
    from neo4j.exceptions import ConfigurationError

    if login.uri.endswith("://"):  # the driver would take this machine
        raise BackupError("The connection of the graph database names no host, such as bolt://graph:7687.")
    # A server remarks on every label and property that it has never had, such as ours, with each query.
    logging.getLogger("neo4j.notifications").setLevel(logging.ERROR)
    try:
        driver = GraphDatabase.driver(
            login.uri,
            auth=(login.user, login.password) if login.user else None,
            connection_timeout=TIMEOUT,
        )
    except (ConfigurationError, ValueError) as error:
        raise BackupError(f"The address of the graph database, {login.uri}, is none: {error}") from None
    with driver:
        yield GraphServer(driver, login, pause)


@contextmanager
def _in_words(login: GraphLogin) -> Iterator[None]:
    from neo4j.exceptions import DriverError, Neo4jError

    try:
        yield
    except (DriverError, Neo4jError) as error:
        kind = LostConnectionError if error.is_retryable() else BackupError
        raise kind(
            f"{login.uri}, database {login.database}: {redact(str(error), login.password or None)}"
        ) from error
