"""What the page and the API show of portfolios and their risk."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from include.database import composed_sql, sql

Rows = Sequence[Row[Any]]


# What is read of each table; first the columns by which its rows of a day are in order.
NEWEST = {
    "risk_forecasts": "method, confidence, horizon, made_at, var, es, observations, missing, note",
    "risk_validations": (
        "method, confidence, test, observations, exceptions, statistic, p_value, verdict, missing"
    ),
    "risk_measures": "measure, value, money, note",
}


@dataclass(frozen=True)
class RiskState:
    """The newest forecasts, verdicts and measures of some portfolios; columns as in their tables."""

    forecasts: Rows
    verdicts: Rows
    measures: Rows


def read_states(connection: Connection, *, portfolio: str | None = None, rows: int = 50) -> Rows:
    """Read each portfolio, or the one that is named: its newest snapshot, its day, what failed since."""
    return connection.execute(sql("portfolio/list_states"), {"portfolio": portfolio, "rows": rows}).all()


def read_holdings(connection: Connection, portfolio: str, *, rows: int = 50) -> Rows:
    """Read what a portfolio held at its newest snapshot, the largest first."""
    return connection.execute(sql("portfolio/list_holdings"), {"portfolio": portfolio, "rows": rows}).all()


def read_values(connection: Connection, portfolio: str, *, rows: int = 250) -> Rows:
    """Read the last daily values, oldest first."""
    return connection.execute(sql("portfolio/list_values"), {"portfolio": portfolio, "rows": rows}).all()


def read_forecast_days(
    connection: Connection, portfolio: str, method: str, confidence: float, *, rows: int = 250
) -> Rows:
    """Read the last days that were forecast, oldest first, with what they brought."""
    asked = {"portfolio": portfolio, "method": method, "confidence": confidence, "rows": rows}
    return connection.execute(sql("portfolio/list_forecast_days"), asked).all()


def read_failures(connection: Connection, *, rows: int = 10) -> Rows:
    """Read what failed last, of syncs and of calculations, the newest first."""
    return connection.execute(sql("portfolio/list_failures"), {"rows": rows}).all()


def read_stress(
    connection: Connection, portfolios: Sequence[str], until: datetime, scenarios: dict[str, dict[str, float]]
) -> Rows:
    """Read what each scenario would do to what portfolios held just before a time: name, share, money."""
    asked = {"portfolios": list(portfolios), "until": until, "scenarios": json.dumps(scenarios)}
    return connection.execute(sql("portfolio/read_stress"), asked).all()


def read_risk(connection: Connection, portfolios: Sequence[str]) -> RiskState:
    """Read the newest risk of these portfolios."""
    asked = {"portfolios": list(portfolios)}
    newest = [
        composed_sql("portfolio/list_newest", table=table, columns=columns)
        for table, columns in NEWEST.items()
    ]
    return RiskState(*(connection.execute(statement, asked).all() for statement in newest))
