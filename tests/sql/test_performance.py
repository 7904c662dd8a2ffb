"""The statistics of a user, against a computation in pandas that shares nothing with the SQL."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Connection, text

from include.database import copy_frame
from tests.sql.rows import NOW, USER, insert, insert_settled, insert_signal

FIGURES = {
    "total_trades",
    "winning_trades",
    "losing_trades",
    "success_rate",
    "total_profit_loss",
    "total_profit",
    "total_loss",
    "average_win",
    "average_loss",
    "best_trade_id",
    "best_trade_profit",
    "worst_trade_id",
    "worst_trade_loss",
    "sharpe_ratio",
    "max_drawdown",
    "profit_factor",
    "win_loss_ratio",
    "avg_galaxy_score_wins",
    "avg_galaxy_score_losses",
    "social_correlation",
}


def calculate(connection: Connection, user: uuid.UUID = USER) -> dict[str, Any]:
    statement = text("SELECT * FROM calculate_atge_performance(:user)")
    row = connection.execute(statement, {"user": user}).mappings().one()
    return {
        name: float(row[name]) if row[name] is not None and not name.endswith("_id") else row[name]
        for name in FIGURES
    }


def expect(trades: pd.DataFrame) -> dict[str, Any]:
    """What the columns' comments define, trade by trade: `id, net, percent, galaxy, completed_at, won`."""

    def ratio(a: float, b: float) -> float | None:
        return a / b if b else None

    def mean(values: pd.Series) -> float | None:
        values = values.dropna()
        return values.mean() if len(values) else None

    won, lost = trades[trades["won"]], trades[~trades["won"]]
    equity, peak, drawdown = 0.0, 0.0, 0.0
    for net in trades.sort_values(["completed_at", "exit_at", "id"])["net"]:
        equity += net
        peak = max(peak, equity)
        drawdown = max(drawdown, peak - equity)
    best, worst = trades.loc[trades["net"].idxmax()], trades.loc[trades["net"].idxmin()]
    pairs = trades.dropna(subset=["galaxy"])
    return {
        "total_trades": len(trades),
        "winning_trades": len(won),
        "losing_trades": len(lost),
        "success_rate": 100 * len(won) / len(trades),
        "total_profit_loss": trades["net"].sum(),
        "total_profit": won["net"].sum(),
        "total_loss": -lost["net"].sum(),
        "average_win": mean(won["net"]),
        "average_loss": mean(lost["net"]),
        "best_trade_id": uuid.UUID(best["id"]),
        "best_trade_profit": best["net"],
        "worst_trade_id": uuid.UUID(worst["id"]),
        "worst_trade_loss": worst["net"],
        "sharpe_ratio": trades["percent"].mean() / trades["percent"].std(ddof=1),
        "max_drawdown": drawdown,
        "profit_factor": ratio(won["net"].sum(), -lost["net"].sum()),
        "win_loss_ratio": ratio(len(won), len(lost)),
        "avg_galaxy_score_wins": mean(won["galaxy"]),
        "avg_galaxy_score_losses": mean(lost["galaxy"]),
        "social_correlation": np.corrcoef(pairs["galaxy"], pairs["percent"])[0, 1],
    }


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        close = pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value
        assert found[name] == close, name


@pytest.fixture
def random_trades(database) -> pd.DataFrame:
    """400 settled trades of five users, some completed at one moment, some without a snapshot."""
    random = np.random.default_rng(7)
    count = 400
    net = random.normal(2, 40, count).round(6)
    sizes = random.choice([500.0, 1000.0, 2000.0], count)
    trades = pd.DataFrame(
        {
            "id": [str(uuid.UUID(bytes=random.bytes(16), version=4)) for _ in range(count)],
            "user": [str(uuid.UUID(int=int(user))) for user in random.integers(1, 6, count)],
            "completed_at": NOW - pd.to_timedelta(random.integers(0, 40, count), "h"),
            "exit_at": NOW - pd.to_timedelta(random.integers(50, 60, count), "h"),
            "net": net,
            "percent": (100 * net / sizes).round(8),
            "galaxy": np.where(random.random(count) < 0.2, np.nan, random.integers(0, 101, count)),
            "won": net > 0,
        }
    )
    with database.begin() as connection:
        fixed = {"symbol": "BTC", "timeframe": "1h", "entry_price": 1, "stop_loss": 1, "expires_at": NOW}
        signals = trades[["id", "completed_at"]].assign(
            user_id=trades["user"],
            status=np.where(trades["won"], "completed_success", "completed_failure"),
            **fixed,
            **{f"take_profit_{target}": 1 for target in (1, 2, 3)},
        )
        copy_frame(connection, "trade_signals", signals)
        results = {"id": "trade_signal_id", "net": "net_profit_loss", "percent": "profit_loss_percentage"}
        copy_frame(connection, "trade_results", trades[["exit_at", *results]].rename(columns=results))
        snapshots = trades.dropna(subset=["galaxy"])[["id", "galaxy"]]
        copy_frame(
            connection,
            "trade_market_snapshot",
            snapshots.rename(columns={"id": "trade_signal_id", "galaxy": "galaxy_score"}),
        )
        # none of these count, nor does an older snapshot
        for status in ("active", "expired", "incomplete_data", "cancelled"):
            insert_settled(connection, status, 1e6, galaxy=100)
        old = {"galaxy_score": 0, "snapshot_at": NOW - timedelta(days=9)}
        insert(connection, "trade_market_snapshot", trade_signal_id=snapshots["id"].iloc[0], **old)
    return trades


def test_it_agrees_with_an_independent_computation(database, random_trades):
    for user, trades in random_trades.groupby("user"):
        with database.begin() as connection:
            assert_same(calculate(connection, uuid.UUID(user)), expect(trades))


def test_many_users_at_once_are_as_each_alone(database, random_trades):
    users = [uuid.UUID(user) for user in random_trades["user"].unique()]
    with database.begin() as connection:
        each = {user: calculate(connection, user) for user in users}
        connection.execute(text("UPDATE atge_performance_cache SET total_trades = -1, sharpe_ratio = -1"))
        refreshed = connection.execute(
            text("SELECT refresh_atge_performance(:users)"), {"users": [*users, users[0], None]}
        ).scalar_one()
        rows = connection.execute(text("SELECT * FROM atge_performance_cache")).mappings().all()
    assert refreshed == len(users) == len(rows) == 5
    for row in rows:
        assert row["total_trades"] == each[row["user_id"]]["total_trades"]
        assert float(row["sharpe_ratio"]) == each[row["user_id"]]["sharpe_ratio"]


def test_other_users_are_left_alone(database, random_trades):
    users = [uuid.UUID(user) for user in sorted(random_trades["user"].unique())]
    with database.begin() as connection:
        calculate(connection, users[0])
        assert (
            connection.execute(text("SELECT user_id FROM atge_performance_cache")).scalars().all()
            == users[:1]
        )
        assert connection.execute(text("SELECT refresh_atge_performance('{}')")).scalar_one() == 0


NOTHING = dict.fromkeys(FIGURES) | dict.fromkeys(
    (name for name in FIGURES if name.startswith("total_") or name.endswith("_trades")), 0.0
)
NOTHING["max_drawdown"] = 0.0


def test_a_user_without_settled_trades(database):
    with database.begin() as connection:
        insert_signal(connection)
        assert calculate(connection) == NOTHING


def test_a_user_with_one_won_trade(database):
    with database.begin() as connection:
        trade = insert_settled(connection, "completed_success", 20.0, galaxy=70)
        assert calculate(connection) == NOTHING | {
            "total_trades": 1,
            "winning_trades": 1,
            "success_rate": 100,
            "total_profit_loss": 20,
            "total_profit": 20,
            "average_win": 20,
            "best_trade_id": trade,
            "best_trade_profit": 20,
            "worst_trade_id": trade,
            "worst_trade_loss": 20,
            "avg_galaxy_score_wins": 70,
        }


def test_a_user_who_only_lost(database):
    with database.begin() as connection:
        for net in (-10.0, -30.0, 0.0):
            insert_settled(connection, "completed_failure", net)
        found = calculate(connection)
    assert (found["success_rate"], found["total_loss"], found["average_loss"]) == (
        0,
        40,
        pytest.approx(-40 / 3),
    )
    assert (found["profit_factor"], found["win_loss_ratio"], found["average_win"]) == (0, 0, None)
    assert found["max_drawdown"] == 40
    assert found["sharpe_ratio"] < 0


def test_a_user_who_only_won(database):
    with database.begin() as connection:
        for net in (10.0, 30.0):
            insert_settled(connection, "completed_success", net)
        found = calculate(connection)
    assert (found["success_rate"], found["total_loss"], found["max_drawdown"]) == (100, 0, 0)
    assert (found["profit_factor"], found["win_loss_ratio"], found["average_loss"]) == (None, None, None)


@pytest.mark.parametrize("same", [1.0, 0.1, 1e-9, 12345.678])
def test_without_variation_there_is_neither_sharpe_nor_correlation(database, same):
    """PostgreSQL's own corr() answers with rounding errors for most constants."""
    with database.begin() as connection:
        for galaxy in range(7):
            insert_settled(connection, "completed_success", same, galaxy=galaxy)
        varied_score = calculate(connection)
        connection.execute(text("UPDATE trade_market_snapshot SET galaxy_score = :same"), {"same": same})
        connection.execute(text("UPDATE trade_results SET profit_loss_percentage = random()"))
        same_score = calculate(connection)
    assert (varied_score["sharpe_ratio"], varied_score["social_correlation"]) == (None, None)
    assert same_score["social_correlation"] is None
    assert same_score["sharpe_ratio"] is not None


def test_a_settled_trade_whose_result_is_missing_counts_without_money(database):
    with database.begin() as connection:
        insert_signal(connection, status="completed_success", completed_at=NOW)
        insert_settled(connection, "completed_failure", -5.0)
        found = calculate(connection)
    assert (found["total_trades"], found["winning_trades"], found["total_profit_loss"]) == (2, 1, -5)
    assert (found["average_win"], found["best_trade_profit"]) == (None, -5)


def test_of_two_refreshes_at_once_the_later_sees_all(database):
    """The second one waits for the row and then counts what was committed meanwhile."""
    with database.begin() as connection:
        insert_settled(connection, "completed_success", 1.0)
        calculate(connection)
    started = threading.Event()

    def second() -> float:
        with database.begin() as connection:
            connection.execute(text("SELECT 1"))
            started.set()
            return calculate(connection)["total_trades"]

    with ThreadPoolExecutor(1) as pool, database.begin() as first:
        # as far as a refresh is when it calculates: it holds the row and has not written it yet
        first.execute(text("SELECT FROM atge_performance_cache FOR UPDATE"))
        waiting = pool.submit(second)
        assert started.wait(timeout=10)
        with database.begin() as observer:
            waits = text(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            while not observer.execute(waits).scalar_one():
                observer.execute(text("SELECT pg_sleep(0.02), pg_stat_clear_snapshot()"))
        insert_settled(first, "completed_success", 2.0)
        first.commit()
        assert waiting.result(timeout=10) == 2
