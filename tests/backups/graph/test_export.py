"""A graph is exported whole over lines that break, or the backup fails; a text that is cut is damaged."""

import json
from dataclasses import replace
from itertools import islice

import neo4j
import pytest

from include.backups.create import create_backup
from include.backups.graph.content import ContentSums, find_graph, read_rows
from include.backups.graph.engine import GraphEngine
from include.backups.graph.export import GraphExport
from include.backups.graph.load import load, prepare
from include.backups.graph.server import GraphServer, open_graph
from include.backups.manifest import (
    BackupDamagedError,
    BackupError,
)
from include.backups.read import read_part
from include.settings import Settings


def test_a_lost_connection_costs_no_row_and_doubles_none(filled_graph, monkeypatch):
    whole = sorted(line for line, _ in filled_graph.content())
    session, cuts = filled_graph._session, []

    class Cut:
        """A session whose answers break off after four rows, every second time before the first."""

        def __init__(self, real):
            self._real = real

        def __enter__(self):
            self._open = self._real.__enter__()
            return self

        def __exit__(self, *error):
            return self._real.__exit__(*error)

        def run(self, query, values):
            answer = self._open.run(query, values)
            if "page" not in values:
                return answer
            cuts.append(1)
            return self._breaking(answer, 4 * (len(cuts) % 2))

        def _breaking(self, answer, rows):
            yield from islice(answer, rows)
            raise neo4j.exceptions.ServiceUnavailable("the line was cut")

    monkeypatch.setattr(filled_graph, "_session", lambda **how: Cut(session(**how)))
    rows = []
    with pytest.raises(BackupError, match="the line was cut"):  # for ever: it never reaches an end
        for row in filled_graph.node_rows():
            rows.append(row)
    assert len(rows) == len({row[1] for row in rows}) == 38
    monkeypatch.undo()
    assert sorted(line for line, _ in filled_graph.content(page=7)) == whole, "pages change nothing"


def test_a_relationship_to_a_node_that_came_too_late_is_left_out_and_said(
    filled_graph, scratch, database, storage, sources_of, settings, monkeypatch
):
    rows = GraphServer.relationship_rows

    def meanwhile(server, page):
        server.ask("MATCH (a:Person {id: 1}) CREATE (a)-[:KNOWS]->(:Late), (a)-[:KNOWS {since: 99}]->(a)")
        return rows(server, page)

    monkeypatch.setattr(GraphServer, "relationship_rows", meanwhile)
    manifest = create_backup(database, storage, "full", sources_of, settings)
    monkeypatch.undo()
    assert [words for words in manifest.left_out if "graph" in words] == [
        "1 relationship of the graph to nodes that were made or deleted while it was exported"
    ]
    part, facts = find_graph(manifest)
    assert facts.count() == "38 nodes and 45 relationships"
    prepare(scratch, manifest.id, replace=False)
    load(scratch, manifest.id, read_part(storage, manifest, part), facts)


def test_without_a_graph_database_nothing_is_asked_and_nothing_said(
    database, storage, only, settings, monkeypatch
):
    monkeypatch.setattr(GraphServer, "__init__", lambda *_: pytest.fail("a graph was opened"))

    class NoGraph:
        def connection(self, name):
            assert name == "graph_db"

    engine = GraphEngine.find(settings, NoGraph())
    assert engine.estimate("full", settings) == 0
    manifest = create_backup(database, storage, "full", [*only, engine], settings)
    assert "graph" not in manifest.model_dump_json()


def test_a_graph_that_does_not_answer_fails_the_backup_without_its_password(
    database, storage, only, settings, bolt
):
    for login, words in (
        (replace(bolt.login(), password="wrong-secret"), "graph"),
        (replace(bolt.login(), database="nowhere"), "nowhere"),
        (replace(bolt.login(), uri="nonsense://graph"), "nonsense"),
    ):
        with pytest.raises(BackupError, match=words) as caught:
            create_backup(database, storage, "full", [*only, GraphEngine(login)], settings)
        assert "wrong-secret" not in str(caught.value)
    assert list(storage.list("")) == []


def test_a_text_that_is_not_whole_is_damaged(graph):
    graph.ask("CREATE (:A {x: 1})-[:B]->(:A)")
    export = GraphExport(graph)
    lines = b"".join(export.chunks()).splitlines(keepends=True)
    assert len(lines) == 5
    for text, words in (
        (lines[:-1], "ends too early"),
        ([*lines[:-1], lines[-1][:-3]], "no JSON"),
        (lines[:2] + lines[3:], "are missing"),
        (lines[1:], "no exported graph"),
        ([*lines, lines[1]], "something follows"),
        ([lines[0], b'["other"]\n', lines[-1]], "no line of"),
        ([lines[0], b'{"a": 1}\n'], "no array"),
    ):
        sums = ContentSums()
        with pytest.raises(BackupDamagedError, match=words):
            for line, row in read_rows(text):
                sums.add(line, row)
    assert json.loads(lines[-1]) == ["end", 2, 1]


def test_a_label_that_may_be_read_as_another_one_or_is_ours_fails_the_export(graph):
    graph.ask("CREATE (n:`a\\\\u0060b`)")
    with pytest.raises(BackupError, match="rename it"):
        b"".join(GraphExport(graph).chunks())
    graph.ask("MATCH (n) DELETE n")
    graph.ask("CREATE (:A {_tradeops_key: 'mine'})")
    assert b'"_tradeops_key":"mine"' in b"".join(GraphExport(graph).chunks())
    graph.ask("CREATE (:_TradeopsRestored {_tradeops_key: 'ours'})")
    with pytest.raises(BackupError, match="only restores may give"):
        b"".join(GraphExport(graph).chunks())


def test_a_login_is_read_from_a_connection(bolt):
    fields = {
        "conn_host": "graph",
        "conn_port": 7687,
        "conn_schema": None,
        "conn_login": None,
        "conn_password": None,
    }
    engine = GraphEngine.find(Settings(), type("Has", (), {"connection": lambda _, name: fields})())
    assert (engine.login.uri, engine.login.database, engine.login.user) == ("bolt://graph:7687", "neo4j", "")
    fields |= {"conn_host": "neo4j+s://x.databases.neo4j.io/", "conn_port": None, "conn_schema": "trades"}
    engine = GraphEngine.find(Settings(), type("Has", (), {"connection": lambda _, name: fields})())
    assert (engine.login.uri, engine.login.database) == ("neo4j+s://x.databases.neo4j.io", "trades")
    fields["conn_host"] = ""
    engine = GraphEngine.find(Settings(), type("Has", (), {"connection": lambda _, name: fields})())
    with pytest.raises(BackupError, match="names no host"), open_graph(engine.login):
        pass
