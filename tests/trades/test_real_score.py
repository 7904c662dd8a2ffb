"""The score of 20,000 sample trades on a month of real minutes, against a separate computation in pandas."""

import uuid
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import text

from include.database import copy_frame
from include.trades.backtest import evaluate
from include.trades.performance import refresh_performance
from include.trades.rollup import due_days, roll_up_days
from tests.support.statistics import FIGURES, assert_same, expect

CANDLES = Path(__file__).parents[3] / "shared" / "data" / "nautilus" / "btc-perp-20211231-20220201_1m.csv"

pytestmark = pytest.mark.skipif(not CANDLES.exists(), reason=f"the recorded candles are not here: {CANDLES}")

TRADES, USERS = 20_000, 40
RESULT_KEY = ["day", "user_id", "symbol", "timeframe", "direction", "ai_model"]
RESULT = ["entry_at", "exit_at", "exit_reason", "gross_profit_loss", "fees_paid", "slippage_cost"]
RESULT += ["net_profit_loss", "profit_loss_percentage"]


def sample(candles: pd.DataFrame) -> pd.DataFrame:
    """Trades of one to six hours around the price of their first minute, as `evaluate` takes them."""
    random = np.random.default_rng(2022)
    first = random.integers(0, len(candles) - 400, TRADES)
    price = candles["open"].to_numpy()[first]
    short = random.random(TRADES) < 0.4
    sign = np.where(short, -1, 1)
    step = random.uniform(0.001, 0.004, TRADES)
    generated = candles["timestamp"].iloc[first].reset_index(drop=True)
    return pd.DataFrame(
        {
            "id": [str(uuid.UUID(bytes=random.bytes(16), version=4)) for _ in range(TRADES)],
            "user_id": [str(uuid.UUID(int=int(user) + 1)) for user in random.integers(0, USERS, TRADES)],
            "symbol": "BTC-PERP",
            "timeframe": random.choice(["15m", "1h", "4h"], TRADES),
            "direction": np.where(short, "SHORT", "LONG"),
            "ai_model": random.choice(["gpt", "gemini", None], TRADES),
            "entry_price": price * (1 - sign * random.uniform(0, 0.001, TRADES)),
            "stop_loss": price * (1 - sign * random.uniform(0.003, 0.02, TRADES)),
            **{f"take_profit_{k}": price * (1 + sign * k * step) for k in (1, 2, 3)},
            "allocation_1": 40.0,
            "allocation_2": 30.0,
            "allocation_3": 30.0,
            "generated_at": generated,
            "expires_at": generated + pd.to_timedelta(random.integers(60, 361, TRADES), "min"),
        }
    )


@pytest.fixture
def score(database):
    """Settled, refreshed and rolled up; gives the trades with their results, as the engine answered."""
    candles = pd.read_csv(CANDLES, parse_dates=["timestamp"])
    candles["timestamp"] = pd.to_datetime(candles["timestamp"], utc=True)
    trades = sample(candles)
    results = evaluate(trades, candles.assign(symbol="BTC-PERP"), interval="1min")
    random = np.random.default_rng(5)
    settled = trades.assign(
        status=results["status"],
        completed_at=trades["expires_at"] + pd.to_timedelta(random.integers(1, 400, TRADES), "s"),
        galaxy=np.where(random.random(TRADES) < 0.1, np.nan, random.integers(0, 101, TRADES)),
        **{name: results[name] for name in RESULT},
    )
    with database.begin() as connection:
        copy_frame(connection, "trade_signals", settled[[*trades.columns, "status", "completed_at"]])
        rows = settled[["id", *RESULT]].rename(columns={"id": "trade_signal_id"})
        copy_frame(connection, "trade_results", rows.assign(data_quality_score=100.0))
        snapshots = settled.dropna(subset=["galaxy"])[["id", "galaxy"]]
        copy_frame(
            connection,
            "trade_market_snapshot",
            snapshots.set_axis(["trade_signal_id", "galaxy_score"], axis=1),
        )
        connection.execute(text("ANALYZE"))
    assert refresh_performance(database) == USERS
    roll_up_days(database, due_days(database))
    return settled


def test_statistics_rollup_and_kpis_agree_with_pandas(database, score):
    trades = score[score["status"].isin(["completed_success", "completed_failure"])].rename(
        columns={"net_profit_loss": "net", "profit_loss_percentage": "percent"}
    )
    trades = trades.assign(won=trades["status"] == "completed_success", day=trades["completed_at"].dt.date)
    assert len(trades) > 15_000
    assert 0.2 < trades["won"].mean() < 0.8

    cached = pd.read_sql(text("SELECT * FROM atge_performance_cache"), database)
    for row in cached.to_dict("records"):
        found = {name: float(row[name]) if not name.endswith("_id") else row[name] for name in FIGURES}
        assert_same(found, expect(trades[trades["user_id"] == str(row["user_id"])]))

    daily = pd.read_sql(text("SELECT * FROM daily_trade_stats"), database)
    daily = daily.assign(user_id=daily["user_id"].astype(str), ai_model=daily["ai_model"].fillna("?"))
    expected = (
        trades.assign(
            ai_model=trades["ai_model"].fillna("?"),
            profit=trades["net"].where(trades["won"], 0.0),
            loss=-trades["net"].where(~trades["won"], 0.0),
        )
        .groupby(RESULT_KEY)
        .agg(
            total_trades=("net", "size"),
            winning_trades=("won", "sum"),
            total_profit_loss=("net", "sum"),
            total_profit=("profit", "sum"),
            total_loss=("loss", "sum"),
            fees_paid=("fees_paid", "sum"),
            slippage_cost=("slippage_cost", "sum"),
        )
        .astype(float)
    )
    found = daily.set_index(RESULT_KEY)[expected.columns].astype(float).sort_index()
    pd.testing.assert_frame_equal(found, expected.sort_index(), rtol=1e-9, atol=1e-9, check_index_type=False)

    with database.connect() as connection:  # beyond the cent: the database adds exactly
        different = connection.execute(
            text(
                "SELECT count(*) FROM atge_performance_cache AS cache WHERE total_profit_loss <> "
                "(SELECT sum(total_profit_loss) FROM daily_trade_stats WHERE user_id = cache.user_id)"
            )
        ).scalar_one()
    assert different == 0

    kpis = pd.read_sql(text("SELECT * FROM daily_kpis ORDER BY day"), database).set_index("day")
    by_day = score.assign(day=score["completed_at"].dt.date).groupby("day")
    assert kpis["trades_settled"].tolist() == by_day.size().tolist()
    assert (
        kpis["trades_not_entered"].tolist()
        == by_day["status"].apply(lambda s: (s == "expired").sum()).tolist()
    )
    rate = trades.groupby("day")["won"].mean() * 100
    assert kpis["success_rate"].astype(float).tolist() == pytest.approx(rate.tolist())
    late = (score["completed_at"] - score["expires_at"]).dt.total_seconds()
    for share, column in ((0.5, "latency_p50"), (0.95, "latency_p95"), (0.99, "latency_p99")):
        wanted = late.groupby(score["completed_at"].dt.date).quantile(share)
        assert kpis[column].astype(float).tolist() == pytest.approx(wanted.tolist())
