"""Exports through the API: whole files, the same rows as a list, safe cells; large ones by a run."""

import csv
import io
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from include.trades import export_stream
from include.trades.export_stream import stream_trades
from include.trades.selection import TradeSelection
from tests.support.reading import insert_whole
from tests.support.rows import insert_signal
from tests.support.web import ANNA, BERT

EXPORT = "/api/atge/export"


def rows_of(answer, file_format="csv"):
    if file_format == "json":
        return answer.json()
    if file_format == "parquet":
        return pq.read_table(io.BytesIO(answer.content)).to_pylist()
    return list(csv.DictReader(io.StringIO(answer.text)))


@pytest.mark.parametrize("file_format", ["csv", "json", "parquet"])
def test_a_file_holds_the_callers_trades_with_their_results(api, database, file_format):
    first = insert_whole(database, symbol="BTC", generated_at="2026-03-01Z", net=12.5)
    second = insert_whole(database, symbol="ETH", generated_at="2026-03-02Z")
    insert_whole(database, user=BERT)
    client = api.with_key()
    answer = client.get(EXPORT, params={"format": file_format})
    assert answer.status_code == 200
    assert file_format in answer.headers["Content-Type"]
    assert f"trades.{file_format}" in answer.headers["Content-Disposition"]
    rows = rows_of(answer, file_format)
    assert [str(row["id"]) for row in rows] == [str(first), str(second)]
    assert float(rows[0]["net_profit_loss"]) == 12.5
    for parameters, found in (
        ({"symbol": "ETH"}, [second]),
        ({"endDate": "2026-03-01"}, [first]),
        ({"startDate": "2026-03-01T00:00:00.000001Z"}, [second]),
        ({"status": "active"}, []),
        ({"timeframe": "1h"}, [first, second]),
    ):
        answer = client.get(EXPORT, params={"format": file_format, **parameters})
        assert [str(row["id"]) for row in rows_of(answer, file_format)] == [str(one) for one in found]


def test_each_exports_their_own_trades_only(api, database):
    for user in (ANNA, BERT):
        insert_whole(database, user=user)
    assert [row["user_id"] for row in rows_of(api.with_key(user=BERT).get(EXPORT))] == [str(BERT)]
    assert api.with_key().get(EXPORT, params={"userId": str(BERT)}).status_code == 404
    assert len(rows_of(api.as_person("viewer").get(EXPORT))) == 2
    assert len(rows_of(api.as_person("viewer").get(EXPORT, params={"userId": str(ANNA)}))) == 1


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\t=1", " =1", '=HYPERLINK("http://x","y")'])
def test_no_cell_is_a_formula(api, database, cell):
    insert_whole(database, ai_reasoning=cell, symbol=cell)
    (row,) = rows_of(api.with_key().get(EXPORT))
    assert (row["ai_reasoning"], row["symbol"]) == (f"'{cell}", f"'{cell}")
    assert rows_of(api.with_key().get(EXPORT, params={"format": "json"}), "json")[0]["symbol"] == cell


def test_odd_rows_are_exported(api, database):
    insert_whole(database, net="NaN", generated_at="infinity", expires_at="12026-01-01Z", entry_price="1e400")
    for file_format in ("csv", "json", "parquet"):
        (row,) = rows_of(api.with_key().get(EXPORT, params={"format": file_format}), file_format)
        assert not row["generated_at"]


def test_more_than_the_setting_are_written_by_a_run(serve, database):
    for symbol in ("BTC", "BTC", "ETH"):
        insert_whole(database, symbol=symbol, generated_at="2026-03-01 12:00Z")
    api = serve(api_export_rows=1, export_locations=("/exports",))
    client = api.with_key("read", "write")
    window = {"startDate": "2026-03-01", "endDate": "2026-03-01", "symbol": "BTC", "format": "parquet"}
    answer = client.get(EXPORT, params=window)
    assert answer.status_code == 202
    ((dag, _),) = api.runs.started
    (conf,) = api.runs.started.values()
    assert dag == "export_trades"
    assert conf == {
        "format": "parquet", "first_day": "2026-03-01", "last_day": "2026-03-01", "symbols": ["BTC"],
        "users": [str(ANNA)],
    }  # fmt: skip
    status = client.get(answer.json()["statusUrl"])
    assert (status.status_code, status.json()["dagId"]) == (200, "export_trades")
    assert api.with_key(user=BERT).get(answer.json()["statusUrl"]).status_code == 404
    assert client.get(EXPORT, params={**window, "symbol": "ETH"}).status_code == 200
    half = client.get(EXPORT, params={"startDate": "2026-03-01T11:00:00Z"})
    assert half.status_code == 422
    assert "whole days" in half.json()["error"]


def test_a_large_export_without_a_place_is_refused_in_words(serve, database):
    insert_whole(database)
    insert_whole(database)
    answer = serve(api_export_rows=1, export_locations=()).with_key().get(EXPORT)
    assert answer.status_code == 409
    assert "place" in answer.json()["error"]


def test_the_form_of_a_run_means_the_same_trades(database):
    """What the DAG's filter makes of it chooses what the stream chooses."""
    from include.trades.export import ExportFilter

    end = datetime(2026, 3, 2, tzinfo=UTC)
    selection = TradeSelection(ANNA, "BTC", "expired", "4h", datetime(2026, 3, 1, tzinfo=UTC), end)
    form = export_stream.as_export_form(selection, "csv")
    read = ExportFilter.read(form, datetime(2026, 11, 1, tzinfo=UTC).date())
    assert read.parameters() == export_stream._chosen(selection)


def test_only_so_many_are_streamed_at_once(api, database):
    with database.begin() as connection:
        for _ in range(2):
            insert_signal(connection, user_id=ANNA, ai_reasoning="x" * 2_000_000)
    streams = [stream_trades(database, TradeSelection(), "csv") for _ in range(export_stream.MOST_STREAMS)]
    for stream in streams:
        next(stream)
    answer = api.with_key().get(EXPORT)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")
    streams.pop().close()  # a reader who went away
    assert len(api.with_key().get(EXPORT).content) > 4_000_000
    for stream in streams:
        stream.close()
    with database.connect() as connection:
        locks = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = :lock")
        assert connection.execute(locks, {"lock": export_stream.LOCK}).scalar_one() == 0


def test_a_wrong_format_is_named(api):
    answer = api.with_key().get(EXPORT, params={"format": "xlsx"})
    assert answer.status_code == 422
    assert [one["parameter"] for one in answer.json()["errors"]] == ["format"]
