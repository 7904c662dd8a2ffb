"""Messages that are handed in, and the trial of the parser."""

from sqlalchemy import text

from include.exchange.messages import judge_messages
from include.settings import Settings
from tests.support.web import ANNA

SIGNALS, DEBUG = "/api/atge/signals", "/debug/signal"
ORDER = "LONG BTC/USDT\nEntry: 65000\nTP1: 66000\nTP2: 67000\nSL: 64000"


def stored(api):
    with api.engine.connect() as connection:
        return connection.execute(text("SELECT * FROM signals ORDER BY chat_id, edit_number")).all()


def test_a_message_is_taken_once_from_who_may(api):
    operator, said = api.with_key("operate"), {"message": ORDER, "chatId": "desk", "messageId": "7"}
    answers = [operator.post(SIGNALS, json=said) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["status"] == "received"
    assert answers[0].json()["parsed"]["symbol"] == "BTC/USDT"
    assert operator.post(SIGNALS, json=said | {"message": "other words"}).status_code == 409
    edited = said | {"message": ORDER.replace("64000", "63000"), "editNumber": 1}
    assert operator.post(SIGNALS, json=edited).status_code == 202
    counts = judge_messages(api.engine, {"BTC/USDT"}, Settings(outside_signal_user=ANNA))
    assert counts == {"accepted": 1}
    assert operator.post(SIGNALS, json=said).json()["status"] == "rejected"  # its edit stands
    same = {"headers": {"Idempotency-Key": "once"}, "json": {"message": "BUY BTCUSDT 0.1"}}
    assert len({operator.post(SIGNALS, **same).json()["id"] for _ in range(2)}) == 1
    assert api.with_key("write").post(SIGNALS, json=said).status_code == 403
    assert [row.edit_number for row in stored(api) if row.chat_id == "desk"] == [0, 1]
    assert {row.source for row in stored(api)} == {"api"} and len(stored(api)) == 3


def test_the_trial_of_the_parser_stores_nothing_and_says_so(api):
    asked = {"message": "BUY BTCUSDT 0.1", "source": "manual"}
    assert api.client().post(DEBUG, json=asked).status_code == 401
    client = api.with_key("write")
    answer = client.post(DEBUG, json=asked).json()
    assert (answer["placed"], answer["source"], answer["parsed"]["kind"]) == (False, "manual", "signal")
    assert "no order" in answer["note"] and answer["parsed"]["amount"] == "0.1"
    refused = client.post(DEBUG, json={"message": "DO NOT BUY BTCUSDT 0.1"}).json()["parsed"]
    assert refused["kind"] == "noise" and refused["reason"]
    assert client.post(DEBUG, json={"message": "x", "place": True}).status_code == 422
    assert stored(api) == []
