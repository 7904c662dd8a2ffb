"""Exports of trades with times of no calendar: left empty and counted in every format."""

import pytest

from include.storage import open_storage
from tests.support.trades import insert, run
from tests.trades.test_export import export, read

FORMATS = ("csv", "json", "parquet")
STRANGE = ("infinity", "-infinity", "0585-05-28 18:00Z BC", "10000-01-01 00:00Z", "47000-01-01 00:00Z")


@pytest.fixture
def folder(tmp_path):
    return open_storage(str(tmp_path))


@pytest.mark.parametrize("column", ["generated_at", "expires_at", "completed_at"])
@pytest.mark.parametrize("at", STRANGE)
@pytest.mark.parametrize("file_format", FORMATS)
def test_a_time_that_no_file_can_hold_is_left_empty_and_counted(database, folder, file_format, at, column):
    odd, _ = insert(database, {"symbol": "BTC"}, {"symbol": "ETH"})
    run(database, "UPDATE trade_signals SET completed_at = '2026-03-05 10:00Z'")
    run(database, f"UPDATE trade_signals SET {column} = '{at}' WHERE id = CAST(:id AS uuid)", id=odd)
    manifest = export(database, folder, format=file_format)
    assert (manifest["rows"], manifest["times_left_empty"]) == (2, 1)
    by_symbol = {row["symbol"]: row for row in read(folder, manifest)}
    assert not by_symbol["BTC"][column]
    assert str(by_symbol["ETH"]["completed_at"]).replace(" ", "T").startswith("2026-03-05T10:00:00")


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("at", ["0001-01-01 00:00:00Z", "9999-12-31 23:59:59.999999Z"])
def test_the_first_and_the_last_moment_of_the_calendar_are_written(database, folder, file_format, at):
    (trade,) = insert(database, {})
    run(database, f"UPDATE trade_signals SET completed_at = '{at}' WHERE id = CAST(:id AS uuid)", id=trade)
    manifest = export(database, folder, format=file_format)
    assert manifest["times_left_empty"] == 0
    (row,) = read(folder, manifest)
    assert str(row["completed_at"])[:19].replace(" ", "T") == at[:19].replace(" ", "T")


def test_times_of_results_are_counted_too(database, folder):
    ids = insert(database, {}, {})
    for trade in ids:
        run(
            database,
            "INSERT INTO trade_results (trade_signal_id, entry_at, exit_at, tp1_hit_at) "
            "VALUES (CAST(:id AS uuid), 'infinity', '-infinity', '2026-03-01Z')",
            id=trade,
        )
    assert export(database, folder)["times_left_empty"] == 4


def test_a_window_leaves_out_what_lies_at_no_time(database, folder):
    insert(database, {})
    run(database, "UPDATE trade_signals SET generated_at = 'infinity'")
    assert export(database, folder)["rows"] == 1
    assert export(database, folder, first_day="2026-01-01", last_day="2026-11-20")["rows"] == 0


@pytest.mark.parametrize("number", ["1e38", "-1e300", "7e-39", "'NaN'", "'-Infinity'"])
def test_a_number_that_parquet_cannot_hold_is_left_empty_and_counted(database, folder, number):
    for trade in insert(database, {"symbol": "BTC"}, {"symbol": "ETH"}):
        run(
            database,
            "INSERT INTO trade_results (trade_signal_id, net_profit_loss) VALUES (CAST(:id AS uuid), 5)",
            id=trade,
        )
    odd = "SELECT id FROM trade_signals WHERE symbol = 'BTC'"
    run(database, f"UPDATE trade_results SET net_profit_loss = {number} WHERE trade_signal_id = ({odd})")
    manifest = export(database, folder, format="parquet")
    assert (manifest["rows"], manifest["numbers_left_empty"]) == (2, 1)
    by_symbol = {row["symbol"]: row["net_profit_loss"] for row in read(folder, manifest)}
    assert by_symbol == {"BTC": None, "ETH": 5}
    assert "5" in {row["net_profit_loss"] for row in read(folder, export(database, folder))}
