"""Exports: every digit and every character comes back, from every format and place."""

import csv
import hashlib
import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from psycopg.sql import SQL

from include.storage import Storage, StorageError, open_storage
from include.trades.export import ExportRequest, export_trades
from include.trades.export_formats import Column, measure
from include.trades.trade_filter import TradeRequestError
from tests.support.replays import settle
from tests.support.stores import BUCKET, moto_s3, rclone_folder, rclone_s3
from tests.support.trades import START, USER, insert, rising, rows, run, store

__all__ = ["moto_s3", "rclone_folder", "rclone_s3"]  # fixtures

TODAY = date(2026, 11, 20)
OTHER = "00000000-0000-0000-0000-000000000002"
DANGEROUS = ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(1)", "\t=1", "\r=1", "  =1", "＝1", "\n1"]
ODD = 'a "quoted", text;\nof two lines \\ with ü, 日本 and \x01\x02 \u202e \\N'


def export(database, storage: Storage, *, file_rows: int = 1000, name: str = "run 1", **form) -> dict:
    request = ExportRequest.read(form, TODAY, [storage.location])
    return export_trades(
        database, storage, request, name, file_rows=file_rows, requested_by="ann", run_url="http://run"
    )


def content(storage: Storage, key: str) -> bytes:
    return b"".join(storage.read(key))


def read(storage: Storage, manifest: dict) -> list[dict]:
    """All rows of an export, as its format gives them."""
    from pyarrow import parquet

    found: list[dict] = []
    for file in manifest["files"]:
        data = content(storage, file["key"])
        if manifest["format"] == "csv":
            found += csv.DictReader(io.StringIO(data.decode(), newline=""))
        elif manifest["format"] == "json":
            found += json.loads(data)
        else:
            found += parquet.read_table(io.BytesIO(data)).to_pylist()
    return found


@pytest.fixture
def folder(tmp_path) -> Storage:
    return open_storage(str(tmp_path))


@pytest.fixture
def trades(database):
    """A settled trade with odd values, and one that is active."""
    store(database, rising())
    later = {"generated_at": START + timedelta(minutes=1), "expires_at": datetime(2099, 1, 1, tzinfo=UTC)}
    insert(database, {}, {"user_id": OTHER, "symbol": "ETH", **later})
    settle(database)
    run(database, "UPDATE trade_signals SET ai_reasoning = :odd, market_condition = ''", odd=ODD)
    run(
        database,
        "UPDATE trade_results SET net_profit_loss = -12345678901234.123456789012345678, "
        "gross_profit_loss = 0.00000000000000000000000123",
    )
    return database


def test_csv_holds_every_digit_and_character_and_negative_numbers_stay_numbers(trades, folder):
    settled, active = read(folder, export(trades, folder))
    assert settled["net_profit_loss"] == "-12345678901234.123456789012345678"
    assert settled["gross_profit_loss"] == "0.00000000000000000000000123"
    assert settled["ai_reasoning"] == ODD
    assert settled["entry_at"] == "2026-03-02T12:00:00.000000Z"
    assert (settled["tp1_hit"], settled["sl_hit"]) == ("true", "false")
    assert settled["unseen_candles"] == "0"
    assert settled["user_id"] == str(USER)
    assert (active["status"], active["net_profit_loss"], active["tp1_hit"]) == ("active", "", "")


def test_json_is_a_document_with_a_trade_a_line(trades, folder):
    manifest = export(trades, folder, format="json")
    settled, active = read(folder, manifest)
    assert settled["net_profit_loss"] == "-12345678901234.123456789012345678"
    assert settled["ai_reasoning"] == ODD
    assert settled["entry_at"] == "2026-03-02T12:00:00.000000Z"
    assert (settled["tp1_hit"], settled["time_to_completion_minutes"]) == (True, 29)
    assert settled["unseen_candles"] == 0
    assert (active["net_profit_loss"], active["market_condition"]) == (None, "")
    lines = content(folder, manifest["files"][0]["key"]).splitlines()
    assert [json.loads(line.rstrip(b",")) for line in lines[1:-1]] == [settled, active]


def test_parquet_has_types_and_row_groups_and_exact_decimals(trades, folder, monkeypatch):
    import pyarrow as pa
    from pyarrow import parquet

    monkeypatch.setattr("include.trades.export_formats.GROUP_BYTES", 10)
    manifest = export(trades, folder, format="parquet")
    settled, active = read(folder, manifest)
    assert settled["net_profit_loss"] == Decimal("-12345678901234.123456789012345678")
    assert settled["gross_profit_loss"] == Decimal("0.00000000000000000000000123")
    assert settled["ai_reasoning"] == ODD
    assert settled["entry_at"] == START
    assert (settled["tp1_hit"], settled["time_to_completion_minutes"]) == (True, 29)
    assert settled["unseen_candles"] == 0
    assert (active["net_profit_loss"], active["market_condition"]) == (None, "")
    file = parquet.ParquetFile(io.BytesIO(content(folder, manifest["files"][0]["key"])))
    assert file.num_row_groups == 2
    assert file.schema_arrow.field("net_profit_loss").type == pa.decimal128(38, 18)
    assert file.schema_arrow.field("gross_profit_loss").type == pa.decimal128(38, 26)
    assert file.schema_arrow.field("completed_at").type == pa.timestamp("us", "UTC")
    types = {column["name"]: column["type"] for column in manifest["columns"]}
    assert types["gross_profit_loss"] == "number(38, 26)"
    assert types["ai_reasoning"] == "text"


def test_numbers_too_wide_for_128_bits_take_256(trades, folder):
    wide = Decimal("1" * 30 + ".123456789012345678")
    run(trades, f"UPDATE trade_results SET net_profit_loss = {wide}")
    assert read(folder, export(trades, folder, format="parquet"))[0]["net_profit_loss"] == wide


def test_what_is_no_number_is_told_and_left_empty_in_parquet_only(trades, folder):
    run(trades, "UPDATE trade_signals SET entry_price = 'NaN', stop_loss = '-Infinity' WHERE symbol = 'ETH'")
    manifest = export(trades, folder, format="parquet")
    assert manifest["numbers_left_empty"] == 2
    assert read(folder, manifest)[1]["entry_price"] is None
    assert read(folder, export(trades, folder, format="json"))[1]["entry_price"] == "NaN"
    assert read(folder, export(trades, folder))[1]["stop_loss"] == "-Infinity"


@pytest.mark.parametrize(
    ("numbers", "digits"),
    [
        ("", (20, 18, 0)),
        ("NULL", (20, 18, 0)),
        ("-12.5, 0.1, NULL", (20, 18, 0)),
        ("0.12345678901234567890, 1", (18, 20, 0)),
        ("-1e37, 0.5", (38, 18, 0)),
        ("1e38, 7, 0.5", (20, 18, 1)),
        ("'NaN', NULL, 7, '-Infinity', 'Infinity'", (20, 18, 3)),
        ("1e-39, -99", (20, 18, 1)),
        ("1e-38, -99", (2, 38, 0)),
    ],
)
def test_numbers_are_measured_as_wide_as_those_that_parquet_holds(database, numbers, digits):
    with database.connect() as connection, connection.connection.driver_connection.cursor() as cursor:
        query = SQL("SELECT unnest(ARRAY[{}]::numeric[]) AS number").format(SQL(numbers))
        (column,), odd = measure(cursor, query, {}, [Column("number", "number")])
    assert (column.whole, column.scale, odd) == digits
    assert column.odd == odd


def test_the_ends_of_time_and_microseconds_reach_parquet(trades, folder):
    times = ("0001-01-01 00:00:00+00", "1969-12-31 23:59:59.000001+00", "9999-12-31 23:59:59.999999+00")
    for told in times:
        run(trades, f"UPDATE trade_results SET entry_at = '{told}'")
        assert read(folder, export(trades, folder, format="parquet"))[0]["entry_at"] == (
            datetime.fromisoformat(told)
        )
    for strange in ("infinity", "10000-01-01Z", "0001-12-31 23:59:59Z BC"):
        run(trades, f"UPDATE trade_results SET entry_at = '{strange}'")
        assert read(folder, export(trades, folder, format="parquet"))[0]["entry_at"] is None


def test_no_text_is_a_formula_in_a_spreadsheet(database, folder):
    for number, cell in enumerate(DANGEROUS):
        (trade,) = insert(database, {"generated_at": START + timedelta(minutes=number)})
        run(
            database,
            "UPDATE trade_signals SET ai_reasoning = :cell, status_reason = :cell "
            "WHERE id = CAST(:id AS uuid)",
            cell=cell,
            id=trade,
        )
    found = read(folder, export(database, folder))
    assert [row["ai_reasoning"] for row in found] == ["'" + cell for cell in DANGEROUS]
    assert [row["status_reason"] for row in found] == ["'" + cell for cell in DANGEROUS]
    as_json = read(folder, export(database, folder, format="json"))
    assert [row["ai_reasoning"] for row in as_json] == DANGEROUS


def test_json_has_every_text_as_it_was(database, folder):
    """Among them the character that stands between values on their way, and what JSON escapes."""
    texts = ["\x02", '\x02"\x02\\', "\x01\b\t\n\f\r\x1f\x7f", "null", "", '\\"', "%s é😀\u2028", "\\", None]
    for number, text in enumerate(texts):
        (trade,) = insert(database, {"generated_at": START + timedelta(minutes=number)})
        run(
            database,
            "UPDATE trade_signals SET ai_reasoning = :text, market_condition = :text "
            "WHERE id = CAST(:id AS uuid)",
            text=text,
            id=trade,
        )
    found = read(folder, export(database, folder, format="json"))
    assert [(row["ai_reasoning"], row["market_condition"]) for row in found] == [
        (text, text) for text in texts
    ]


@pytest.mark.parametrize("file_format", ["csv", "json", "parquet"])
def test_large_exports_are_split_and_the_manifest_names_all(database, folder, file_format):
    ids = insert(database, *[{"generated_at": START + timedelta(minutes=n)} for n in range(10)])
    for file_rows, sizes in [(4, [4, 4, 2]), (5, [5, 5]), (99, [10])]:
        manifest = export(database, folder, format=file_format, file_rows=file_rows)
        assert [row["id"] for row in read(folder, manifest)] == ids, "oldest first, none twice, none missing"
        assert [file["rows"] for file in manifest["files"]] == sizes
        assert manifest["rows"] == 10
        for number, file in enumerate(manifest["files"], 1):
            data = content(folder, file["key"])
            assert file["key"] == f"run-1/trades-{number:05}.{file_format}"
            assert (file["bytes"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        stored = json.loads(content(folder, "run-1/manifest.json"))
        assert stored == {name: value for name, value in manifest.items() if name != "location"}
        assert (stored["requested_by"], stored["run_url"], stored["filter"]) == ("ann", "http://run", {})


def test_an_export_of_nothing_is_a_file_without_rows(database, folder):
    for file_format in ("csv", "json", "parquet"):
        manifest = export(database, folder, format=file_format)
        assert (manifest["rows"], len(manifest["files"])) == (0, 1)
        assert read(folder, manifest) == []
        assert manifest["files"][0]["bytes"] > 0


@pytest.mark.parametrize("store", ["moto_s3", "rclone_s3"])
def test_an_object_store_holds_the_same(trades, folder, request, store):
    remote = open_storage(f"s3://{BUCKET}/{store}", request.getfixturevalue(store))
    for file_format in ("csv", "json", "parquet"):
        there, here = (export(trades, place, format=file_format) for place in (remote, folder))
        assert read(remote, there) == read(folder, here)
        assert [file["sha256"] for file in there["files"]] == [file["sha256"] for file in here["files"]]


def test_again_replaces_the_files_and_leaves_none_of_the_former(database, folder):
    insert(database, *[{} for _ in range(10)])
    export(database, folder, file_rows=2)
    run(database, "DELETE FROM trade_signals WHERE id IN (SELECT id FROM trade_signals LIMIT 7)")
    export(database, folder, file_rows=2)
    assert [stored.key for stored in folder.list()] == [
        "run-1/manifest.json", "run-1/trades-00001.csv", "run-1/trades-00002.csv",
    ]  # fmt: skip


def test_an_export_that_dies_in_the_middle_has_no_manifest(database, folder, monkeypatch):
    insert(database, *[{} for _ in range(10)])
    export(database, folder, file_rows=2)
    real, calls = folder.write, []

    def fail_at_the_third(key, chunks, **named):
        calls.append(key)
        if len(calls) == 3:
            raise StorageError("the disk is full: \ud800\x00")
        return real(key, chunks, **named)

    monkeypatch.setattr(folder, "write", fail_at_the_third)
    with pytest.raises(StorageError, match="the disk is full"):
        export(database, folder, file_rows=2)
    assert folder.stat("run-1/manifest.json") is None
    assert rows(database, "SELECT error FROM exports") == [("the disk is full: ?�",)]
    monkeypatch.undo()
    assert export(database, folder, file_rows=2)["rows"] == 10
    assert rows(database, "SELECT 1") == [(1,)], "the connection was left in order"


def test_all_files_show_one_moment(database, folder, monkeypatch):
    insert(database, *[{"generated_at": START + timedelta(minutes=n)} for n in range(4)])
    real = folder.write

    def change_meanwhile(key, chunks, **named):
        run(database, "UPDATE trade_signals SET symbol = 'CHANGED'")
        return real(key, chunks, **named)

    monkeypatch.setattr(folder, "write", change_meanwhile)
    assert {row["symbol"] for row in read(folder, export(database, folder, file_rows=1))} == {"BTC"}


def test_the_filter_chooses_by_the_day_of_the_proposal(trades, folder):
    for form, symbols in [
        ({"users": [OTHER]}, ["ETH"]),
        ({"symbols": ["BTC"]}, ["BTC"]),
        ({"first_day": "2026-03-02", "last_day": "2026-03-02"}, ["BTC", "ETH"]),
        ({"first_day": "2026-03-03"}, []),
        ({"last_day": "2026-03-01"}, []),
    ]:
        assert [row["symbol"] for row in read(folder, export(trades, folder, **form))] == symbols, form


def test_names_that_no_trade_has_are_refused_before_a_file_is_written(trades, folder):
    with pytest.raises(TradeRequestError, match="no trade has the symbol DOGE"):
        export(trades, folder, symbols=["BTC", "DOGE"])
    assert list(folder.list()) == []
