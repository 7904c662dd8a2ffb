"""Exports and replays as pages: listed, paged, downloaded as they were written; a replay's differences."""

import hashlib
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from include.storage import open_storage
from include.trades.export import ExportRequest, export_trades
from include.trades.export_records import list_exports_and_replays
from include.trades.trade_filter import TradeRequestError, filter_text
from include.web import build_app
from tests.support.pages import page
from tests.support.replays import TODAY, correct, replay, settle
from tests.support.stores import BUCKET, moto_s3
from tests.support.trades import insert, rising, run, store
from tests.support.web import desk_host, find_person

__all__ = ["moto_s3"]  # a fixture
RUN = "manual__2026-11-20T09:30:00+00:00"
LIST = "/tradeops/exports"
AS_OPERATOR = {"Authorization": "Bearer operator"}
NASTY = '<script>alert("x")</script>'


def export(database, storage, name=RUN, *, file_rows=1000, who="ann", **form):
    request = ExportRequest.read(form, TODAY, [storage.location])
    return export_trades(
        database, storage, request, name, file_rows=file_rows, requested_by=who,
        run_url="http://airflow/run",
    )  # fmt: skip


def at(name: str) -> str:
    return f"{LIST}/{quote(name, safe='')}"


def download(client, path: str, status: int = 200):
    answer = client.get(path, headers=AS_OPERATOR)
    assert answer.status_code == status, answer.text
    return answer


def served(database, *locations: str, access=None) -> TestClient:
    """The pages, with these places for exports."""

    @contextmanager
    def open_database():
        yield database

    host = replace(desk_host(export_locations=locations), storage=lambda root: open_storage(root, access))
    server = FastAPI()
    server.mount("/tradeops", build_app(open_database, [], find_person, host))
    return TestClient(server)


@pytest.fixture
def client(database, tmp_path) -> TestClient:
    return served(database, str(tmp_path))


@pytest.fixture
def folder(tmp_path):
    return open_storage(str(tmp_path))


@pytest.fixture
def settled(database):
    store(database, rising())
    insert(database, {}, {"symbol": "ETH"})
    settle(database)
    return database


def test_without_any_the_list_says_what_they_are(client):
    shown = page(client, LIST)
    assert "none yet" in shown.words
    assert {"/tradeops/start/export_trades", "/tradeops/start/replay_trades"} <= set(shown.links)


def test_an_export_is_listed_and_its_files_are_those_that_were_written(client, settled, folder):
    done = export(settled, folder, file_rows=1, symbols=["BTC", "ETH"])
    shown = page(client, LIST)
    for part in ("ann", "BTC, ETH", "done", "2 files", "csv"):
        assert part in shown.words
    assert {at(RUN), "http://airflow/run"} <= set(shown.links)
    links = page(client, at(RUN)).links
    for number, file in enumerate(done["files"], 1):
        path = f"{at(RUN)}/files/{number}"
        assert path in links
        answer = download(client, path)
        assert hashlib.sha256(answer.content).hexdigest() == file["sha256"]
        assert answer.headers["content-length"] == str(file["bytes"])
        assert f"trades-0000{number}.csv" in answer.headers["content-disposition"]
    assert download(client, f"{at(RUN)}/manifest").json()["rows"] == 2
    download(client, f"{at(RUN)}/files/3", 404)
    download(client, f"{at(RUN)}/files/0", 404)
    download(client, f"{at(RUN)}/files/x", 422)


def test_an_export_in_an_object_store_comes_through_this_server(settled, moto_s3):
    storage = open_storage(f"s3://{BUCKET}/taxes", moto_s3)
    export(settled, storage)
    client = served(settled, storage.location, access=moto_s3)
    answer = download(client, f"{at(RUN)}/files/1")
    assert answer.content.count(b"\n") == 3


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer viewer"}], ids=["nobody", "viewer"])
def test_a_file_is_for_people_who_may_make_one(client, settled, folder, headers):
    export(settled, folder)
    for path in (f"{at(RUN)}/files/1", f"{at(RUN)}/manifest"):
        assert client.get(path, headers=headers).status_code == 403


def test_what_is_gone_or_no_place_any_more_is_said(settled, folder, client):
    done = export(settled, folder)
    folder.delete(done["files"][0]["key"])
    assert "another machine" in download(client, f"{at(RUN)}/files/1", 404).text
    assert "none of the places" in download(served(settled, "/other"), f"{at(RUN)}/files/1", 502).text


def test_an_export_that_failed_says_why_and_one_that_died_that_it_did(client, settled, folder):
    with pytest.raises(TradeRequestError):
        export(settled, folder, "wrong", symbols=["DOGE"])
    export(settled, folder, "dead")
    run(
        settled,
        "UPDATE exports SET started_at = now() - interval '2 hours', ended_at = NULL, rows = NULL, "
        "files = NULL, bytes = NULL WHERE id = 'dead'",
    )
    shown = page(client, LIST).words
    assert "no trade has the symbol DOGE" in shown
    assert "died" in shown
    for name in ("wrong", "dead"):
        download(client, f"{at(name)}/files/1", 404)
        download(client, f"{at(name)}/manifest", 404)
    export(settled, folder, "dead")
    assert "died" not in page(client, LIST).words, "cleared, it is written again"


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_replay_shows_its_differences(client, settled, dry_run):
    correct(settled)
    report = replay(settled, "replay 1", dry_run=dry_run)
    listed = page(client, LIST)
    assert ("1 would change" if dry_run else "1 changed") in listed.words
    shown = page(client, "/tradeops/replays/replay%201")
    largest = report["largest"][0]
    for part in ("ann", "the archive was wrong", "BTC", largest["net_before"], largest["net_after"]):
        assert part.removeprefix("-") in shown.words
    assert f"/tradeops/trades/{largest['id']}" in shown.links
    poor = page(client, "/tradeops/replays/replay%201?outcome=poor_data").words
    assert "ETH" in poor
    assert "no candle in the window" in poor
    assert (
        any("/start/replay_trades?redo=settlement&dry_run=false" in link for link in shown.links) == dry_run
    )


def test_pages_follow_each_other_without_a_gap_whatever_the_times(client, database):
    run(
        database,
        "INSERT INTO exports (id, requested_by, format, filter, root, folder, run_url, started_at) "
        "SELECT 'export ' || n, 'ann', 'csv', '{}', '/x', 'y', 'http://run', CAST(:at AS timestamptz) "
        "FROM generate_series(1, 60) AS n",
        at=datetime(2026, 11, 20, tzinfo=UTC),
    )
    run(
        database,
        "INSERT INTO replays (id, requested_by, dry_run, redo, filter, settings, run_url, started_at) "
        "SELECT 'export ' || n, 'ben', true, '{settlement}', '{}', '{}', 'http://run', "
        "CAST(:at AS timestamptz) FROM generate_series(1, 60) AS n",
        at=datetime(2026, 11, 20, tzinfo=UTC),
    )
    seen, path = [], LIST
    while path:
        shown = page(client, path)
        seen += [link for link in shown.links if "/exports/export" in link or "/replays/export" in link]
        path = next((link for link in shown.links if "behind=" in link), None)
    assert len(seen) == len(set(seen)) == 120
    assert "ben" not in page(client, f"{LIST}?kind=export").words
    assert len(page(client, f"{LIST}?who=ben&kind=replay").links) > 50


@pytest.mark.parametrize(
    "query",
    ["kind=x", "who=%00", f"who={'x' * 10_000}", "behind=x", "behind=2026-01-01~export~a", "who=%ED%A0%80",
     "behind=12026-01-01T00:00:00%2B00:00~export~a", "behind=2026-01-01T00:00:00%2B00:00~x~a"],
)  # fmt: skip
def test_a_wrong_value_is_refused_in_words(client, query):
    assert client.get(f"{LIST}?{query}").status_code in (200, 422)
    if not query.startswith("who=%ED"):
        assert client.get(f"{LIST}?{query}").status_code == 422


@pytest.mark.parametrize("path", ["replays/no", "exports/no", "exports/no/files/1", "replays/%00"])
def test_what_is_not_there_is_said(client, path):
    assert client.get(f"/tradeops/{path}", headers=AS_OPERATOR).status_code in (404, 422)


def test_what_people_typed_is_text(client, settled, folder):
    export(settled, folder, who=NASTY)
    replay(settled, NASTY, reason=NASTY)
    for path in (LIST, at(RUN), f"/tradeops/replays/{quote(NASTY, safe='')}"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert NASTY not in answer.text


def test_the_list_reads_no_more_than_a_page(database):
    run(
        database,
        "INSERT INTO exports (id, requested_by, format, filter, root, folder, run_url, started_at) "
        "SELECT n::text, 'ann', 'csv', '{}', '/x', 'y', 'http://run', now() - n * interval '1 minute' "
        "FROM generate_series(1, 5000) AS n",
    )
    with database.begin() as connection:
        connection.exec_driver_sql("ANALYZE exports")
        before = connection.exec_driver_sql(
            "SELECT coalesce(sum(seq_tup_read), 0) FROM pg_stat_xact_user_tables WHERE relname = 'exports'"
        ).scalar_one()
        assert len(list_exports_and_replays(connection, limit=51)) == 51
        after = connection.exec_driver_sql(
            "SELECT coalesce(sum(seq_tup_read), 0) FROM pg_stat_xact_user_tables WHERE relname = 'exports'"
        ).scalar_one()
    assert after == before, "it goes by the index"


def test_a_filter_is_said_in_words():
    assert filter_text({}) == "all trades"
    assert filter_text({"symbols": ["BTC"], "first_day": "2026-11-01"}) == "BTC; from 2026-11-01"
    assert filter_text({"statuses": ["incomplete_data"], "users": ["a", "b"]}) == "incomplete data; 2 users"
