"""The risk of every portfolio after a day: values, outcomes, forecasts of the next day, verdicts, measures.

A day works on what was known at its end, so that a day worked out later gives the same rows. Of what was
there, values, forecasts and outcomes stay; verdicts and measures are written anew.

Days may come in any order, and several at once: a day first writes the values that days before it lack, and
in the end judges anew every later day that sees an outcome which it has added. What stands on rows of other
days is written by one transaction at a time.
"""

import json
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, Row

from include.database import sql
from include.portfolio.measures import measure_portfolio
from include.portfolio.overview import read_stress
from include.portfolio.value_at_risk import CONFIDENCES, METHODS, needed_observations, value_at_risks
from include.portfolio.verdicts import judge_forecasts
from include.turns import await_turn

RETURNS = 500  # that a forecast is made from, at most
OUTCOMES = 250  # that forecasts are judged by, at most
ENDS_AT = clock(23, 30, tzinfo=UTC)  # from then on a day counts as over
MADE_AT = clock(23, 45, tzinfo=UTC)  # when forecasts of the next day are due
LONGEST_GAP = timedelta(days=4)  # between two snapshots whose difference is the profit of a day
DAYS_BACK = 750  # within which values that are missing are written, and outcomes count for a verdict
TURN = "assess risk"
PORTFOLIOS_A_STEP = 100


@dataclass(frozen=True)
class Assessed:
    """What was written for a day; `insufficient`: forecasts for which returns are missing."""

    day: date
    portfolios: int
    forecasts: int
    insufficient: int
    outcomes: int


def assess(
    engine: Engine,
    day: date,
    *,
    scenarios: dict[str, dict[str, float]],
    benchmark: str | None,
    now: datetime | None = None,
) -> Assessed:
    """Work out a day (UTC) that is over. Run twice, it changes no forecast and no outcome.

    Raises ValueError for a day that is not over. Whatever else is raised is kept as a row before.
    """
    if (now or datetime.now(UTC)) < datetime.combine(day, ENDS_AT):
        raise ValueError(f"{day} is not over: it is worked out from {ENDS_AT:%H:%M} UTC on")
    begun = time.monotonic()
    written = {"portfolios": 0, "forecasts": 0, "insufficient": 0, "outcomes": 0}
    reason: str | None = None
    try:
        with engine.begin() as connection:
            await_turn(connection, TURN)
            asked = {"day": day, "longest_gap": LONGEST_GAP, "days_back": DAYS_BACK}
            connection.execute(sql("portfolio/write_values"), asked)
            portfolios = connection.execute(sql("portfolio/list_portfolios"), asked).scalars().all()
        for start in range(0, len(portfolios), PORTFOLIOS_A_STEP):
            step = portfolios[start : start + PORTFOLIOS_A_STEP]
            forecasts, outcomes = _assess_step(engine, day, step, scenarios, benchmark)
            written["portfolios"] += len(step)
            written["forecasts"] += sum(one["missing"] is None for one in forecasts)
            written["insufficient"] += sum(one["missing"] is not None for one in forecasts)
            written["outcomes"] += outcomes
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"[:2000]
        raise
    finally:
        took = timedelta(seconds=time.monotonic() - begun)
        with engine.begin() as connection:
            about = {"day": day, "reason": reason, "took": took}
            connection.execute(sql("portfolio/store_assessment"), {**written, **about})
    return Assessed(day, **written)


def _assess_step(
    engine: Engine,
    day: date,
    portfolios: Sequence[str],
    scenarios: dict[str, dict[str, float]],
    benchmark: str | None,
) -> tuple[list[dict[str, Any]], int]:
    """Forecasts, outcomes, verdicts and measures of some portfolios, in one transaction.

    Gives the forecasts, and how many outcomes were written.
    """
    with engine.begin() as connection:
        asked = {"day": day, "portfolios": [*portfolios, *([benchmark] if benchmark else [])]}
        read = connection.execute(sql("portfolio/read_returns"), {**asked, "observations": RETURNS})
        returns = {row.portfolio_id: row for row in read}
        index = _by_day(returns[benchmark]) if benchmark else None
        forecasts = [
            one for name in portfolios for one in _forecast(name, day, np.asarray(returns[name].returns))
        ]
        measures = [
            {"portfolio_id": name, **asdict(measure)}
            for name in portfolios
            for measure in measure_portfolio(_by_day(returns[name]), index, benchmark)
        ]
        until = datetime.combine(day + timedelta(days=1), clock(), UTC)
        measures += [
            {
                "portfolio_id": row.portfolio_id,
                "measure": f"stress: {row.name}",
                "value": row.share,
                "money": str(row.money),
            }
            for row in read_stress(connection, portfolios, until, scenarios)
        ]
        await_turn(connection, TURN)
        connection.execute(sql("portfolio/store_measures"), {"day": day, "measures": json.dumps(measures)})
        connection.execute(
            sql("portfolio/store_forecasts"),
            {
                "day": day + timedelta(days=1),
                "made_at": datetime.combine(day, MADE_AT),
                "forecasts": json.dumps(forecasts),
            },
        )
        return forecasts, _write_outcomes(connection, day, portfolios)


def _write_outcomes(connection: Connection, day: date, portfolios: Sequence[str]) -> int:
    """Write what became of forecasts, and the verdicts of this day and of each later one that sees it."""
    asked = {"day": day, "portfolios": list(portfolios)}
    written = connection.execute(sql("portfolio/write_outcomes"), asked).all()
    changed = {
        "portfolios": [row.portfolio_id for row in written],
        "first_days": [row.first_day for row in written],
        "days_back": DAYS_BACK,
    }
    later = connection.execute(sql("portfolio/list_days_to_judge"), changed)
    due = {row.day: row.portfolios for row in later} | {day: list(portfolios)}
    for judged, concerned in due.items():
        _write_verdicts(connection, judged, concerned)
    return sum(row.outcomes for row in written)


def _write_verdicts(connection: Connection, day: date, portfolios: Sequence[str]) -> None:
    """Judge the forecasts of some portfolios by the outcomes that were known at the end of a day."""
    asked = {"day": day, "portfolios": portfolios, "observations": OUTCOMES, "days_back": DAYS_BACK}
    verdicts = [
        {
            "portfolio_id": row.portfolio_id,
            "method": row.method,
            "confidence": str(row.confidence),
            **verdict,
        }
        for row in connection.execute(sql("portfolio/read_outcomes"), asked)
        for verdict in judge_forecasts(row.losses, row.vars, row.shortfalls, row.hits, float(row.confidence))
    ]
    connection.execute(sql("portfolio/store_validations"), {"day": day, "validations": json.dumps(verdicts)})


def _forecast(portfolio: str, day: date, returns: np.ndarray[Any, Any]) -> Iterator[dict[str, Any]]:
    """All methods by all confidences for the day after; what lacks returns says how many."""
    about: dict[str, Any] = {"portfolio_id": portfolio, "horizon": 1, "observations": len(returns)}
    missing = {confidence: needed_observations(confidence) - len(returns) for confidence in CONFIDENCES}
    enough = [confidence for confidence in CONFIDENCES if missing[confidence] <= 0]
    if enough:
        seed = zlib.crc32(f"{portfolio} {day}".encode())  # the same when it is worked out again
        for risk in value_at_risks(returns, confidences=enough, seed=seed):
            yield {**about, **asdict(risk), "missing": None}
    for confidence in CONFIDENCES:
        if missing[confidence] > 0:
            nothing = {"var": None, "es": None, "note": "Insufficient data", "missing": missing[confidence]}
            yield from (
                {**about, "method": method, "confidence": confidence, **nothing} for method in METHODS
            )


def _by_day(row: Row[Any]) -> dict[date, float]:
    return dict(zip(row.days, row.returns, strict=True))
