"""Messages from outside, to a trade or a reason: each once, and as it was written last."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from include.database import sql
from include.exchange.bingx import BingX
from include.exchange.messages import OutsideMessage, judge_messages, store_message
from include.exchange.telegram import collect_updates
from include.exchange.venue import ExchangeError
from include.http import ServiceError
from include.http.client import Client
from include.services import find_service
from include.settings import Endpoint, Settings
from tests.support.web import ANNA

TOKEN = "7000000001:abcdefghijklmnopqrstuvwxyz012345678"
CHAT = -100200300
ORDER = "LONG BTC/USDT\nEntry: 65000\nTP1: 66000\nTP2: 67000\nSL: 64000\nLeverage 10x"
SETTINGS = Settings(outside_signal_user=ANNA, telegram_chats=(str(CHAT),), outside_leverage_max=20)
MARKETS = frozenset({"BTC/USDT", "ETH/USDT"})


@pytest.fixture
def telegram(sandbox, database):
    client = Client(find_service("telegram"), Endpoint(f"{sandbox.url}/telegram", TOKEN), database)
    yield client
    client.close()


def write(sandbox, kind="channel_post", id=1, chat=CHAT, words=ORDER, at=None, **more):
    stamp = int((at or datetime.now(UTC)).timestamp())
    content = {"message_id": id, "chat": {"id": chat}, "date": stamp, "text": words, **more}
    if kind.startswith("edited"):
        content["edit_date"] = stamp
    sandbox.http.post("/telegram/_updates", json={kind: content}).raise_for_status()


def delete(sandbox, *ids):
    content = {"chat": {"id": CHAT}, "message_ids": list(ids), "business_connection_id": "b"}
    answer = sandbox.http.post("/telegram/_updates", json={"deleted_business_messages": content})
    answer.raise_for_status()


def rows(database, statement="SELECT * FROM signals ORDER BY created_at, message_id, edit_number"):
    with database.connect() as connection:
        return connection.execute(text(statement)).all()


def to_be_planned(database):
    """Which messages orders will be planned of, and which not because of what."""
    with database.connect() as connection:
        asked = {"age": timedelta(hours=1), "limit": 10}
        found = connection.execute(sql("exchange/list_accepted_signals"), asked).all()
        names = dict(connection.execute(text("SELECT id, message_id FROM signals")).all())
    return {names[row.id]: row.fate for row in found}


def judged(database, markets=MARKETS, settings=SETTINGS):
    return judge_messages(database, markets, settings)


def test_a_message_becomes_a_trade_and_is_stored_once(sandbox, database, telegram):
    write(sandbox)
    write(sandbox, id=2, words="Good morning")
    write(sandbox, "message", id=3, words="", photo=[])
    assert collect_updates(database, telegram, TOKEN).stored == 3
    # the offset is kept: what is stored is not asked for again, and Telegram has forgotten it
    assert collect_updates(database, telegram, TOKEN).updates == 0
    with database.begin() as connection:  # an offset that was lost brings them back, and no second row
        connection.execute(text("DELETE FROM telegram_offsets"))
    write(sandbox, id=1)
    assert collect_updates(database, telegram, TOKEN).stored == 0

    with BingX(database, key="", secret="", demo=True, base_url=f"{sandbox.url}/bingx") as everybody:
        markets = {market.pair for market in everybody.markets.values()}
        with pytest.raises(ExchangeError):
            everybody.list_balances()
    assert judged(database, markets) == {"accepted": 1, "rejected": 2}
    assert judged(database, markets) == {}
    first, second, third = rows(database)
    assert (first.kind, first.status, first.symbol, first.direction) == (
        "signal",
        "accepted",
        "BTC/USDT",
        "LONG",
    )
    assert (first.entries, first.targets, first.stop_loss) == (["65000"], ["66000", "67000"], 64000)
    assert (second.status, third.status, third.kind) == ("rejected", "rejected", "noise")
    (trade,) = rows(database, "SELECT * FROM trade_signals")
    assert (trade.id, trade.user_id, trade.symbol) == (first.trade_signal_id, ANNA, "BTC")
    assert [trade.take_profit_1, trade.take_profit_2, trade.take_profit_3] == [66000, 67000, 67000]
    assert [trade.allocation_1, trade.allocation_2, trade.allocation_3] == [50, 50, 0]
    assert trade.expires_at - trade.generated_at == SETTINGS.outside_signal_lifetime


def test_an_edit_or_a_deletion_takes_back_what_stood_before(sandbox, database, telegram):
    for id in (1, 2, 3):
        write(sandbox, id=id)
    collect_updates(database, telegram, TOKEN)
    assert judged(database) == {"accepted": 3}
    with database.begin() as connection:  # an order of the third was submitted
        connection.execute(text("UPDATE signals SET status = 'executed' WHERE message_id = '3'"))
        connection.execute(  # and one of each waits
            text(
                "INSERT INTO orders (exchange, symbol, side, order_type, quantity, client_order_id, "
                "signal_id) SELECT 'bingx', 'BTC/USDT:USDT', 'buy', 'limit', 1, message_id, id FROM signals"
            )
        )
    write(sandbox, "edited_channel_post", id=1, words=ORDER.replace("64000", "63000"))
    delete(sandbox, 2)
    write(sandbox, "edited_channel_post", id=3, words=ORDER.replace("64000", "63000"))
    assert collect_updates(database, telegram, TOKEN).stored == 3
    assert judged(database) == {"accepted": 1, "rejected": 1}
    told = [
        (row.message_id, row.edit_number, row.status, (row.reason or "").split(" ")[-1])
        for row in rows(database, "SELECT * FROM signals ORDER BY message_id, edit_number")
    ]
    assert told == [
        ("1", 0, "rejected", "edited"),
        ("1", 1, "accepted", ""),
        ("2", 0, "rejected", "deleted"),
        ("2", 1, "rejected", "deleted"),
        ("3", 0, "executed", ""),
        ("3", 1, "rejected", "people"),
    ]
    waiting = rows(database, "SELECT client_order_id FROM orders WHERE status = 'planned'")
    assert [row.client_order_id for row in waiting] == ["3"]
    statuses = rows(database, "SELECT status, count(*) FROM trade_signals GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in statuses] == [("active", 2), ("cancelled", 2)]


def test_an_edit_that_asks_for_nothing_else_leaves_the_trade_and_none_makes_it_newer(
    sandbox, database, telegram
):
    for id in range(1, 6):
        write(sandbox, id=id)
    write(sandbox, "edited_channel_post", id=5, words=ORDER + " 🚀")  # before the first one is judged
    collect_updates(database, telegram, TOKEN)
    assert judged(database) == {"accepted": 5, "rejected": 1}
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO orders (exchange, symbol, side, order_type, quantity, client_order_id, "
                "signal_id) SELECT 'bingx', 'BTC/USDT:USDT', 'buy', 'limit', 1, message_id, id FROM signals "
                "WHERE status = 'accepted' AND message_id IN ('1', '2')"
            )
        )
        connection.execute(
            text("UPDATE signals SET sent_at = sent_at - interval '1 day' WHERE message_id = '4'")
        )
    write(sandbox, "edited_channel_post", id=1, words=ORDER + "\nJoin us: https://example.com/1")
    write(sandbox, "edited_channel_post", id=2, words=ORDER + "\nTP1 hit ✅")
    write(sandbox, "edited_channel_post", id=3, words=ORDER + "\nClose half at TP1")
    write(sandbox, "edited_channel_post", id=4, words=ORDER.replace("64000", "63000"))
    collect_updates(database, telegram, TOKEN)
    assert to_be_planned(database) == {"5": None}, "3 waits until its edit is judged"
    assert judged(database) == {"rejected": 3, "expired": 1}
    told = {
        (row.message_id, row.edit_number): (row.kind, row.status)
        for row in rows(database)
        if row.message_id != "5"
    }
    assert told == {
        ("1", 0): ("signal", "accepted"),
        ("1", 1): ("signal", "rejected"),
        ("2", 0): ("signal", "accepted"),
        ("2", 1): ("notice", "rejected"),
        ("3", 0): ("signal", "accepted"),
        ("3", 1): ("management", "rejected"),
        ("4", 0): ("signal", "rejected"),
        ("4", 1): ("signal", "expired"),
    }
    orders = rows(database, "SELECT client_order_id, status FROM orders ORDER BY 1")
    assert [tuple(row) for row in orders] == [("1", "planned"), ("2", "cancelled")]
    assert to_be_planned(database) == {"3": "its message was edited or deleted since", "5": None}
    statuses = rows(database, "SELECT status, count(*) FROM trade_signals GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in statuses] == [("active", 4), ("cancelled", 1)]


def test_an_edit_that_comes_before_what_it_edits_is_the_one_that_counts(database):
    for number, stop in ((1, "63000"), (0, "64000")):
        message = OutsideMessage("api", "desk", "m", ORDER.replace("64000", stop), edit_number=number)
        with database.begin() as connection:
            store_message(connection, message)
        judged(database)
    assert [(row.edit_number, row.status) for row in rows(database)] == [(1, "accepted"), (0, "rejected")]
    assert to_be_planned(database) == {"m": None}


@pytest.mark.parametrize("killed", [0, 1])
def test_a_run_that_is_killed_loses_nothing_and_doubles_nothing(
    sandbox, database, telegram, killed, monkeypatch
):
    """Killed before the page is committed, or between that and the answer's confirmation."""
    write(sandbox)
    write(sandbox, "edited_channel_post", words=ORDER.replace("64000", "63000"))
    if killed == 0:
        with monkeypatch.context() as patch:
            patch.setattr("include.exchange.telegram._read_update", _die)
            with pytest.raises(KeyboardInterrupt):
                collect_updates(database, telegram, TOKEN)
        assert rows(database) == []
    else:
        collect_updates(database, telegram, TOKEN)
    collect_updates(database, telegram, TOKEN)
    assert [row.edit_number for row in rows(database)] == [0, 1]


def _die(_update):
    raise KeyboardInterrupt


def test_telegram_away_stores_nothing_and_shows_no_token(sandbox, database, telegram):
    write(sandbox)
    sandbox.fail("telegram", "status", status=401)
    with pytest.raises(ServiceError) as failed:
        collect_updates(database, telegram, TOKEN)
    assert TOKEN not in str(failed.value) and rows(database) == []
    telegram.close()  # writes its measurements
    kept = rows(database, "SELECT metadata::text FROM atge_performance_metrics")
    assert kept and TOKEN not in str(kept)


# What keeps a readable signal from being a trade: settings, or another message, and a word of the reason.
KEPT_OUT = [
    ({"telegram_chats": ()}, {}, "rejected", "telegram_chats"),
    ({"outside_signal_user": None}, {}, "rejected", "outside_signal_user"),
    ({"outside_leverage_max": 5}, {}, "rejected", "leverage"),
    ({}, {"at": datetime.now(UTC) - timedelta(hours=1)}, "expired", "old"),
    ({}, {"words": "BUY BTCUSDT 0.1"}, "rejected", "no entry price"),
    ({}, {"words": ORDER.replace("BTC", "DOGE")}, "rejected", "no market"),
    ({}, {"words": "LONG ETH/BTC entry 0.05 stop 0.04 target 0.06"}, "rejected", "dollar"),
]


def test_what_is_no_trade_says_why(sandbox, database, telegram):
    for number, (changed, message, status, word) in enumerate(KEPT_OUT):
        write(sandbox, id=number, **message)
        collect_updates(database, telegram, TOKEN)
        settings = SETTINGS.model_copy(update=changed)
        assert judged(database, {*MARKETS, "ETH/BTC"}, settings) == {status: 1}, word
        row = rows(database, f"SELECT * FROM signals WHERE message_id = '{number}'")[0]
        assert word in row.reason
    assert rows(database, "SELECT * FROM trade_signals") == []
