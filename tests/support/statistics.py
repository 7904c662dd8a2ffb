"""A user's statistics in pandas, trade by trade: tests compare the SQL with it. It shares nothing with it."""

import uuid
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Connection, text

from tests.support.rows import USER

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
    "sharpe_ratio_annualised",
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
    daily = trades.set_index("completed_at")["percent"].resample("D").sum()  # days without a trade are 0
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
        "sharpe_ratio_annualised": daily.mean() / daily.std(ddof=1) * 365**0.5,
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
