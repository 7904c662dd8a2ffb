"""A graph is restored to what it was, wherever that dies; what is there is kept; the drill."""

from pathlib import Path

import neo4j
import pytest

from include.backups.create import create_backup
from include.backups.graph.content import find_graph
from include.backups.graph.export import GraphExport
from include.backups.graph.load import find_mark, finish, load, prepare, remove_mark
from include.backups.graph.restore import complete_graph, drill_graph, plan_graph, restore_graph
from include.backups.graph.server import GraphServer
from include.backups.manifest import (
    BackupError,
    RestoredDiffersError,
    RestoreRefusedError,
)
from include.backups.read import open_backup
from include.backups.verify import verify_backup


def content(server):
    """Independent of the exporter: what a graph holds, without its ids, as sorted text."""
    nodes = server.ask("MATCH (n) RETURN labels(n) AS labels, properties(n) AS properties")
    relationships = server.ask(
        "MATCH (a)-[r]->(b) RETURN labels(a) AS la, properties(a) AS pa, type(r) AS type, "
        "properties(r) AS pr, labels(b) AS lb, properties(b) AS pb"
    )
    return sorted(
        repr(sorted((name, _plain(value)) for name, value in row.items())) for row in nodes + relationships
    )


def _plain(value):
    if isinstance(value, dict):
        return sorted((name, repr(one)) for name, one in value.items())
    return sorted(value) if isinstance(value, list) else value


def test_a_graph_is_exported_verified_and_restored_to_what_it_was(
    filled_graph, scratch, bolt, database, storage, sources_of, encrypting, identity
):
    manifest = create_backup(database, storage, "full", sources_of, encrypting)
    part, facts = find_graph(open_backup(storage, manifest.id))
    assert part.name == "graph.ndjson.zst.age" and manifest.left_out.count("graph") == 0
    assert {labels: found.count for labels, found in facts.nodes.items()} == {
        "": 1, "A b`c": 5, "Author:Person": 7, "Person": 25,
    }  # fmt: skip
    assert {name: found.count for name, found in facts.relationships.items()} == {"KNOWS": 43, "IS at": 1}
    assert any("person_id" in statement for statement in facts.schema_) and not facts.snapshot
    assert verify_backup(database, storage, manifest.id, identity).depth == "decoded"
    login = bolt.login("scratch")
    planned = plan_graph(storage, encrypting, login, manifest.id, identity=identity)
    assert "38 nodes and 44 relationships" in planned["words"] and "is empty now" in planned["words"]
    assert not planned["occupied"] and scratch.totals() == (0, 0), "a plan touches nothing"
    with pytest.raises(RestoreRefusedError, match="needs that private key"):
        plan_graph(storage, encrypting, login, manifest.id)
    for _ in range(2):  # a task that is run again
        restore_graph(storage, encrypting, login, planned, identity=identity)
    said = [complete_graph(storage, login, planned) for _ in range(2)]
    assert said[0] == said[1] and "38 nodes and 44 relationships" in said[0]
    assert content(scratch) == content(filled_graph)
    assert scratch.schema() == filled_graph.schema()
    assert scratch.markers() == []


def test_what_is_there_is_replaced_only_when_its_name_is_written(
    filled_graph, scratch, bolt, database, storage, sources_of, settings
):
    manifest = create_backup(database, storage, "full", sources_of, settings)
    login = bolt.login("scratch")
    planned = plan_graph(storage, settings, login, manifest.id)
    scratch.ask("CREATE (:Mine {id: 1})-[:OF]->(:Mine)")
    scratch.ask("CREATE INDEX mine IF NOT EXISTS FOR (n:Mine) ON (n.id)")
    mine = content(scratch)
    with pytest.raises(RestoreRefusedError, match="2 nodes and 1 relationship"):
        plan_graph(storage, settings, login, manifest.id)
    with pytest.raises(RestoreRefusedError, match="is scratch, not graph"):
        plan_graph(storage, settings, login, manifest.id, "graph")
    with pytest.raises(RestoreRefusedError, match="is not empty"):  # it was filled after the plan
        restore_graph(storage, settings, login, planned)
    assert content(scratch) == mine
    told = plan_graph(storage, settings, login, manifest.id, "scratch")
    assert told["occupied"] and "is deleted first" in told["words"]
    restore_graph(storage, settings, login, told)
    complete_graph(storage, login, told)
    assert content(scratch) == content(filled_graph) and scratch.schema() == filled_graph.schema()


class KilledError(BaseException):
    """The process dies here."""


def test_a_restore_that_dies_anywhere_goes_on_and_loads_nothing_twice(filled_graph, scratch, monkeypatch):
    export = GraphExport(filled_graph)
    text = b"".join(export.chunks())
    facts = export.facts()
    change, calls = GraphServer.change, []

    def dying(server, queries):
        calls.append(len(queries))
        if len(calls) % 4 == 1:
            raise KilledError  # before
        change(server, queries)
        if len(calls) % 4 == 2:
            raise KilledError  # after the commit, which nobody heard of
        if len(calls) % 4 == 3:
            raise neo4j.exceptions.ServiceUnavailable("the line was cut after the commit")

    monkeypatch.setattr(GraphServer, "change", dying)
    deaths = 0
    while True:
        try:
            prepare(scratch, "one", replace=False)
            load(scratch, "one", [text], facts, batch=9)
            break
        except KilledError:
            deaths += 1
            assert deaths < 50
    assert deaths > 3
    with pytest.raises(RestoreRefusedError, match="of one was not finished"):
        prepare(scratch, "two", replace=False)
    with pytest.raises(BackupError, match="a restore of one has not finished"):
        b"".join(GraphExport(scratch).chunks())
    finish(scratch, "one")
    remove_mark(scratch)
    assert content(scratch) == content(filled_graph)


def test_of_two_restores_at_once_the_later_fails(filled_graph, scratch):
    export = GraphExport(filled_graph)
    text = b"".join(export.chunks())
    prepare(scratch, "one", replace=False)

    def chunks():
        yield text[: len(text) // 2]
        load(scratch, "one", [text], export.facts())  # another process, meanwhile
        yield text[len(text) // 2 :]

    with pytest.raises(BackupError, match="another restore is at work"):
        load(scratch, "one", chunks(), export.facts(), batch=5)
    assert sum(scratch.totals()) == find_mark(scratch)["rows"] == 82


def test_what_differs_after_a_restore_is_named_and_left(filled_graph, scratch):
    export = GraphExport(filled_graph)
    text = b"".join(export.chunks())
    facts = export.facts()
    wrong = facts.model_copy(
        update={
            "nodes": {**facts.nodes, "Person": facts.nodes["Person"].model_copy(update={"sha256": "0" * 64})},
            "relationships": {"KNOWS": facts.relationships["KNOWS"].model_copy(update={"count": 44})},
            "schema_": (*facts.schema_, "CREATE INDEX other FOR (n:Other) ON (n.id)"),
        }
    )
    prepare(scratch, "one", replace=False)
    named = (
        "nodes Person: as many.*IS at: 1 instead of 0.*KNOWS: 43 instead of 44.*not there: CREATE INDEX other"
    )
    with pytest.raises(RestoredDiffersError, match=named):
        load(scratch, "one", [text], wrong)
    scratch.ask("MATCH (n:Person {id: 7}) SET n.name = 'another'")
    with pytest.raises(RestoredDiffersError, match="nodes Person: as many, with another content"):
        load(scratch, "one", [text], facts)


def test_the_drill_restores_compares_and_leaves_its_database_empty(
    filled_graph, scratch, bolt, database, storage, sources_of, settings
):
    graph, other = bolt.login(), bolt.login("scratch")
    assert drill_graph(database, storage, None, other) is None
    assert "no connection graph_scratch" in drill_graph(database, storage, graph, None).words
    assert "no backup of the graph" in drill_graph(database, storage, graph, other).findings[0]
    assert "leads to the graph itself" in drill_graph(database, storage, graph, graph).findings[0]
    manifest = create_backup(database, storage, "full", sources_of, settings)
    done = drill_graph(database, storage, graph, other)
    assert done.findings == () and "38 nodes and 44 relationships" in done.words
    assert scratch.totals() == (0, 0) and scratch.markers() == []
    prepare(scratch, "an earlier drill", replace=False)  # it died
    assert drill_graph(database, storage, graph, other).findings == ()
    scratch.ask("CREATE (:Mine)")
    assert "is not empty" in drill_graph(database, storage, graph, other).findings[0]
    assert scratch.totals() == (1, 0)
    scratch.ask("MATCH (n:Mine) DELETE n")
    path = Path(storage.location) / manifest.id / "manifest.json"
    path.write_text(path.read_text().replace('"count": 25', '"count": 24'))
    assert "nodes Person: 25 instead of 24" in drill_graph(database, storage, graph, other).findings[0]
    assert scratch.totals() == (0, 0)
