"""Results of a choice of trades: the kept rows say what the trades say, and what pandas says of them."""

import re
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import text

from include.database import composed_sql, copy_frame, sql
from include.days import days_between
from include.trades.outcomes import (
    MOST_TRADES,
    OF_A_USER,
    SINCE,
    OutcomeFilter,
    OutcomeFilterError,
    _parameters,
    read_outcome_choices,
    read_outcomes,
)
from include.trades.performance import refresh_performance
from include.trades.ratios import annual_sharpe, below_highest, running_sums
from include.trades.rollup import roll_up_days
from tests.support.rows import insert_settled
from tests.support.trades import rows, run

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 9)
BUSY = uuid.UUID(int=1)
CHOICES = [
    {},
    {"symbol": "BTC"},
    {"timeframe": "4h", "direction": "SHORT"},
    {"model": "unknown"},
    {"symbol": "ETH", "timeframe": "1h", "direction": "LONG", "model": "gpt"},
    {"first": "2026-03-03", "last": "2026-03-05"},
    {"symbol": "NONE"},
]


def store_trades(database, count: int = 400) -> pd.DataFrame:
    random = np.random.default_rng(5)
    completed = pd.Timestamp(FIRST, tz="UTC") + pd.to_timedelta(random.integers(0, 9 * 86_400, count), "s")
    trades = pd.DataFrame(
        {
            "id": [str(uuid.UUID(bytes=random.bytes(16), version=4)) for _ in range(count)],
            "user_id": [str(uuid.UUID(int=int(user))) for user in random.integers(1, 4, count)],
            "symbol": random.choice(["BTC", "ETH"], count),
            "timeframe": random.choice(["1h", "4h"], count),
            "direction": random.choice(["LONG", "SHORT"], count),
            "ai_model": random.choice(["gpt", "gemini", ""], count),
            "confidence_score": random.choice([0, 55, 70, 99.5, 100, np.nan], count),
            "generated_at": completed - pd.Timedelta("2h"),
            "completed_at": completed,
            "net": random.normal(1, 30, count).round(2),
        }
    )
    trades["won"] = trades["net"] > 0
    signals = trades.drop(columns=["net", "won"]).assign(
        ai_model=trades["ai_model"].replace("", None),
        status=np.where(trades["won"], "completed_success", "completed_failure"),
        expires_at=completed - pd.Timedelta("3min"),
        entry_price=100,
        stop_loss=98,
        **dict.fromkeys((f"take_profit_{k}" for k in (1, 2, 3)), 110),
    )
    results = pd.DataFrame(
        {
            "trade_signal_id": trades["id"],
            "net_profit_loss": trades["net"],
            "profit_loss_percentage": trades["net"] / 10,
            "fees_paid": 2.0,
        }
    )
    with database.begin() as connection:
        copy_frame(connection, "trade_signals", signals)
        copy_frame(connection, "trade_results", results)
    refresh_performance(database)
    roll_up_days(database, days_between(FIRST, LAST, at_most=31))
    return trades


def chosen_of(trades: pd.DataFrame, choice: dict) -> pd.DataFrame:
    for name in ("symbol", "timeframe", "direction"):
        if name in choice:
            trades = trades[trades[name] == choice[name]]
    if "model" in choice:
        trades = trades[trades["ai_model"] == choice["model"].replace("unknown", "")]
    days = trades["completed_at"].dt.date
    first = date.fromisoformat(choice.get("first", str(FIRST)))
    last = date.fromisoformat(choice.get("last", str(LAST)))
    return trades[(days >= first) & (days <= last)]


def read(database, choice, user=None):
    query = {"first": str(FIRST), **choice} | ({"user": str(user)} if user else {})
    return read_outcomes(database, OutcomeFilter.read(query, LAST))


def test_figures_are_those_of_pandas_for_all_and_for_one_user(database):
    trades = store_trades(database)
    for user in (None, BUSY):
        of_user = trades if user is None else trades[trades["user_id"] == str(user)]
        for choice in CHOICES:
            expected, found = chosen_of(of_user, choice), read(database, choice, user)
            total = found.total
            assert (total.trades, total.wins) == (len(expected), int(expected["won"].sum()))
            assert float(total.net) == pytest.approx(expected["net"].sum(), abs=0.001)
            assert float(total.profit - total.loss) == pytest.approx(expected["net"].sum(), abs=0.001)
            assert total.fees == 2 * len(expected)
            by_day = expected.groupby(expected["completed_at"].dt.date)["net"].sum()
            assert list(found.days) == list(by_day.index)
            assert [float(one.net) for one in found.days.values()] == pytest.approx(by_day.tolist())
            for kind, column in {"symbol": "symbol", "model": "ai_model", "timeframe": "timeframe"}.items():
                part = expected.groupby(column)["won"].agg(["size", "sum"])
                got = {name: (sums.trades, sums.wins) for name, sums in found.parts.get(kind, ())}
                assert got == {name: tuple(row) for name, row in part.iterrows()}
            risks = np.floor((expected["net"] / 10 / 2 + 2) / 0.25).clip(-1, 32).astype(int) + 1
            assert list(total.r_counts) == np.bincount(risks, minlength=34).tolist()
            sure = expected["confidence_score"].dropna()
            tens = np.minimum(sure // 10, 9).astype(int)
            assert list(total.confident) == np.bincount(tens, minlength=10).tolist()
            won = tens[expected.loc[sure.index, "won"]]
            assert list(total.confident_wins) == np.bincount(won, minlength=10).tolist()
            if len(expected):
                assert total.best == Decimal(str(expected["net"].max()))
                assert str(total.best_id) in set(expected[expected["net"] == expected["net"].max()]["id"])
                assert total.worst == Decimal(str(expected["net"].min()))


def test_a_users_figures_are_those_of_the_cache(database):
    store_trades(database, 150)
    found = read(database, {}, BUSY)
    (cache,) = rows(database, "SELECT * FROM atge_performance_cache WHERE user_id = :user", user=BUSY)
    assert (found.total.trades, found.total.wins) == (cache.total_trades, cache.winning_trades)
    assert found.total.net == cache.total_profit_loss
    assert (found.total.best_id, found.total.worst_id) == (cache.best_trade_id, cache.worst_trade_id)
    sharpe = annual_sharpe({day: sums.percent for day, sums in found.days.items()})
    assert sharpe == pytest.approx(float(cache.sharpe_ratio_annualised))
    daily = -min(below_highest(running_sums(sums.net for sums in found.days.values())))
    assert 0 <= daily <= cache.max_drawdown  # trade by trade it may fall deeper


def test_a_day_that_changes_is_behind_until_it_is_rolled_up(database):
    trades = store_trades(database, 60)
    one = trades.iloc[0]
    run(database, "UPDATE trade_results SET net_profit_loss = 5000 WHERE trade_signal_id = :id", id=one["id"])
    found = read(database, {})
    assert found.waiting == 1 and found.total.best < 5000
    kept = "SELECT xmin::text, p::text FROM platform_trade_stats AS p WHERE day <> :day ORDER BY 2"
    day = one["completed_at"].date()
    before = rows(database, kept, day=day)
    refresh_performance(database)
    roll_up_days(database, days_between(FIRST, LAST, at_most=31))
    found = read(database, {})
    assert found.waiting == 0 and str(found.total.best_id) == one["id"]
    assert rows(database, kept, day=day) == before  # days that have not changed stay, to the row
    strange = "UPDATE trade_results SET net_profit_loss = 'NaN' WHERE trade_signal_id = :id"
    run(database, strange, id=one["id"])
    refresh_performance(database)
    roll_up_days(database, [day])
    for user in (None, uuid.UUID(one["user_id"])):  # what is no number hides neither the best nor the worst
        same = trades["completed_at"].dt.date == day if user is None else trades["user_id"] == str(user)
        nets = trades["net"][same].iloc[1:]
        total = read(database, {"first": str(day), "last": str(day)} if user is None else {}, user).total
        assert [total.best, total.worst] == [Decimal(str(nets.max())), Decimal(str(nets.min()))]
    run(database, "DELETE FROM trade_signals WHERE completed_at::date = :day", day=day)
    refresh_performance(database)
    roll_up_days(database, [day])
    assert not rows(database, "SELECT FROM platform_trade_stats WHERE day = :day", day=day)


def test_today_is_read_from_the_trades(database):
    store_trades(database, 60)
    now = datetime.now(UTC)
    with database.begin() as connection:
        insert_settled(connection, "completed_success", 7.5, completed_at=now, symbol="SOL")
        insert_settled(connection, "completed_failure", None, completed_at=now, symbol="SOL")
        odd = insert_settled(connection, "completed_success", float("nan"), completed_at=now, symbol="DOGE")
        connection.execute(
            text("UPDATE trade_signals SET stop_loss = 'Infinity' WHERE id = :id"),
            {"id": odd},
        )
    found = read(database, {"symbol": "SOL"})
    assert (found.total.trades, found.total.wins, found.total.net) == (2, 1, Decimal("7.5"))
    assert list(found.days) == [now.date()]
    strange = read(database, {"symbol": "DOGE"}).total
    assert strange.net.is_nan() and not any(strange.r_counts) and not any(strange.confident)
    assert read(database, {}).total.trades == 63


def test_what_can_be_chosen(database):
    assert read_outcome_choices(database) == {}
    store_trades(database, 60)
    choices = read_outcome_choices(database)
    assert [name for name, _ in choices["symbol"]] == ["BTC", "ETH"]
    assert {name for name, _ in choices["model"]} == {"gpt", "gemini", ""}
    counts = [trades for _, trades in choices["user"]]
    assert counts == sorted(counts, reverse=True) and sum(counts) == 60


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"user": "me"}, "UUID"),
        ({"symbol": "x" * 10_000}, "letters"),
        ({"symbol": "a\0b"}, "sign"),
        ({"model": "\ud800"}, "sign"),
        ({"direction": "UP"}, "LONG"),
        ({"first": "12026-01-01"}, "first day"),
        ({"last": "infinity"}, "last day"),
        ({"last": "0001-01-01"}, "choose"),
        ({"first": "2026-02-02", "last": "2026-02-01"}, "before"),
    ],
)
def test_what_cannot_be_understood_is_said(query, word):
    with pytest.raises(OutcomeFilterError, match=word):
        OutcomeFilter.read(query, LAST)


def test_without_days_it_is_the_last_year():
    chosen = OutcomeFilter.read({}, LAST)
    assert chosen.first == LAST - timedelta(days=365) and chosen.last > LAST
    assert OutcomeFilter.read({"last": "0001-02-01"}, LAST).first == date(1, 1, 3)


def test_nothing_is_read_whole(database):
    """Each trade is found by its key, each choice by the index, whatever the tables hold."""
    with database.connect() as connection:
        # The tables are nearly empty, and what is known of them differs by run: other ways are closed.
        for way in ("seqscan", "hashjoin", "mergejoin", "bitmapscan"):
            connection.execute(text(f"SET LOCAL enable_{way} = off"))
        values = _parameters(OutcomeFilter()) | {
            "most": MOST_TRADES,
            "user": BUSY,
            "since": datetime.now(UTC),
        }
        statements = [
            composed_sql("trades/sum_up_trades", newest=OF_A_USER),
            composed_sql("trades/sum_up_trades", newest=SINCE),
            sql("trades/read_daily_results"),
        ]
        for statement in statements:
            plan = "\n".join(connection.execute(text(f"EXPLAIN {statement.text}"), values).scalars())
            assert "Seq Scan" not in plan
            if "trade_signals" in plan:
                # First the trade or first its result: both are found by the key.
                assert re.search(r"Index Cond: \((trade_signal_)?id = newest", plan) and "Limit" in plan
            else:
                assert plan.count("Index Cond: ((grouped =") >= 4
