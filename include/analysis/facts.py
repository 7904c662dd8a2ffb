"""The facts of settled trades that a model is given, read so that one odd trade holds up no other."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DataError

from include.analysis.known import TEXTS_OF_OTHERS
from include.database import sql
from include.telemetry import error_in_words

if TYPE_CHECKING:
    from sqlalchemy import Engine

logger = logging.getLogger(__name__)

NO_NUMBERS = frozenset({"NaN", "Infinity", "-Infinity"})  # as PostgreSQL writes them into JSON


@dataclass(frozen=True)
class Trade:
    """A trade to explain, with the facts; `fault` says why it has none."""

    id: str
    user_id: str | None
    facts: dict[str, Any]
    fault: str | None = None


def read_facts(engine: Engine, ids: Sequence[str]) -> list[Trade]:
    """Read the facts of trades, in the order in which they are to be explained.

    What is no number or no time of a calendar is left out of its trade's facts, and said in the log. Where
    the statement fails, for a value that nobody foresaw, each trade is read alone.
    """
    try:
        return _read(engine, ids)
    except DataError as error:
        if len(ids) == 1:
            return [Trade(ids[0], None, {}, f"its facts cannot be read: {error_in_words(error)}")]
        logger.warning("facts are read one by one: %s", error_in_words(error))
        return [trade for id in ids for trade in read_facts(engine, [id])]


def _read(engine: Engine, ids: Sequence[str]) -> list[Trade]:
    with engine.begin() as connection:
        rows = connection.execute(sql("analysis/read_facts"), {"ids": list(ids)}).all()
    trades = []
    for row in rows:
        odd: list[str] = []
        facts = _without_odd(row.facts, "", odd)
        if odd:
            logger.warning("trade %s is explained without %s: no number or time", row.id, ", ".join(odd))
        trades.append(Trade(row.id, row.user_id, facts))
    return trades


def _without_odd(value: Any, name: str, odd: list[str]) -> Any:
    if isinstance(value, dict):
        return {
            inner: held if inner == TEXTS_OF_OTHERS else _without_odd(held, inner, odd)
            for inner, held in value.items()
            if inner == TEXTS_OF_OTHERS or not _is_odd(inner, held, odd)
        }
    if isinstance(value, list):
        return [_without_odd(held, name, odd) for held in value]
    return value


def _is_odd(name: str, value: Any, odd: list[str]) -> bool:
    if not isinstance(value, str):
        return False
    if name == "at" or name.endswith("_at"):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            odd.append(name)
            return True
        return False
    if value in NO_NUMBERS:
        odd.append(name)
        return True
    return False
