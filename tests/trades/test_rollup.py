"""Daily rows: what they hold, that they add up to the cache, and that they follow whatever changes."""

import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from sqlalchemy.exc import DBAPIError

from include.database import copy_frame
from include.days import days_between
from include.trades.performance import refresh_performance
from include.trades.rollup import DayNotOverError, DisagreementError, due_days, roll_up_days
from tests.support.rows import USER, insert_settled, insert_signal
from tests.support.trades import rows, run

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 10)
DAYS = days_between(FIRST, LAST, at_most=31)
RESULT_KEY = ["day", "user_id", "symbol", "timeframe", "direction", "ai_model"]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
OTHER = uuid.UUID(int=2)

EVERYTHING = (
    "SELECT 'stats', xmin::text, s::text FROM daily_trade_stats s "
    "UNION ALL SELECT 'kpis', xmin::text, k::text FROM daily_kpis k ORDER BY 1, 3"
)


def settled_trades(database, count: int = 600) -> pd.DataFrame:
    """Trades of seven users over ten days, some at the very ends of a day, some of an unknown model."""
    random = np.random.default_rng(11)
    start = pd.Timestamp(FIRST, tz="UTC")
    seconds = random.integers(0, len(DAYS) * 86_400, count)
    midnights = random.random(count) < 0.1
    completed = start + pd.to_timedelta(np.where(midnights, seconds // 86_400 * 86_400, seconds), "s")
    completed = completed.where(random.random(count) < 0.9, completed.ceil("D") - pd.Timedelta("1us"))
    net = random.normal(1, 30, count).round(6)
    trades = pd.DataFrame(
        {
            "id": [str(uuid.UUID(bytes=random.bytes(16), version=4)) for _ in range(count)],
            "user_id": [str(uuid.UUID(int=int(user))) for user in random.integers(1, 8, count)],
            "symbol": random.choice(["BTC", "ETH"], count),
            "timeframe": random.choice(["1h", "4h"], count),
            "direction": random.choice(["LONG", "SHORT"], count),
            "ai_model": random.choice(["gpt", "gemini", ""], count),
            "completed_at": completed,
            "net": net,
            "won": net > 0,
        }
    )
    trades["ai_model"] = trades["ai_model"].replace("", None)
    with database.begin() as connection:
        signals = trades.drop(columns=["net", "won"]).assign(
            status=np.where(trades["won"], "completed_success", "completed_failure"),
            expires_at=trades["completed_at"] - pd.Timedelta("3min"),
            **dict.fromkeys(("entry_price", "stop_loss", *(f"take_profit_{k}" for k in (1, 2, 3))), 1),
        )
        copy_frame(connection, "trade_signals", signals)
        results = pd.DataFrame(
            {
                "trade_signal_id": trades["id"],
                "net_profit_loss": trades["net"],
                "profit_loss_percentage": trades["net"] / 10,
                "fees_paid": 2.0,
                "slippage_cost": 1.5,
            }
        )
        copy_frame(connection, "trade_results", results)
    return trades


def counts(database) -> list[tuple]:
    """Day, trades and net result of each row, for tests with few trades."""
    return [
        (str(row.day), row.total_trades, float(row.total_profit_loss))
        for row in rows(database, "SELECT * FROM daily_trade_stats ORDER BY day, total_profit_loss")
    ]


def catch_up(database) -> Sequence[date]:
    """What a run does with the days that have changed; answer which they were."""
    refresh_performance(database)
    days = due_days(database)
    roll_up_days(database, days)
    return days


def insert(database, net: float, *, user: uuid.UUID = USER, at: datetime = NOON, **values) -> uuid.UUID:
    with database.begin() as connection:
        status = "completed_success" if net > 0 else "completed_failure"
        return insert_settled(connection, status, net, user_id=user, completed_at=at, **values)


def test_the_rows_agree_with_pandas_and_add_up_to_the_cache(database):
    trades = settled_trades(database)
    refresh_performance(database)
    changed = roll_up_days(database, DAYS)

    keyed = trades.assign(day=trades["completed_at"].dt.date, loss=-trades["net"].where(~trades["won"], 0.0))
    keyed["ai_model"] = keyed["ai_model"].fillna("not known")
    keyed["profit"] = trades["net"].where(trades["won"], 0.0)
    expected = keyed.groupby(RESULT_KEY).agg(
        total_trades=("net", "size"),
        winning_trades=("won", "sum"),
        total_profit_loss=("net", "sum"),
        total_profit=("profit", "sum"),
        total_loss=("loss", "sum"),
    )
    found = rows(database, "SELECT * FROM daily_trade_stats")
    assert changed == len(found) == len(expected)
    for row in found:
        model = row.ai_model or "not known"
        wanted = expected.loc[(row.day, str(row.user_id), row.symbol, row.timeframe, row.direction, model)]
        for name, value in wanted.items():
            assert float(getattr(row, name)) == pytest.approx(value, abs=1e-6), name
        assert row.losing_trades == row.total_trades - row.winning_trades
        assert (row.fees_paid, row.slippage_cost) == (row.total_trades * 2, row.total_trades * Decimal("1.5"))
    added_up = rows(
        database,
        "SELECT user_id, sum(total_trades), sum(winning_trades), sum(losing_trades), sum(total_profit_loss), "
        "sum(total_profit), sum(total_loss) FROM daily_trade_stats GROUP BY user_id ORDER BY user_id",
    )
    cached = rows(
        database,
        "SELECT user_id, total_trades, winning_trades, losing_trades, total_profit_loss, total_profit, "
        "total_loss FROM atge_performance_cache ORDER BY user_id",
    )
    assert added_up == cached  # not to the cent: exactly
    assert [row.day for row in rows(database, "SELECT day FROM daily_kpis ORDER BY day")] == DAYS


def test_rolling_up_again_touches_no_row(database):
    settled_trades(database, 80)
    refresh_performance(database)
    assert roll_up_days(database, DAYS) > 0
    before = rows(database, EVERYTHING)
    assert roll_up_days(database, DAYS) == 0
    assert rows(database, EVERYTHING) == before
    assert due_days(database) == []


def test_days_beside_each_other_and_the_same_day_twice_at_once(database):
    settled_trades(database, 200)  # nobody has refreshed the users: each day does it
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda day: roll_up_days(database, [day]), DAYS[:5] + DAYS[:5] + DAYS[5:]))
    before = rows(database, EVERYTHING)
    assert rows(database, "SELECT sum(total_trades) FROM daily_trade_stats") == [(200,)]
    assert roll_up_days(database, DAYS) == 0
    assert rows(database, EVERYTHING) == before


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ("UPDATE trade_results SET net_profit_loss = 4", [("2026-03-02", 1, 4.0)]),
        ("UPDATE trade_results SET fees_paid = 9", [("2026-03-02", 1, 10.0)]),
        (
            "UPDATE trade_signals SET completed_at = completed_at + interval '1 day'",
            [("2026-03-03", 1, 10.0)],
        ),
        ("UPDATE trade_signals SET ai_model = 'gpt'", [("2026-03-02", 1, 10.0)]),
        ("UPDATE trade_signals SET user_id = gen_random_uuid()", [("2026-03-02", 1, 10.0)]),
        ("UPDATE trade_signals SET status = 'active', completed_at = NULL", []),
        ("UPDATE trade_signals SET status = 'expired'", []),
        ("DELETE FROM trade_results", [("2026-03-02", 1, 0.0)]),
        ("DELETE FROM trade_signals", []),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_whatever_changes_later_is_followed_by_itself(database, change, left):
    insert(database, 10.0)
    catch_up(database)
    assert counts(database) == [("2026-03-02", 1, 10.0)]
    run(database, change)
    assert date(2026, 3, 2) in catch_up(database)
    assert counts(database) == left
    assert due_days(database) == []
    assert rows(
        database, "SELECT * FROM daily_stats_mismatches(ARRAY(SELECT user_id FROM trade_signals))"
    ) == []  # fmt: skip


def test_a_late_settlement_is_followed_by_itself(database):
    insert(database, 10.0)
    catch_up(database)
    insert(database, -3.0, user=OTHER)
    insert(database, 5.0, at=NOON - timedelta(days=7))
    assert catch_up(database) == [date(2026, 3, 2), date(2026, 2, 23)]
    assert counts(database) == [("2026-02-23", 1, 5.0), ("2026-03-02", 1, -3.0), ("2026-03-02", 1, 10.0)]


@pytest.mark.parametrize(
    ("change", "users", "days"),
    [
        ("UPDATE trade_results SET ai_analysis = 'well'", 0, 1),  # a KPI of the day
        ("UPDATE trade_results SET ai_analysis_detail = '{}'", 0, 0),
        ("UPDATE trade_signals SET status_reason = 'targets'", 0, 0),
        ("UPDATE trade_results SET net_profit_loss = net_profit_loss", 0, 0),
        ("UPDATE trade_signals SET symbol = symbol", 0, 0),
        ("UPDATE trade_results SET net_profit_loss = 1", 1, 1),
        ("UPDATE trade_signals SET entry_price = 101", 1, 1),  # these three stand behind R and confidence
        ("UPDATE trade_signals SET stop_loss = 94", 1, 1),
        ("UPDATE trade_signals SET confidence_score = 81", 1, 1),
    ],
)
def test_only_what_matters_is_noted(database, change, users, days):
    insert(database, 10.0)
    run(database, "DELETE FROM performance_refreshes")
    run(database, "DELETE FROM daily_stats_due")
    run(database, change)
    noted = "SELECT (SELECT count(*) FROM performance_refreshes), (SELECT count(*) FROM daily_stats_due)"
    assert rows(database, noted) == [(users, days)]


def test_open_trades_are_nobodys_statistics(database):
    with database.begin() as connection:
        insert_signal(connection)
    run(database, "UPDATE trade_signals SET status = 'cancelled'")
    assert rows(database, "SELECT user_id FROM performance_refreshes") == []
    assert rows(database, "SELECT day FROM daily_stats_due") == []


def test_a_change_beside_a_refresh_is_not_forgotten(database):
    """A trade is being settled while its user, noted before, is refreshed without it."""
    insert(database, 10.0)
    with database.connect() as settling, settling.begin():
        insert_settled(settling, "completed_success", 5.0, completed_at=NOON)
        assert refresh_performance(database) == 1
        roll_up_days(database, [NOON.date()])
        assert counts(database) == [("2026-03-02", 1, 10.0)]
    assert refresh_performance(database) == 1
    assert due_days(database) == [NOON.date()]
    catch_up(database)
    assert counts(database) == [("2026-03-02", 2, 15.0)]


def test_a_day_that_disagrees_keeps_its_rows_and_says_why_and_the_others_go_on(database):
    insert(database, 10.0)
    insert(database, 7.0, user=OTHER, at=NOON + timedelta(days=1))
    catch_up(database)
    run(database, "UPDATE trade_results SET net_profit_loss = net_profit_loss + 1")
    refresh_performance(database)
    run(database, "UPDATE atge_performance_cache SET total_profit_loss = 10.99 WHERE user_id = :id", id=USER)
    with pytest.raises(DisagreementError) as refusal:
        roll_up_days(database, due_days(database))
    assert str(refusal.value) == (
        "The rollup of 2026-03-02 does not agree with atge_performance_cache for 1 of 1 users, so it was not "
        f"published: total_profit_loss of user {USER} is 11 by the daily rows and 10.99 in the cache"
    )
    assert counts(database) == [("2026-03-02", 1, 10.0), ("2026-03-03", 1, 8.0)]
    assert due_days(database) == [NOON.date()], "it is tried again"

    run(database, "SELECT calculate_atge_performance(:id)", id=USER)
    catch_up(database)
    assert counts(database) == [("2026-03-02", 1, 11.0), ("2026-03-03", 1, 8.0)]


def test_less_than_half_a_cent_is_no_disagreement(database):
    insert(database, 10.0)
    refresh_performance(database)
    run(database, "UPDATE atge_performance_cache SET total_profit_loss = total_profit_loss + 0.004")
    assert roll_up_days(database, [NOON.date()]) == 1


@pytest.mark.parametrize("figure", ["total_trades", "winning_trades", "losing_trades"])
def test_counts_must_agree_exactly(database, figure):
    insert(database, 10.0)
    refresh_performance(database)
    run(database, f"UPDATE atge_performance_cache SET {figure} = {figure} + 1")
    with pytest.raises(DisagreementError, match=figure):
        roll_up_days(database, [NOON.date()])


def test_rows_changed_by_hand_are_found_and_rebuilt(database):
    insert(database, 10.0)
    insert(database, 20.0, at=NOON + timedelta(days=1))
    catch_up(database)
    run(database, "UPDATE daily_trade_stats SET total_profit_loss = 0 WHERE day = '2026-03-02'")
    with pytest.raises(DisagreementError, match="is 20 by the daily rows and 30 in the cache"):
        roll_up_days(database, [NOON.date() + timedelta(days=1)])
    run(database, "INSERT INTO daily_stats_due (day) SELECT day FROM daily_kpis")  # as the page advises
    catch_up(database)
    assert counts(database) == [("2026-03-02", 1, 10.0), ("2026-03-03", 1, 20.0)]


@pytest.mark.parametrize("ahead", [0, 1, 400])
def test_a_day_that_is_not_over_is_refused_in_words(database, ahead):
    day = datetime.now(UTC).date() + timedelta(days=ahead)
    with pytest.raises(DayNotOverError) as refusal:
        roll_up_days(database, [day])
    until = day + timedelta(days=1)
    assert str(refusal.value) == f"{day} is not over yet: a day can be rolled up from {until} 00:00 UTC on"
    assert rows(database, "SELECT * FROM daily_kpis") == []


def test_today_is_not_due_before_it_is_over(database):
    insert(database, 10.0, at=datetime.now(UTC))
    assert due_days(database) == []
    assert rows(database, "SELECT day FROM daily_stats_due") != []


def test_it_wants_one_moment_for_all_that_it_reads(database):
    with pytest.raises(DBAPIError, match="ISOLATION LEVEL REPEATABLE READ"):
        run(database, "SELECT roll_up_day('2026-03-02')")
