"""A real server of Bolt with two databases, and a graph with all sorts of content."""

import random

import neo4j.time
import pytest
import pytz
from neo4j.spatial import CartesianPoint, WGS84Point

from include.backups.graph.engine import GraphEngine
from include.backups.graph.load import clear, remove_mark
from include.backups.graph.server import open_graph
from tests.support.bolt_server import run_bolt_server

BERLIN = pytz.timezone("Europe/Berlin")
VALUES = {
    "whole": [-(2**63), 2**63 - 1, 0],
    "float": [1.0, -0.0, 1e300, float("inf")],
    "flag": True,
    "text": "ü'`\\ \x00 \U0001f600",
    "empty": [],
    "bytes": b"\x00\xff",
    "date": neo4j.time.Date(1, 2, 3),
    "time": neo4j.time.Time(23, 59, 59, 999_999_999, tzinfo=pytz.FixedOffset(-90)),
    "clock": neo4j.time.Time(1, 2, 3, 4),
    "local": neo4j.time.DateTime(2026, 1, 2, 3, 4, 5, 7),
    "offset": neo4j.time.DateTime(2026, 1, 2, 3, 4, 5, 6, tzinfo=pytz.FixedOffset(330)),
    "summer": BERLIN.localize(neo4j.time.DateTime(2026, 10, 25, 2, 30, 0, 1), is_dst=True),
    "winter": BERLIN.localize(neo4j.time.DateTime(2026, 10, 25, 2, 30, 0, 1), is_dst=False),
    "duration": neo4j.time.Duration(months=-14, days=3, seconds=5, nanoseconds=9),
    "place": WGS84Point((1.5, -2.5)),
    "solid": CartesianPoint((1, 2, 3)),
}


@pytest.fixture(scope="session")
def bolt(tmp_path_factory):
    with run_bolt_server(tmp_path_factory.mktemp("bolt")) as server:
        yield server


@pytest.fixture
def graph(bolt):
    """The graph that is backed up: empty before and after."""
    with open_graph(bolt.login(), pause=0) as server:
        yield server
        clear(server)
        remove_mark(server)


@pytest.fixture
def scratch(bolt):
    """An empty one beside it."""
    with open_graph(bolt.login("scratch"), pause=0) as server:
        yield server
        clear(server)
        remove_mark(server)


@pytest.fixture
def filled_graph(graph):
    """Nodes of all sorts, with twins, loops and parallel relationships, an index and a constraint."""
    chance = random.Random(4)
    graph.ask("UNWIND range(1, 25) AS i CREATE (:Person {id: i, name: 'n' + toString(i)})")
    graph.ask("UNWIND range(26, 32) AS i CREATE (:Person:Author {id: i})")
    graph.ask("UNWIND range(1, 5) AS i CREATE (:`A b``c` {word: 'the same'})")
    graph.ask("CREATE (n) SET n = $values", values=VALUES)
    pairs = [{"a": chance.randint(1, 32), "b": chance.randint(1, 32), "since": i} for i in range(40)]
    pairs += [{"a": 1, "b": 1, "since": 1}, {"a": 1, "b": 2, "since": 7}, {"a": 1, "b": 2, "since": 7}]
    graph.ask(
        "UNWIND $pairs AS pair MATCH (a:Person {id: pair.a}) MATCH (b:Person {id: pair.b}) "
        "CREATE (a)-[r:KNOWS]->(b) SET r.since = pair.since",
        pairs=pairs,
    )
    graph.ask("MATCH (a:Person {id: 3}) MATCH (b) WHERE b.flag CREATE (a)-[:`IS at` {at: b.winter}]->(b)")
    # Last, for this server states the type of a property that it indexes where there is one already.
    graph.ask("CREATE CONSTRAINT person_id IF NOT EXISTS FOR (n:Person) REQUIRE n.id IS UNIQUE")
    graph.ask("CREATE INDEX by_word IF NOT EXISTS FOR (n:`A b``c`) ON (n.word)")
    return graph


@pytest.fixture
def sources_of(only, bolt):
    """What a full backup asks: no database, the files, and the graph."""
    return [*only, GraphEngine(bolt.login())]
