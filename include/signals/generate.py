"""The steps from a request to a stored signal, over one batch of attempts each.

Every step finds its work in `signal_attempts`, writes down what it found in a transaction of its own, and may
be repeated: what is done is not done again. It answers with a line for each attempt, for people who follow a
run. One attempt that fails never fails the others.
"""

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from include.candles import Source
from include.database import sql
from include.settings import Settings
from include.signals.attempts import Attempt, end, measure, note, read_batch, summarise
from include.signals.history import History, collect_histories, read_unbroken
from include.signals.indicators import as_row, compute, contradiction, recent_candles
from include.signals.propose import ask_for_proposals
from include.signals.requests import SIGNAL_LIFETIMES
from include.signals.snapshot import EndpointOf, SignalSnapshot, score, take_snapshots

logger = logging.getLogger(__name__)

# A signal is stored while the market is still the one that the model was shown.
SNAPSHOT_HOLDS = timedelta(minutes=15)
SLOT_TAKEN = "23P01"  # exclusion_violation, raised by the trigger take_signal_slot


def collect_batch(
    engine: Engine, run_id: str, batch: int, sources: Sequence[Source], settings: Settings
) -> dict[str, str]:
    """Fetch the candles that the markets of the batch lack; what could not be had is noted."""
    begun = time.monotonic()
    attempts = _attempts(engine, run_id, batch, settings)
    markets = {(attempt.symbol, attempt.timeframe) for attempt in attempts}
    short = collect_histories(engine, markets, sources, settings, datetime.now(UTC))
    lines = {}
    with engine.begin() as connection:
        for attempt in attempts:
            words = short.get((attempt.symbol, attempt.timeframe))
            found = {"indicators": {"not_collected": words}} if words else {}
            note(connection, attempt, time.monotonic() - begun, **found)
            lines[attempt.name] = words or "the candles are there"
    return _logged(lines)


def snapshot_batch(
    engine: Engine, run_id: str, batch: int, settings: Settings, endpoint: EndpointOf
) -> dict[str, str]:
    """Take a snapshot of each market of the batch; an attempt without a price ends here, with the reason."""
    begun = time.monotonic()
    attempts = _attempts(engine, run_id, batch, settings)
    symbols = sorted({attempt.symbol for attempt in attempts})
    snapshots = take_snapshots(engine, symbols, settings, endpoint)
    lines = {}
    with engine.begin() as connection:
        for attempt in attempts:
            snapshot, seconds = snapshots[attempt.symbol], time.monotonic() - begun
            if snapshot.no_price:
                reason = f"no price: {snapshot.no_price}"
                note(connection, attempt, 0, snapshot=snapshot.as_row())
                end(connection, attempt, "refused", reason, seconds)
                lines[attempt.name] = reason
            else:
                note(connection, attempt, seconds, snapshot=snapshot.as_row())
                lines[attempt.name] = _describe(snapshot)
    return _logged(lines)


def compute_batch(engine: Engine, run_id: str, batch: int, settings: Settings) -> dict[str, str]:
    """Compute indicators and score; too few candles, or ones that contradict the price, end an attempt."""
    begun = time.monotonic()
    attempts = _attempts(engine, run_id, batch, settings)
    now = datetime.now(UTC)
    lines = {}
    histories: dict[tuple[str, str], History] = {}
    for attempt in attempts:
        market = (attempt.symbol, attempt.timeframe)
        if market not in histories:
            histories[market] = read_unbroken(engine, *market, settings, now)
        with engine.begin() as connection:
            lines[attempt.name] = _compute(connection, attempt, histories[market], now, begun)
    return _logged(lines)


def propose_batch(
    engine: Engine, run_id: str, batch: int, settings: Settings, endpoint: EndpointOf
) -> dict[str, str]:
    """Ask the model about each market; what it proposed before is not asked for again.

    Raises LookupError when there is no connection `llm`, or none of the second model that is set.
    """
    model, second = endpoint("llm"), endpoint("llm_second") if settings.llm_second_model else None
    if model is None or (second is None and settings.llm_second_model):
        name = "llm" if model is None else "llm_second"
        raise LookupError(f"there is no connection {name}: docs/operating.md says what it should hold")
    attempts = [attempt for attempt in _attempts(engine, run_id, batch, settings) if attempt.proposal is None]
    return _logged(ask_for_proposals(engine, attempts, model, settings, second) if attempts else {})


def store_batch(engine: Engine, run_id: str, batch: int, settings: Settings) -> dict[str, str]:
    """Store each proposal as a signal with its indicators and its snapshot, in a transaction of its own."""
    lines = {}
    for attempt in _attempts(engine, run_id, batch, settings):
        begun = time.monotonic()
        try:
            with engine.begin() as connection:
                lines[attempt.name] = _store(connection, attempt, begun)
        except IntegrityError as error:
            if getattr(error.orig, "sqlstate", None) != SLOT_TAKEN:
                raise
            reason = "one signal a minute for each user, and another one was stored meanwhile"
            with engine.begin() as connection:
                end(connection, attempt, "rate_limited", reason, time.monotonic() - begun)
            lines[attempt.name] = reason
    return _logged(lines)


def _attempts(engine: Engine, run_id: str, batch: int, settings: Settings) -> list[Attempt]:
    with engine.begin() as connection:
        return read_batch(connection, run_id, batch, settings)


def _compute(connection: Connection, attempt: Attempt, history: History, now: datetime, begun: float) -> str:
    snapshot = attempt.snapshot or {}
    uncollected = (attempt.indicators or {}).get("not_collected")
    values = None if history.refusal else compute(history, attempt.timeframe)
    refusal = history.refusal or contradiction(snapshot["current_price"], history, (values or {})["atr_14"])
    said = {
        "status": "missing" if history.refusal else "used",
        "source": history.source,
        "held": history.held,
        "wanted": history.wanted,
        "taken_as_flat": history.bridged,
        **({"reason": uncollected} if uncollected else {}),
    }
    row = {
        **snapshot,
        "data_sources": {**snapshot["data_sources"], "candles": said},
        "data_quality_score": score(snapshot, history.held_share),
    }
    if refusal:
        note(connection, attempt, 0, snapshot=row)
        reason = f"{refusal}; {uncollected}" if uncollected else refusal
        end(connection, attempt, "refused", reason, time.monotonic() - begun)
        return reason
    computed = values or {}
    note(
        connection,
        attempt,
        time.monotonic() - begun,
        snapshot=row,
        indicators=as_row(history, computed, attempt.timeframe, now),
        recent_candles=recent_candles(history),
    )
    absent = [name for name, value in computed.items() if value is None]
    return (
        f"{history.held} of {history.wanted} candles from {history.source}, "
        + ", ".join(f"{name} {value:.6g}" for name, value in computed.items() if value is not None)
        + (f"; without {', '.join(absent)}" if absent else "")
        + f"; data quality {row['data_quality_score']:g}"
    )


def _store(connection: Connection, attempt: Attempt, begun: float) -> str:
    if attempt.snapshot is None or attempt.proposal is None:
        raise ValueError(f"{attempt.name}: to be stored before it was proposed")
    age = datetime.now(UTC) - datetime.fromisoformat(attempt.snapshot["snapshot_at"])
    if age > SNAPSHOT_HOLDS:
        reason = f"the snapshot is {age.total_seconds() / 60:.0f} minutes old: run it again"
        end(connection, attempt, "refused", reason, time.monotonic() - begun)
        return reason
    stored = connection.execute(
        sql("signals/store_signal"),
        {"id": attempt.id, "lives": SIGNAL_LIFETIMES[attempt.timeframe], "seconds": time.monotonic() - begun},
    ).one_or_none()
    if stored is None:
        return "ended meanwhile, see signal_attempts"
    measure(attempt, "stored", stored.seconds, stored.trade_signal_id)
    tables = "trade_signals, trade_technical_indicators and trade_market_snapshot"
    return f"signal {stored.trade_signal_id} is in {tables}"


def _describe(snapshot: SignalSnapshot) -> str:
    values, sources = snapshot.values, snapshot.sources
    parts = [f"{values['current_price']:g} USD from {sources['price']['source']}"]
    for words, name in (
        ("24 h %", "price_change_24h"),
        ("7 d %", "price_change_7d"),
        ("fear & greed", "fear_greed_index"),
        ("galaxy score", "galaxy_score"),
        ("alt rank", "alt_rank"),
        ("sentiment", "social_sentiment_score"),
    ):
        if values.get(name) is not None:
            parts.append(f"{words} {values[name]:.4g}")
    parts += [
        f"without {name}: {part['reason']}" for name, part in sources.items() if part["status"] == "missing"
    ]
    return ", ".join(parts)


def _logged(lines: dict[str, str]) -> dict[str, str]:
    for name, line in lines.items():
        logger.info("%s: %s", name, line)
    return summarise(lines)
