"""Lists of trades and a trade, through the API over a real database."""

import json
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from include.json_rows import camel_case
from tests.support.reading import insert_whole, run
from tests.support.rows import NOW, insert, insert_signal
from tests.support.web import ANNA, BERT

LIST = "/api/atge/trades"


def insert_many(database, *rows):
    with database.begin() as connection:
        return [str(insert_signal(connection, **{"user_id": ANNA, **row})) for row in rows]


def read(client, **parameters):
    answer = client.get(LIST, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def all_pages(client, **parameters):
    """Ids, page by page, until there is no next one."""
    found, cursor = [], ""
    while cursor is not None:
        page = read(client, cursor=cursor, **parameters)
        assert page["pagination"]["hasMore"] == (page["nextCursor"] is not None)
        found += [trade["id"] for trade in page["trades"]]
        cursor = page["nextCursor"]
    return found


def test_a_trade_of_a_list_has_its_parts(api, database):
    trade = insert_whole(database, entry_price=Decimal("0.100000000000015"), take_profit_3=Decimal("1e3"))
    (bare,) = insert_many(database, {"symbol": "ETH", "generated_at": NOW - timedelta(days=1)})
    shown = read(api.with_key())
    first, second = shown["trades"]
    assert (first["id"], second["id"]) == (str(trade), bare)
    assert first["userId"] == str(ANNA)
    assert (first["result"]["tp1Hit"], first["result"]["netProfitLoss"]) == (True, 12.5)
    assert first["result"]["unseenCandles"] == 3
    assert first["indicators"]["rsi14"] == 55.5  # the newest row counts
    assert first["snapshot"]["priceChange24h"] == -2.5
    assert first["confidenceScore"] is None
    assert (second["result"], second["indicators"], second["snapshot"]) == (None, None, None)
    assert shown["pagination"] == {"total": 2, "limit": 25, "offset": 0, "hasMore": False}
    assert shown["nextCursor"] is None
    assert first["completedAt"].endswith("Z")


@pytest.mark.parametrize("digits", ["0.1234567890123456789", "123456789012.345", "1e-12", "100.10", "-0.5"])
def test_numbers_lose_no_digit(api, database, digits):
    insert_whole(database, net=Decimal(digits))
    client = api.with_key()
    exact = json.loads(client.get(LIST).text, parse_float=Decimal, parse_int=Decimal)
    assert exact["trades"][0]["result"]["netProfitLoss"] == Decimal(digits)
    shown = read(client, exact="true")["trades"][0]
    assert Decimal(shown["result"]["netProfitLoss"]) == Decimal(digits)
    assert isinstance(shown["entryPrice"], str)
    assert isinstance(shown["result"]["unseenCandles"], int)


def test_odd_rows_are_shown_and_break_no_list(api, database):
    insert_whole(
        database, net=Decimal("NaN"), entry_price=Decimal("Infinity"), take_profit_1=Decimal("1e400"),
        generated_at="infinity", expires_at="12026-01-01Z", ai_reasoning='"quoted"\\\x01\u2028',
    )  # fmt: skip
    insert_many(database, {"generated_at": "-infinity"}, {"generated_at": "0044-03-15 BC"}, {})
    client = api.with_key()
    for parameters in ({}, {"exact": "true"}):
        odd = read(client, **parameters)["trades"][0]
        assert (odd["entryPrice"], odd["takeProfit1"], odd["generatedAt"], odd["expiresAt"]) == (None,) * 4
        assert odd["result"]["netProfitLoss"] is None
        assert odd["aiReasoning"] == '"quoted"\\\x01\u2028'
    for sort_by in ("generatedAt", "netProfitLoss"):
        for order in ("asc", "desc"):
            assert len(set(all_pages(client, limit=1, sortBy=sort_by, sortOrder=order))) == 4


def test_filters_narrow_the_list_and_the_total(api, database):
    day = timedelta(days=1)
    insert_many(
        database,
        {
            "symbol": "ETH",
            "status": "expired",
            "timeframe": "4h",
            "generated_at": "2026-03-01 23:59:59.999999Z",
        },
        {"symbol": "ETH", "status": "active", "timeframe": "1d", "generated_at": "2026-03-02 00:00Z"},
        {"symbol": "BTC", "status": "active", "timeframe": "4h", "generated_at": NOW - day},
        {"symbol": "ETH", "user_id": BERT},
    )
    client = api.with_key()
    for parameters, total in (
        ({}, 3),
        ({"symbol": "ETH"}, 2),
        ({"symbol": "eth"}, 0),
        ({"status": "active"}, 2),
        ({"timeframe": "4h", "status": "active"}, 1),
        ({"startDate": "2026-03-02", "endDate": "2026-03-02"}, 1),
        ({"endDate": "2026-03-01"}, 1),
        ({"endDate": "2026-03-02T00:00:00Z"}, 2),
        ({"startDate": "2026-03-02T01:00:00+01:00"}, 2),
        ({"startDate": "2026-03-02T00:00:00.000001Z"}, 1),
    ):
        shown = read(client, **parameters)
        assert (len(shown["trades"]), shown["pagination"]["total"]) == (total, total), parameters


@pytest.mark.parametrize(
    "sort_by", ["generatedAt", "confidenceScore", "status", "timeframe", "netProfitLoss"]
)
@pytest.mark.parametrize("order", ["asc", "DESC"])
def test_pages_by_cursor_show_every_trade_once_in_order(api, database, sort_by, order):
    """Many share a value, some have none; a trade that comes in between shifts nothing."""
    values = [None, 10, 10, 10, 90]
    for n in range(7):
        insert_whole(
            database, net=values[n % 5], confidence_score=values[(n + 2) % 5], timeframe=("1h", "4h")[n % 2],
            status=("expired", "completed_success")[n % 3 == 0], generated_at=NOW - timedelta(hours=n // 3),
        )  # fmt: skip
    client = api.with_key()
    whole = read(client, sortBy=sort_by, sortOrder=order, limit=100)["trades"]
    keys = [
        trade["result"]["netProfitLoss"] if sort_by == "netProfitLoss" else trade[sort_by] for trade in whole
    ]
    known = [(key, trade["id"]) for key, trade in zip(keys, whole, strict=True) if key is not None]
    assert known == sorted(known, reverse=order == "DESC")
    assert [key is None for key in keys] == sorted(key is None for key in keys)  # the unknown last
    ids = [trade["id"] for trade in whole]
    assert all_pages(client, sortBy=sort_by, sortOrder=order, limit=2) == ids
    by_offset = [
        read(client, sortBy=sort_by, sortOrder=order, limit=2, offset=n)["trades"][0]["id"] for n in range(7)
    ]
    assert by_offset == ids


def test_a_cursor_of_another_list_is_refused(api, database):
    insert_many(database, {}, {}, {"user_id": BERT}, {"user_id": BERT})
    client = api.with_key()
    cursor = read(client, limit=1)["nextCursor"]
    for changed in ({"sortOrder": "asc"}, {"symbol": "ETH"}, {"sortBy": "status"}):
        answer = client.get(LIST, params={"cursor": cursor, **changed})
        assert answer.status_code == 422
        assert "cursor" in answer.json()["error"]
    assert api.with_key(user=BERT).get(LIST, params={"cursor": cursor}).status_code == 422
    beyond = read(client, offset=50)
    assert (beyond["trades"], beyond["pagination"]["total"]) == ([], 2)


def test_a_forged_cursor_is_refused_in_words(api, database):
    from include.trades.selection import TradeSelection
    from include.web.cursors import cursor_of

    insert_many(database, {}, {})
    order = f"generatedAt desc {TradeSelection(user=ANNA).fingerprint()}"
    for key in (["no time", str(uuid.uuid4())], [None, str(uuid.uuid4())], ["2026-01-01Z", "x"], [1, 2]):
        answer = api.with_key().get(LIST, params={"cursor": cursor_of(order, key)})
        assert answer.status_code == 422, key
        assert "cursor" in answer.json()["error"]


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"status": "won"}, "status"),
        ({"sortBy": "id"}, "sortBy"),
        ({"limit": 101}, "limit"),
        ({"startDate": "12026-01-01"}, "startDate"),
        ({"endDate": "yesterday"}, "endDate"),
        ({"endDate": "9999-12-31"}, "endDate"),
        ({"startDate": "2026-03-02", "endDate": "2026-03-01"}, "endDate"),
        ({"symbol": "B\x00"}, "symbol"),
        ({"needsdata": "x"}, "needsdata"),
        ({"userId": "x"}, "userId"),
    ],
)
def test_wrong_parameters_are_named(api, parameters, named):
    answer = api.with_key().get(LIST, params=parameters)
    assert answer.status_code == 422
    assert [one["parameter"] for one in answer.json()["errors"]] == [named]


def test_each_sees_their_own_trades_only(api, database):
    mine, theirs = insert_whole(database), insert_whole(database, user=BERT)
    client = api.with_key()
    assert [trade["id"] for trade in read(client)["trades"]] == [str(mine)]
    assert client.get(f"{LIST}/{theirs}").status_code == 404
    assert client.get(LIST, params={"userId": str(BERT)}).status_code == 404
    for one in (api.with_key("operate"), api.as_person("viewer")):
        assert read(one)["pagination"]["total"] == 2
        assert [trade["id"] for trade in read(one, userId=str(BERT))["trades"]] == [str(theirs)]
        assert one.get(f"{LIST}/{theirs}").status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE trade_signals SET status_reason = 'x'",
        "UPDATE trade_results SET ai_analysis = 'x'",
        "UPDATE trade_technical_indicators SET rsi_14 = 1",
        "DELETE FROM trade_market_snapshot",
        "INSERT INTO trade_market_snapshot (trade_signal_id, current_price, snapshot_at) "
        "SELECT id, 7, now() + interval '1 day' FROM trade_signals",
        "TRUNCATE trade_results",
    ],
)
@pytest.mark.parametrize("scope", ["read", "operate"])
def test_what_is_kept_is_never_older_than_the_rows(api, serve, database, change, scope):
    """The version of the rows is the ETag: another worker, who keeps nothing, answers the same."""
    from include.trades import read_trades

    insert_whole(database)
    key = api.key(scope)
    client = api.client(key)
    first = client.get(LIST)
    assert first.headers["Cache-Control"] == "private, max-age=0"
    known = {"If-None-Match": first.headers["ETag"]}
    assert client.get(LIST, headers=known).status_code == 304
    run(database, change)
    second = client.get(LIST, headers=known)
    assert (second.status_code, second.text == first.text) == (200, False)
    read_trades._kept.clear()
    other = serve().client(key).get(LIST)
    assert (other.text, other.headers["ETag"]) == (second.text, second.headers["ETag"])


def test_the_total_follows_every_way_in_which_trades_come_and_go(api, database):
    client = api.with_key("operate")

    def totals():
        return [read(client, **whose)["pagination"]["total"] for whose in ({"userId": str(ANNA)}, {})]

    insert_many(database, {}, {}, {"user_id": BERT})
    assert totals() == [2, 3]
    run(
        database,
        "UPDATE trade_signals SET user_id = :anna, symbol = 'ETH' WHERE user_id = :bert",
        anna=ANNA,
        bert=BERT,
    )
    assert totals() == [3, 3]
    run(database, "DELETE FROM trade_signals WHERE symbol = 'ETH'")
    assert totals() == [2, 2]
    run(database, "SELECT merge_trade_counts()")
    assert totals() == [2, 2]
    with database.connect() as connection:
        rows = connection.execute(text("SELECT user_id, trades FROM trade_counts")).all()
    assert rows == [(ANNA, 2)]
    run(database, "TRUNCATE trade_signals CASCADE")
    assert totals() == [0, 0]


def test_one_trade_comes_with_all_that_names_it(api, database):
    trade, other = insert_whole(database), insert_whole(database)
    with database.begin() as connection:
        for n in range(2):
            connection.execute(
                text(
                    "INSERT INTO trade_result_history (trade_signal_id, replay_id, replaced_by, reason, "
                    "run_url, status, net_profit_loss, replaced_at, result) "
                    "SELECT :trade, :replay, 'ann', 'why', 'url', 'expired', 1, "
                    "CAST(:now AS timestamptz) + :n * interval '1 hour', to_jsonb(result) "
                    "FROM trade_results AS result WHERE trade_signal_id = :trade"
                ),
                {"trade": trade, "replay": f"replay {n}", "n": n, "now": NOW},
            )
        for named, words in ((trade, "broke"), (other, "another's")):
            insert(
                connection,
                "atge_error_logs",
                error_type="analysis",
                error_message=words,
                trade_signal_id=named,
            )
        for key, body in (("a", {"trades": [str(trade)]}), ("b", {"trades": [str(other)]})):
            insert(
                connection, "alert_notices", notice_key=key, source="failure", kind="failure",
                fingerprint="f", cause="c", severity="warning", title=f"notice {key}", body=json.dumps(body),
                owner="platform",
            )  # fmt: skip
    client = api.with_key()
    shown = client.get(f"{LIST}/{trade}").json()["trade"]
    assert shown["unseenCandles"] == 3
    assert [former["replayId"] for former in shown["history"]] == ["replay 1", "replay 0"]
    assert shown["history"][0]["result"]["netProfitLoss"] == 12.5
    assert [error["errorMessage"] for error in shown["errors"]] == ["broke"]
    assert [notice["title"] for notice in shown["alerts"]] == ["notice a"]
    assert client.get(shown["candlesUrl"]).json()["tradeSignalId"] == str(trade)
    bare = client.get(f"{LIST}/{other}").json()["trade"]
    assert (bare["history"], bare["id"]) == ([], str(other))
    assert client.get(f"{LIST}/{uuid.uuid4()}").status_code == 404


def test_a_trade_has_its_audit_trail_the_newest_change_first(api, database):
    (trade,) = insert_many(database, {})
    with database.begin() as connection:
        connection.execute(text("UPDATE trade_signals SET stop_loss = 90, take_profit_1 = 101"))
    shown = api.with_key("read").get(f"/api/atge/trades/{trade}").json()["trade"]["changes"]
    assert [one["operation"] for one in shown] == ["UPDATE", "INSERT"]
    before, after = shown[0]["before"], shown[0]["after"]
    assert (before["stopLoss"], after["stopLoss"], after["takeProfit1"]) == (95, 90, 101)
    assert set(before) | set(after) == {"stopLoss", "takeProfit1"}
    assert {camel_case(column) for column in ("stop_loss", "take_profit_1")} == set(after)
    assert (shown[0]["actorKind"], shown[0]["actor"]) == ("role", "tradeops")
