"""Work that the API starts: which DAG does it, with which form, or why it cannot be done just now.

Each `plan_…` looks at the trade in the caller's transaction and answers with a `Work`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from include.database import sql
from include.settings import Settings
from include.signals.requests import read_requests

SETTLED = ("completed_success", "completed_failure", "expired", "incomplete_data")


@dataclass(frozen=True)
class Work:
    """A run to be started: of which DAG, with which `conf`, for which user (None: for all) and trade."""

    dag_id: str
    conf: Mapping[str, Any] = field(default_factory=dict)
    user_id: UUID | None = None
    trade_signal_id: UUID | None = None


class TradeNotFoundError(LookupError):
    """There is no such trade, or it is another user's."""


class NotNowError(RuntimeError):
    """It cannot be done as things stand; the message says why."""


class TooSoonError(RuntimeError):
    """A limit is reached; `wait` is the seconds after which there is room again."""

    def __init__(self, words: str, wait: float) -> None:
        super().__init__(words)
        self.wait = wait


def plan_signal(
    connection: Connection, user_id: UUID, symbol: str, timeframe: str, settings: Settings
) -> Work:
    """Plan a signal for a user: one a minute, and so many in 24 hours as the setting says.

    Raises SignalRequestError for an unknown symbol, TooSoonError.
    """
    (request,) = read_requests(symbol, timeframe, str(user_id), settings)
    connection.execute(sql("web/await_turn"), {"who": f"user:{user_id}"})  # whoever asks for the user
    most = settings.api_signals_per_day
    used = connection.execute(
        sql("web/count_signals_asked"), {"user_id": user_id, "most": max(most, 1)}
    ).one()
    if used.asked >= most:
        wait = used.day_wait if most else 86400.0
        raise TooSoonError(f"{most} signals in 24 hours are asked for already (api_signals_per_day)", wait)
    if used.minute_wait is not None:
        raise TooSoonError("one signal a minute for each user", used.minute_wait)
    conf = {"symbol": request.symbol, "timeframe": request.timeframe, "user": str(user_id)}
    return Work("generate_signals", conf, user_id)


def plan_backtest(connection: Connection, trade_id: UUID, only_user: UUID | None, asked_by: str) -> Work:
    """Plan the settlement of a trade whose time is up, or the replay of one that is settled.

    Raises TradeNotFoundError, NotNowError.
    """
    trade = _read_trade(connection, trade_id, only_user)
    if trade.status in SETTLED:
        conf = {
            "trade_ids": [str(trade_id)],
            "redo": ["settlement"],
            "dry_run": False,
            "reason": f"asked for through the API by {asked_by}",
        }
        return Work("replay_trades", conf, trade.user_id, trade_id)
    if trade.status == "cancelled":
        raise NotNowError("the trade is cancelled: it is never settled")
    if not trade.due:
        raise NotNowError(f"the trade runs until {_time(trade.expires_at)}: it is settled after that")
    if trade.held:
        raise NotNowError("a sweep is settling the trade just now")
    if trade.waits_until is not None:
        raise NotNowError(
            f"the trade waits until {_time(trade.waits_until)}: {trade.reason or 'no reason is noted'}"
        )
    return Work("settle_trades", {}, trade.user_id, trade_id)


def plan_analysis(connection: Connection, trade_id: UUID, only_user: UUID | None) -> Work:
    """Plan the analysis of a settled trade that has none. Raises TradeNotFoundError, NotNowError."""
    trade = _read_trade(connection, trade_id, only_user)
    if trade.status not in SETTLED:
        raise NotNowError(f"the trade is {trade.status}: only a settled one is analysed")
    if not trade.has_result:
        raise NotNowError("the trade has no result that could be analysed")
    if trade.analysed:
        raise NotNowError("the trade has an analysis already")
    conf = {"ids": [str(trade_id)], "limit": 1, "dry_run": False}
    return Work("analyse_trades", conf, trade.user_id, trade_id)


def plan_collection(connection: Connection, trade_id: UUID, only_user: UUID | None) -> Work:
    """Plan fetching the candles that a trade's window lacks. Raises TradeNotFoundError, NotNowError."""
    trade = _read_trade(connection, trade_id, only_user)
    if not trade.has_window:
        raise NotNowError("the trade's window has not begun, or ends before it begins")
    if trade.too_long:
        raise NotNowError("the trade's window is longer than 366 days, which are the most that is fetched")
    return Work("collect_candles", {"trade_ids": [str(trade_id)]}, trade.user_id, trade_id)


def _read_trade(connection: Connection, trade_id: UUID, only_user: UUID | None) -> Any:
    found = connection.execute(
        sql("web/read_trade_state"), {"id": trade_id, "only_user": only_user}
    ).one_or_none()
    if found is None:
        raise TradeNotFoundError(f"There is no trade {trade_id}.")
    return found


def _time(moment: Any) -> str:
    return str(getattr(moment, "text", "") or f"{moment:%Y-%m-%d %H:%M} UTC")
