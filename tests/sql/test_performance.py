"""The statistics of a user, against a computation in pandas that shares nothing with the SQL."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import text

from include.database import copy_frame
from tests.support.rows import NOW, insert, insert_settled, insert_signal
from tests.support.statistics import FIGURES, assert_same, calculate, expect


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
    assert varied_score["sharpe_ratio_annualised"] is None
    assert same_score["social_correlation"] is None
    assert same_score["sharpe_ratio"] is not None


def test_the_annualised_sharpe_ratio_counts_every_day_between_the_first_and_the_last(database):
    """Results of 1, 0, 0 and 2 percent on four days: 0.75 / 0.957427 * sqrt(365)."""
    with database.begin() as connection:
        insert_settled(connection, "completed_success", 10.0, completed_at="2026-03-01 00:00+00")
        assert calculate(connection)["sharpe_ratio_annualised"] is None, "one day has no spread"
        insert_settled(connection, "completed_success", 20.0, completed_at="2026-03-04 23:59:59+00")
        found = calculate(connection)
        assert found["sharpe_ratio_annualised"] == pytest.approx(0.75 / 0.9574271 * 365**0.5, rel=1e-6)
        assert found["sharpe_ratio"] == pytest.approx(1.5 / 0.5**0.5, rel=1e-9)
        connection.execute(text("UPDATE trade_signals SET completed_at = '2026-03-02 12:00+00'"))
        assert calculate(connection)["sharpe_ratio_annualised"] is None


def test_days_that_are_all_alike_have_no_annualised_sharpe_ratio(database):
    with database.begin() as connection:
        for day in (1, 2, 3):
            insert_settled(connection, "completed_success", 0.3, completed_at=f"2026-03-0{day} 12:00+00")
        assert calculate(connection)["sharpe_ratio_annualised"] is None


def test_a_trade_of_the_first_platform_without_a_completion_belongs_to_its_expiry(database):
    with database.begin() as connection:
        when = {"completed_at": None, "expires_at": "2026-03-01 12:00+00"}
        early = insert_settled(connection, "completed_failure", -7.0, **when)
        insert_settled(connection, "completed_success", 20.0, completed_at="2026-03-02 12:00+00")
        found = calculate(connection)
    assert (found["max_drawdown"], found["worst_trade_id"]) == (7, early)
    assert found["sharpe_ratio_annualised"] is not None


DOCS = Path(__file__).parents[2] / "docs" / "statistics.md"


@pytest.mark.parametrize("table", ["atge_performance_cache", "daily_kpis", "daily_trade_stats"])
def test_the_page_repeats_the_definition_of_every_column(database, table):
    """`| column | words |`, as the comment on the column has them."""
    with database.connect() as connection:
        comments = connection.execute(
            text(
                "SELECT attname, col_description(attrelid, attnum) FROM pg_attribute "
                "WHERE attrelid = CAST(:table AS regclass) AND attnum > 0 AND NOT attisdropped"
            ),
            {"table": table},
        ).all()
    section = DOCS.read_text().partition(f"`{table}`\n")[2].partition("\n## ")[0]
    named_by_themselves = {"user_id", "symbol", "timeframe", "direction"}
    for column, words in comments:
        if words is None:
            assert table == "daily_trade_stats" and column in named_by_themselves
        else:
            assert f"| `{column}` | {words} |" in section


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
