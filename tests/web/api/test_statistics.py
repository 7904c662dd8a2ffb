"""Statistics through the API: the kept row, its parts, the curve, and never an invented figure."""

import time
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import text

from include.trades.performance import refresh_performance
from include.trades.rollup import roll_up_days
from include.trades.statistics import read_statistics
from include.web.api.kept import GivenAnswer, GivenAnswers
from tests.support.reading import insert_whole, run, statements_of
from tests.support.rows import insert_settled
from tests.support.web import ANNA, BERT

STATS = "/api/atge/stats"


@pytest.fixture
def settled(database):
    """Three trades of Anna on two days, one of Bert; Anna's row is calculated."""
    with database.begin() as connection:
        for status, net, values in (
            (
                "completed_success",
                20.5,
                {"symbol": "BTC", "ai_model": "m1", "completed_at": "2026-03-01 12:00Z"},
            ),
            (
                "completed_failure",
                -8.25,
                {"symbol": "ETH", "timeframe": "4h", "completed_at": "2026-03-03 12:00Z"},
            ),
            (
                "completed_success",
                1,
                {"direction": "SHORT", "ai_model": "m1", "completed_at": "2026-03-03 13:00Z"},
            ),
            ("expired", None, {"completed_at": "2026-03-04 12:00Z"}),
            ("completed_success", 99, {"user_id": BERT}),
        ):
            insert_settled(connection, status, net, **{"user_id": ANNA, **values})
    refresh(database)
    return database


def refresh(database):
    refresh_performance(database)


def read(client, **parameters):
    answer = client.get(STATS, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_every_column_of_the_kept_row_is_shown(api, settled):
    shown = read(api.with_key())["performance"]
    with settled.connect() as connection:
        row = (
            connection.execute(
                text("SELECT * FROM atge_performance_cache WHERE user_id = :user"), {"user": ANNA}
            )
            .mappings()
            .one()
        )
    assert {name.replace("_", "").lower() for name in row} == {name.lower() for name in shown}
    assert (shown["totalTrades"], shown["totalProfitLoss"], shown["averageLoss"]) == (3, 13.25, -8.25)
    assert shown["avgGalaxyScoreWins"] is None


def test_parts_add_up_to_the_row(api, settled):
    shown = read(api.with_key())
    for parts, names in (
        ("bySymbol", [("symbol", ["BTC", "ETH"])]),
        ("byTimeframe", [("timeframe", ["1h", "4h"])]),
        ("byDirection", [("direction", ["LONG", "SHORT"])]),
        ("byModel", [("aiModel", ["m1", None])]),
    ):
        for column, values in names:
            assert [part[column] for part in shown[parts]] == values
        assert sum(part["totalTrades"] for part in shown[parts]) == 3
        assert sum(part["totalProfitLoss"] for part in shown[parts]) == pytest.approx(13.25)
    btc = shown["bySymbol"][0]
    assert (btc["winningTrades"], btc["losingTrades"], btc["successRate"]) == (2, 0, 100)
    assert btc["averageProfitLoss"] == 10.75


def test_the_curve_has_the_days_that_were_and_no_other(api, settled):
    curve = read(api.with_key())["equityCurve"]
    assert [(one["day"], one["totalTrades"], one["profitLoss"], one["equity"]) for one in curve] == [
        ("2026-03-01", 1, 20.5, 20.5),
        ("2026-03-03", 2, -7.25, 13.25),
    ]


def test_who_has_no_trade_has_no_figures(api, database):
    shown = read(api.with_key())
    assert shown["performance"] is None
    assert [shown[name] for name in ("bySymbol", "byModel", "equityCurve")] == [[], [], []]
    (today,) = shown["kpis"]
    assert today["unfinished"] is True
    figures = {one["kpi"]: one["value"] for one in today["figures"]}
    assert figures["success rate, %"] is None
    assert figures["trades settled"] == 0


def test_the_last_rolled_up_day_stands_beside_today(api, settled):
    roll_up_days(settled, [date(2026, 3, 3)])
    today, last = read(api.with_key())["kpis"]
    assert (today["unfinished"], last["unfinished"], last["day"]) == (True, False, "2026-03-03")
    assert {one["kpi"]: one["value"] for one in last["figures"]}["trades settled"] == 2


def test_exact_figures_are_texts(api, settled):
    shown = read(api.with_key(), exact="true")
    assert Decimal(shown["performance"]["totalProfitLoss"]) == Decimal("13.25")
    assert isinstance(shown["equityCurve"][0]["equity"], str)
    assert isinstance(shown["kpis"][0]["figures"][0]["value"], str)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE trade_results SET net_profit_loss = 100 WHERE net_profit_loss = 1",
        "UPDATE trade_signals SET symbol = 'SOL' WHERE symbol = 'ETH'",
        "DELETE FROM trade_signals WHERE symbol = 'ETH'",
        "UPDATE trade_signals SET status = 'cancelled' WHERE symbol = 'ETH'",
    ],
)
def test_a_change_is_shown_at_once_and_the_row_follows(api, settled, change):
    client = api.with_key()
    before = client.get(STATS)
    assert before.headers["Cache-Control"] == "private, max-age=60"
    known = {"If-None-Match": before.headers["ETag"]}
    assert client.get(STATS, headers=known).status_code == 304
    run(settled, change)
    changed = client.get(STATS, headers=known).json()
    assert changed["refreshPending"] is True
    assert (
        changed["bySymbol"] != before.json()["bySymbol"]
        or changed["equityCurve"] != before.json()["equityCurve"]
    )
    assert changed["performance"] == before.json()["performance"]
    refresh(settled)
    after = client.get(STATS).json()
    assert after["refreshPending"] is False
    assert sum(part["totalTrades"] for part in after["bySymbol"]) == after["performance"]["totalTrades"]
    assert after["equityCurve"][-1]["equity"] == pytest.approx(after["performance"]["totalProfitLoss"])


def test_parts_are_worked_out_once_for_all_workers(api, serve, settled):
    key = api.key("read")
    first = api.client(key).get(STATS)
    with statements_of(settled) as statements:
        assert serve().client(key).get(STATS).text == first.text
    assert statements == ["web/admit_api_call", "trades/find_statistics", "kept_answers/find_answer"]
    with statements_of(settled) as statements:
        assert api.client(key).get(STATS).text == first.text
    assert statements == ["web/admit_api_call"]


def test_statistics_are_not_kept_beyond_the_minute_of_their_kpis(api, settled):
    client = api.with_key()
    client.get(STATS)
    run(settled, "UPDATE atge_performance_cache SET total_trades = 7")  # whoever writes it
    assert read(client)["performance"]["totalTrades"] == 7
    for old, left in (("30 s", 30), ("61 s", 60)):  # what is too old is measured anew, for a minute
        run(settled, f"UPDATE kept_answers SET made_at = now() - interval '{old}' WHERE name = 'kpis'")
        assert read_statistics(settled, ANNA).kpis_until <= time.monotonic() + left
    answers, now = GivenAnswers(), time.monotonic()
    for until, is_there in ((now, False), (now + 3600, True)):
        answers.keep("asked", GivenAnswer("1", b"", {}, None, until))
        assert (answers.find("asked", "1") is not None) == is_there


def test_kept_figures_of_a_clock_that_was_ahead_are_not_believed(api, settled):
    client = api.with_key()
    before = client.get(STATS)
    run(
        settled,
        "UPDATE kept_answers SET made_at = now() + interval '1 year', body = '[]' WHERE name = 'kpis'",
    )
    assert read(client)["kpis"][0]["figures"] == before.json()["kpis"][0]["figures"]


def test_odd_figures_break_nothing(api, database):
    insert_whole(database, net=Decimal("NaN"), completed_at="infinity", ai_model='"\\\x01')
    insert_whole(database, net=Decimal(5), completed_at="-infinity")
    refresh(database)
    shown = read(api.with_key())
    assert shown["performance"]["totalProfitLoss"] is None
    assert [one["equity"] for one in shown["equityCurve"]] == [5, None]


def test_each_sees_their_own_figures_only(api, settled):
    assert api.with_key().get(STATS, params={"userId": str(BERT)}).status_code == 404
    assert read(api.with_key(user=BERT))["performance"]["totalProfitLoss"] == 99
    assert read(api.with_key("operate"), userId=str(BERT))["userId"] == str(BERT)
    assert read(api.with_key("operate"))["userId"] == str(ANNA)
    nobody = api.as_person("viewer").get(STATS)
    assert nobody.status_code == 422
    assert "userId" in nobody.json()["error"]
    assert read(api.as_person("viewer"), userId=str(ANNA)) == read(api.with_key())
    same = api.with_key().get("/api/atge/statistics")
    assert same.json() == read(api.with_key())
