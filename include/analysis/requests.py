"""Analyses by hand: trades chosen by a person, a work list in the database, worked off in batches.

The work list is the run's: cleared and run again, it goes on with what is left. A former analysis stays in
`trade_analyses`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from include.analysis.postmortem import POSTMORTEM_INSTRUCTIONS
from include.analysis.writing import Analysed, Job, PostmortemWriter
from include.database import sql
from include.llm import cost_of, price_of, worst_case
from include.trades.trade_filter import TradeFilter, TradeRequestError, read_ids, read_names

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from include.settings import Endpoint, Settings

logger = logging.getLogger(__name__)

BATCH_SIZE = 100
MAX_TRADES_A_RUN = 10_000  # trades that one run may take: a hundred batches
BATCH_WORKING_TIME = timedelta(minutes=25)  # of the batch's task, which ends after thirty minutes
# More than the facts of a trade take, with the texts of others at their longest.
LONGEST_FACTS = 16_000  # bytes


@dataclass(frozen=True)
class Selection:
    """Which settled trades, and what to do with them."""

    trades: TradeFilter  # without a window: its days are not those of the settlement
    since: datetime | None  # of the settlement
    until: datetime | None
    redo: bool
    model: str | None
    limit: int

    @classmethod
    def read(cls, form: Mapping[str, Any]) -> Selection:
        """Read `ids, since, until, symbols, users, redo, model, limit` of a form; see TradeRequestError."""
        ids = read_ids(form, "ids")
        since, until = (_moment(name, form.get(name)) for name in ("since", "until"))
        if ids is None and since is None and until is None:
            raise TradeRequestError(
                "name the trades: ids, or a window of settlement with since, until or both"
            )
        if since and until and since >= until:
            raise TradeRequestError(
                f"since ({since:%Y-%m-%d %H:%M}) must be before until ({until:%Y-%m-%d %H:%M})"
            )
        limit = form.get("limit", 1000)
        if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MAX_TRADES_A_RUN:
            raise TradeRequestError(
                f"limit must be a whole number from 1 to {MAX_TRADES_A_RUN}, not {limit!r}"
            )
        if ids and len(ids) > limit:
            raise TradeRequestError(
                f"{len(ids)} ids are more than the limit of {limit}: raise it, or name fewer"
            )
        return cls(
            TradeFilter(symbols=read_names(form, "symbols"), users=read_ids(form, "users"), trade_ids=ids),
            since=since,
            until=until,
            redo=bool(form.get("redo")),
            model=(form.get("model") or "").strip() or None,
            limit=limit,
        )

    def parameters(self) -> dict[str, Any]:
        """The selection for a query: those of the filter, with the window of settlement."""
        wanted = {"first": self.since, "after": self.until, "redo": self.redo, "limit": self.limit}
        return self.trades.parameters() | wanted


def plan_analyses(
    engine: Engine, run_id: str, selection: Selection, settings: Settings, *, dry_run: bool
) -> dict[str, Any]:
    """Find the trades, estimate the cost and, unless it is a dry run, write the run's work list down.

    Gives a report for people: `trades`, `without_analysis`, `to_replace`, `batches`, `model`, and what it may
    cost in US dollars: `estimated_usd` by the tokens of the last 30 days, `at_most_usd`, should the second
    model be asked each time as well; None is unknown.

    Raises:
        TradeRequestError: ids that are no settled trades, or a model that the budget does not allow.
    """
    model = selection.model or settings.analysis_model
    if price_of(model, settings) is None and settings.llm_daily_budget_usd is not None:
        raise TradeRequestError(
            f"the model {model!r} has no price, so the daily budget cannot be kept: add it to llm_prices"
        )
    claim_id = _claim_id(run_id)
    with engine.begin() as connection:
        found = _select(connection, selection)
        report: dict[str, Any] = {
            "dry_run": dry_run,
            "model": model,
            "trades": len(found),
            "without_analysis": list(found.values()).count(False),
            "to_replace": list(found.values()).count(True),
            **_cost(connection, len(found), model, settings),
        }
        if not dry_run:
            connection.execute(
                sql("analysis/request_analyses"),
                {
                    "claim_id": claim_id,
                    "ids": list(found),
                    "batch_size": BATCH_SIZE,
                    "model": model,
                    "redo": selection.redo,
                },
            )
        batches = connection.execute(sql("analysis/read_requested"), {"claim_id": claim_id}).all()
    report["batches"] = [row.batch for row in batches if row.unfinished]
    logger.info("%s", report)
    return report


def _select(connection: Connection, selection: Selection) -> dict[str, bool]:
    """Give the trades with whether they are analysed; complain of ids that are not settled."""
    if ids := selection.trades.trade_ids:
        by_id = Selection(
            TradeFilter(trade_ids=ids), None, None, redo=True, model=None, limit=selection.limit
        )
        settled = {row.id for row in connection.execute(sql("analysis/select_analyses"), by_id.parameters())}
        if unknown := [str(trade) for trade in ids if str(trade) not in settled]:
            raise TradeRequestError(
                f"{len(unknown)} of the ids are no settled trades: {', '.join(unknown[:5])}"
            )
    chosen = connection.execute(sql("analysis/select_analyses"), selection.parameters())
    return {row.id: row.analysed for row in chosen}


def _cost(connection: Connection, trades: int, model: str, settings: Settings) -> dict[str, str | None]:
    price = price_of(model, settings)
    if price is None:
        return {"estimated_usd": None, "at_most_usd": None}
    second = settings.llm_second_model if _may_ask_second(model, settings) else None
    prices = [price, *([price_of(second, settings)] if second else [])]
    average = connection.execute(sql("analysis/average_cost")).one()
    estimated = None
    if average.prompt_tokens is not None and average.completion_tokens is not None:
        tokens = int(average.prompt_tokens), int(average.completion_tokens)
        estimated = str(round(trades * cost_of(price, *tokens), 4))
    # Each may be asked twice, when its first answer is rejected.
    size = len(POSTMORTEM_INSTRUCTIONS.encode()) + LONGEST_FACTS
    if None in prices:
        return {"estimated_usd": estimated, "at_most_usd": None}
    each = sum(worst_case(known, size, settings.llm_answer_length) for known in prices if known)
    return {"estimated_usd": estimated, "at_most_usd": str(round(2 * trades * each, 4))}


def _may_ask_second(model: str, settings: Settings) -> bool:
    """Whether the second model may answer in this one's place: not in that of one that a person named."""
    return bool(settings.llm_second_model) and model == settings.analysis_model


def analyse_batch(
    engine: Engine,
    endpoint: Endpoint,
    run_id: str,
    batch: int,
    settings: Settings,
    *,
    second: Endpoint | None = None,
) -> Analysed:
    """Work off one batch of the run's list, as far as it is not done.

    `second` is where the second model answers; it stands in for the model of the settings only.

    `Analysed.stopped` says why it ended early, if trades of the batch are left. Raises LookupError when the
    run has no such batch, DatabaseError when the database is away.
    """
    claim_id = _claim_id(run_id)
    wanted = _read_batch(engine, claim_id, batch)
    job = Job(
        claim_id=claim_id,
        requested_by=claim_id,
        model=wanted.model,
        redo=wanted.redo,
        limit=wanted.trades,
        working_time=BATCH_WORKING_TIME,
    )

    def claim(connection: Connection, limit: int) -> list[str]:
        connection.execute(
            sql("maintenance/set_back_future_rows"), {"tables": ["analysis_claims"], "lease": settings.lease}
        )
        rows = connection.execute(
            sql("analysis/claim_requested"),
            {"claim_id": claim_id, "batch": batch, "limit": limit, "lease": settings.lease},
        )
        return list(rows.scalars())

    writer = PostmortemWriter(engine, job, claim, settings)
    behind = second if _may_ask_second(wanted.model, settings) else None
    analysed = asyncio.run(writer.work_off(endpoint, behind))
    left = _read_batch(engine, claim_id, batch).unfinished
    if not left:
        analysed.stopped = None
    elif analysed.stopped is None:
        analysed.stopped = "other runs work on them"
    return analysed


def _read_batch(engine: Engine, claim_id: str, batch: int) -> Any:
    with engine.connect() as connection:
        rows = connection.execute(sql("analysis/read_requested"), {"claim_id": claim_id})
        for row in rows:
            if row.batch == batch:
                return row
    raise LookupError(f"{claim_id} has no batch {batch}: its work list is gone")


def read_outcomes(engine: Engine, run_id: str) -> dict[str, int]:
    """Count what became of the trades of a run: `stored`, `not_needed`, `unfinished`, or why not."""
    with engine.connect() as connection:
        rows = connection.execute(sql("analysis/count_outcomes"), {"claim_id": _claim_id(run_id)})
        return {row.outcome: row.trades for row in rows}


def _claim_id(run_id: str) -> str:
    return f"analyse_trades {run_id}"


def _moment(name: str, value: object) -> datetime | None:
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise TradeRequestError(
            f"{name}: {str(value)[:60]!r} is no time; write 2026-03-02T12:00 (UTC)"
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
