"""The end of a replay: what it changed, or would change, as a row, as JSON and in words."""

import json
import logging
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any

from sqlalchemy import Connection, Engine

from include.database import sql
from include.humanize import count_text

logger = logging.getLogger(__name__)

DIFFERENCES_SHOWN = 20  # differences in money that a report lists


class ReplayUnfinishedError(RuntimeError):
    """Some batches of a replay are still to do."""


def report_replay(engine: Engine, replay_id: str) -> dict[str, Any]:
    """End a replay: store its report in `replays`, log it in words, and give it. Done twice, it is the same.

    Money is in US dollars, to the cent; the exact figures of each trade are in `replay_trades`. Raises
    ReplayUnfinishedError when batches are left.
    """
    key = {"replay_id": replay_id}
    with engine.begin() as connection:
        unfinished = connection.execute(sql("trades/find_unfinished_replays"), key).scalar_one()
        if unfinished:
            raise ReplayUnfinishedError(
                f"{count_text(unfinished, 'batch', 'batches')} of the replay "
                f"{'is' if unfinished == 1 else 'are'} not done: clear the failed tasks, and it goes on"
            )
        with localcontext() as context:
            context.traps[InvalidOperation] = False  # Infinity - Infinity is NaN here too, as in the database
            report = json.dumps(_compile(connection, replay_id))
        connection.execute(sql("trades/finish_replay"), key | {"report": report})
        stored: dict[str, Any] = connection.execute(sql("trades/read_replay"), key).one().report
    while True:
        with engine.begin() as connection:
            if connection.execute(sql("trades/forget_replays")).rowcount == 0:
                break
    for line in report_lines(stored):
        logger.info("%s", line)
    return stored


def report_lines(report: dict[str, Any]) -> list[str]:
    """Say a report in lines for a log."""
    verb = "would change" if report["dry_run"] else "changed"
    counts = ", ".join(f"{count} {outcome}" for outcome, count in report["outcomes"].items())
    lines = [
        f"{count_text(report['trades'], 'trade')} "
        f"{'looked at (dry run)' if report['dry_run'] else 'replayed'}: {counts}",
        f"net profit and loss {verb} by {report['difference']} USD, "
        f"from {report['net_before']} to {report['net_after']}",
    ]
    lines += [
        f"{change['from']} -> {change['to']}: {count_text(change['trades'], 'trade')}, "
        f"{change['difference']} USD"
        for change in report["changes"]
    ]
    lines += [
        f"{trade['id']} {trade['symbol']}: {trade['from']} {trade['net_before']} -> "
        f"{trade['to']} {trade['net_after']} ({trade['difference']} USD)"
        for trade in report["largest"]
    ]
    if report["analyses_redone"]:
        lines.append(
            f"{count_text(report['analyses_redone'], 'analysis', 'analyses')} to redo"
            if report["dry_run"]
            else f"{count_text(report['analyses_redone'], 'analysis', 'analyses')} set aside, to be redone"
        )
    if report["fetched"]:
        lines.append(f"{count_text(report['fetched']['candles'], 'candle')} new or changed by fetching again")
        lines += [f"{symbol}: {reason}" for symbol, reason in report["fetched"]["missing"].items()]
    lines += [f"left out: {count} {status}" for status, count in report["left_out"].items()]
    return lines


def _compile(connection: Connection, replay_id: str) -> dict[str, Any]:
    key = {"replay_id": replay_id}
    replay = connection.execute(sql("trades/read_replay"), key).one()
    groups = connection.execute(sql("trades/count_replay_outcomes"), key).all()
    largest = connection.execute(
        sql("trades/read_largest_differences"), key | {"limit": DIFFERENCES_SHOWN}
    ).all()
    fetched = connection.execute(sql("trades/count_replay_fetches"), key).one()
    outcomes: dict[str, int] = {}
    for group in groups:
        outcomes[group.outcome or "not settled again"] = outcomes.get(group.outcome, 0) + group.trades
    before, after = sum(group.net_before for group in groups), sum(group.net_after for group in groups)
    return {
        "dry_run": replay.dry_run,
        "redo": replay.redo,
        "trades": replay.trades,
        "outcomes": outcomes,
        "net_before": _cents(before),
        "net_after": _cents(after),
        "difference": _cents(after - before),
        "changes": [
            {
                "from": group.from_status,
                "to": group.to_status,
                "trades": group.trades,
                "difference": _cents(group.net_after - group.net_before),
            }
            for group in groups
            if group.outcome == "changed"
        ],
        "largest": [
            {
                "id": trade.id,
                "symbol": trade.symbol,
                "from": trade.from_status,
                "to": trade.to_status,
                "net_before": _cents(trade.net_before),
                "net_after": _cents(trade.net_after),
                "difference": _cents(trade.difference),
            }
            for trade in largest
        ],
        "analyses_redone": sum(group.analyses_redone for group in groups),
        "fetched": {"candles": fetched.candles, "missing": fetched.missing}
        if "candles" in replay.batches
        else None,
        "left_out": replay.left_out,
    }


def _cents(amount: Decimal | int | None) -> str | None:
    return None if amount is None else f"{amount:.2f}"
