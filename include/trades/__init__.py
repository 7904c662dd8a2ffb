"""The life of a trade: claim, collect, gate, settle, and the score that is kept.

The steps of the sweep work on the trades that carry a claim (the sweep's run id) and may be repeated.
`evaluate` is the rule book (contract/backtest.md): it depends on NumPy and pandas only and imports quickly,
so the steps that need the database are imported when they are first asked for (PEP 562).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from include.trades.backtest import evaluate
    from include.trades.chosen import BadRequest, TradeFilter
    from include.trades.claim import Claimed, claim_due, count_waiting
    from include.trades.collect import collect_batch, collect_interval
    from include.trades.export import ExportRequest, export_trades
    from include.trades.gate import gate_batch
    from include.trades.performance import refresh_performance
    from include.trades.replay import (
        Replay,
        ReplayRequest,
        read_replay,
        refetch_candles,
        replay_batches,
        start_replay,
    )
    from include.trades.replay_report import ReplayUnfinished, report_replay
    from include.trades.rollup import DayNotOver, Disagreement, days_between, due_days, roll_up_days
    from include.trades.settle import settle_batch

__all__ = [
    "BadRequest",
    "Claimed",
    "DayNotOver",
    "Disagreement",
    "ExportRequest",
    "Replay",
    "ReplayRequest",
    "ReplayUnfinished",
    "TradeFilter",
    "claim_due",
    "collect_batch",
    "collect_interval",
    "count_waiting",
    "days_between",
    "due_days",
    "evaluate",
    "export_trades",
    "gate_batch",
    "read_replay",
    "refetch_candles",
    "refresh_performance",
    "replay_batches",
    "report_replay",
    "roll_up_days",
    "settle_batch",
    "start_replay",
]

_HOME = {
    "BadRequest": "chosen",
    "Claimed": "claim",
    "DayNotOver": "rollup",
    "Disagreement": "rollup",
    "ExportRequest": "export",
    "Replay": "replay",
    "ReplayRequest": "replay",
    "ReplayUnfinished": "replay_report",
    "TradeFilter": "chosen",
    "claim_due": "claim",
    "collect_batch": "collect",
    "collect_interval": "collect",
    "count_waiting": "claim",
    "days_between": "rollup",
    "due_days": "rollup",
    "evaluate": "backtest",
    "export_trades": "export",
    "gate_batch": "gate",
    "read_replay": "replay",
    "refetch_candles": "replay",
    "refresh_performance": "performance",
    "roll_up_days": "rollup",
    "replay_batches": "replay",
    "report_replay": "replay_report",
    "settle_batch": "settle",
    "start_replay": "replay",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
