"""What a form may ask for, and what it is told otherwise."""

from datetime import UTC, date, datetime, timedelta

import pytest

from include.trades.export import ExportRequest
from include.trades.replay import ReplayRequest
from include.trades.trade_filter import TradeFilter, TradeRequestError
from tests.support.replays import FORM, begin, settle
from tests.support.trades import insert, rising, rows, store

TODAY = date(2026, 11, 20)
SOME_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"


def test_a_whole_form():
    form = {
        "first_day": "2026-11-01", "last_day": "2026-11-20", "symbols": ["BTC", " BTC", "", "ETH"],
        "users": [SOME_ID.upper()], "trade_ids": None,
    }  # fmt: skip
    found = TradeFilter.read(form, TODAY)
    assert (found.first_day, found.last_day) == (date(2026, 11, 1), TODAY)
    assert found.symbols == ("BTC", "ETH")
    assert [str(user) for user in found.users or ()] == [SOME_ID]
    assert found.trade_ids is None
    parameters = found.parameters()
    assert (parameters["first"], parameters["after"]) == (
        datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC),
    )  # fmt: skip
    assert found.as_json() == {
        "first_day": "2026-11-01", "last_day": "2026-11-20", "symbols": ["BTC", "ETH"], "users": [SOME_ID],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"first_day": "2026-11-02", "last_day": "2026-11-01"}, "the window ends before it starts"),
        ({"first_day": "2026-11-21"}, "first_day is 2026-11-21, which lies in the future"),
        ({"last_day": "2026-11-21"}, "last_day is 2026-11-21, which lies in the future"),
        ({"first_day": "yesterday"}, "first_day is 'yesterday': write a day as 2026-11-20"),
        ({"first_day": "2026-02-30"}, "write a day"),
        ({"users": ["ann"]}, "users: 'ann' is no UUID"),
        ({"trade_ids": [SOME_ID, "1", "2"]}, "trade_ids: '1', '2' is no UUID"),
        ({"symbols": "BTC"}, "symbols is no list of texts"),
        ({"symbols": [1]}, "symbols is no list of texts"),
        ({"symbols": ["BT\x00C"]}, "symbols holds"),
        ({"symbols": ["BTC"] * 10_001}, "symbols lists 10001 entries; 10000 at most"),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["replay", "export"])
def test_what_cannot_be_meant_is_refused_in_words(kind, form, words):
    with pytest.raises(TradeRequestError, match=words):
        if kind == "replay":
            ReplayRequest.read(FORM | form, TODAY)
        else:
            ExportRequest.read(form, TODAY, ["/exports"])


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"first_day": None}, "nothing is chosen"),
        ({"redo": []}, "redo names nothing: choose of candles, settlement, analysis"),
        ({"redo": ["profits"]}, "redo names profits"),
        ({"reason": None}, "say why"),
        ({"reason": "  \n"}, "say why"),
        ({"dry_run": "no"}, "dry_run is true or false"),
        ({"dry_run": True, "redo": ["candles"]}, "a dry run fetches no candles"),
    ],
    ids=str,
)
def test_a_replay_that_cannot_be_meant_is_refused_in_words(form, words):
    with pytest.raises(TradeRequestError, match=words):
        ReplayRequest.read(FORM | form, TODAY)


def test_a_replay_is_dry_unless_that_is_switched_off():
    assert ReplayRequest.read({"symbols": ["BTC"], "redo": ["settlement"]}, TODAY).dry_run is True


def test_what_no_trade_has_is_refused_and_nothing_is_written_down(database):
    store(database, rising())
    insert(database, {})
    settle(database)
    insert(database, {"symbol": "ETH", "expires_at": datetime.now(UTC) + timedelta(days=1)})
    for form, words in [
        ({"symbols": ["DOGE", "BTC", "XRP"]}, "no trade has the symbol DOGE, XRP: correct the names"),
        ({"users": [SOME_ID]}, f"no trade has the user {SOME_ID}"),
        ({"trade_ids": [SOME_ID]}, f"no trade has the trade {SOME_ID}"),
        ({"symbols": ["DOGE"], "users": [SOME_ID]}, f"the symbol DOGE, nor the user {SOME_ID}"),
        ({"symbols": ["ETH"]}, "no settled trade fits the filter, only 1 active"),
        ({"last_day": "2026-03-01"}, "no settled trade fits the filter$"),
    ]:
        with pytest.raises(TradeRequestError, match=words):
            begin(database, **form)
    assert rows(database, "SELECT * FROM replays") == []
    assert rows(database, "SELECT * FROM replay_trades") == []


def test_the_id_of_a_replay_means_one_replay(database):
    store(database, rising())
    insert(database, {})
    settle(database)
    first = begin(database)
    assert begin(database) == first
    with pytest.raises(TradeRequestError, match="was started for something else"):
        begin(database, dry_run=True)


class TestThePlaceOfAnExport:
    def place(self, asked, *locations):
        request = ExportRequest.read({"location": asked}, TODAY, locations)
        return request.root, request.folder

    def test_none_is_the_first(self):
        assert self.place(None, "/exports", "s3://bucket/a") == ("/exports", "")
        assert self.place(" ", "s3://bucket/a", "/exports") == ("s3://bucket/a", "")

    @pytest.mark.parametrize(
        ("asked", "root", "folder"),
        [
            ("/exports", "/exports", ""),
            ("/exports/", "/exports", ""),
            ("/exports/2026/tax", "/exports", "2026/tax"),
            ("file:///exports/2026", "/exports", "2026"),
            ("s3://bucket/a", "s3://bucket/a", ""),
            ("s3://bucket/a/b/c", "s3://bucket/a", "b/c"),
        ],
    )
    def test_below_a_root(self, asked, root, folder):
        assert self.place(asked, "/exports", "s3://bucket/a") == (root, folder)

    @pytest.mark.parametrize(
        "asked",
        ["/etc", "/exports2", "/exports/../etc", "exports", "../exports", "file://host/exports", "s3://bucket",
         "s3://bucket/ab", "s3://other/a", "s3://bucket/a/../b", "https://bucket/a", "/exports\0/x"],
    )  # fmt: skip
    def test_outside_is_refused(self, asked):
        with pytest.raises(
            TradeRequestError, match="outside of the places for exports: /exports, s3://bucket/a"
        ):
            self.place(asked, "/exports", "s3://bucket/a")

    @pytest.mark.parametrize("asked", ["/exports/.hidden", "/exports/a\nb", "s3://bucket/a/.b"])
    def test_a_folder_that_no_store_takes_is_refused(self, asked):
        with pytest.raises(TradeRequestError, match="is no key"):
            self.place(asked, "/exports", "s3://bucket/a")

    def test_a_link_that_leads_out_is_outside(self, tmp_path):
        (tmp_path / "exports").mkdir()
        (tmp_path / "outside").mkdir()
        (tmp_path / "exports" / "link").symlink_to(tmp_path / "outside")
        with pytest.raises(TradeRequestError, match="outside of the places"):
            self.place(f"{tmp_path}/exports/link", f"{tmp_path}/exports")

    def test_no_place_at_all_is_said(self):
        with pytest.raises(TradeRequestError, match="export_locations"):
            self.place(None)

    def test_a_format_that_is_none(self):
        with pytest.raises(TradeRequestError, match="format is 'xlsx': choose of csv, json, parquet"):
            ExportRequest.read({"format": "xlsx"}, TODAY, ["/exports"])
