"""Replays in tests: settled trades, and what a replay leaves behind."""

from datetime import date

from include.settings import Settings
from include.trades.claim import claim_due
from include.trades.replay import ReplayRequest, replay_batches, start_replay
from include.trades.replay_report import report_replay
from include.trades.settle import settle_batch
from tests.support.trades import SETTINGS, rising, rows, store

TODAY = date(2026, 11, 20)
RUN_URL = "http://localhost:8080/dags/replay_trades/runs/1"
FORM = {
    "first_day": "2026-03-01",
    "redo": ["settlement"],
    "dry_run": False,
    "reason": "the archive was wrong",
}


def settle(database, settings: Settings = SETTINGS) -> None:
    """One sweep, without collecting."""
    for batch in claim_due(database, "sweep", settings).batches:
        settle_batch(database, "sweep", batch, settings)


def begin(database, replay_id: str = "replay 1", settings: Settings = SETTINGS, **form):
    request = ReplayRequest.read(FORM | form, TODAY)
    return start_replay(database, replay_id, request, requested_by="ann", run_url=RUN_URL, settings=settings)


def replay(database, replay_id: str = "replay 1", settings: Settings = SETTINGS, **form) -> dict:
    """A whole replay; its report."""
    replay_batches(database, begin(database, replay_id, settings, **form), "worker 0")
    return report_replay(database, replay_id)


def falling(symbol: str = "BTC"):
    """The mirror image of the rising minutes: a LONG at 100 is stopped at 98."""
    candles = rising(symbol)
    prices = candles[["open", "high", "low", "close"]]
    candles[["open", "high", "low", "close"]] = 200 - prices[["open", "low", "high", "close"]].to_numpy()
    return candles


def correct(database, symbol: str = "BTC") -> None:
    """The archive corrects its candles: prices fell."""
    store(database, falling(symbol))


RESULTS = """
SELECT signal.status, signal.status_reason, signal.completed_at, signal.updated_at AS changed_at, result.*
FROM trade_signals AS signal
LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
ORDER BY signal.symbol, signal.generated_at, signal.id
"""


def results(database) -> list:
    return rows(database, RESULTS)
