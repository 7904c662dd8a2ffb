"""A signal on what bitcoin did in January 2022, moved to end now; indicators again by pandas and talipp.

The minutes come from an archive and the price from a service that answers with the newest close; only the
model is the sandbox's.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
import talipp.indicators as reference
from talipp.ohlcv import OHLCV

from include.settings import Endpoint, Settings
from include.signals.prompt import Levels, SignalAnswer
from include.signals.validate import ALLOCATION_FIELDS, PRICE_FIELDS, Market, find_faults, risk_reward
from tests.signals.generation import Generation, request
from tests.support.http_server import Server, reply

FILE = Path(__file__).parents[3] / "shared/data/nautilus/btc-perp-20211231-20220201_1m.csv"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"the recorded candles are not here: {FILE}")


@pytest.fixture(scope="module")
def minutes(tmp_path_factory):
    """The recorded minutes, the last of which closes at this minute, as a frame and as an archive of BTC."""
    frame = pd.read_csv(FILE)
    times = pd.to_datetime(frame["timestamp"], utc=True)
    closed = pd.Timestamp(datetime.now(UTC)).floor("1min")
    frame["timestamp"] = times + (closed - pd.Timedelta(minutes=1) - times.iloc[-1])
    folder = tmp_path_factory.mktemp("archive")
    frame.to_csv(folder / "BTCUSDT_1m.csv", index=False)
    return frame, folder


@pytest.mark.parametrize("timeframe", ["15m", "1h", "4h"])
def test_a_signal_on_real_candles_passes_every_check(database, sandbox, minutes, timeframe):
    frame, folder = minutes
    price = float(frame["close"].iloc[-1])
    quote = {"price": price, "percent_change_24h": 1.0, "last_updated": datetime.now(UTC).isoformat()}
    settings = Settings(candle_sources=("archive",), archive_path=folder, price_sources=("coinmarketcap",))
    generation = Generation.on(database, sandbox, settings=settings)
    with Server([reply({"data": {"1": {"id": 1, "quote": {"USD": quote}}}})]) as server:
        generation.endpoints["market_coinmarketcap"] = Endpoint(server.url, "a-key")
        generation.endpoints["market_fear_greed"] = Endpoint("http://127.0.0.1:9")
        attempt = generation.all_steps(request(timeframe=timeframe))
    assert attempt.outcome == "stored", attempt.reason
    (signal,) = generation.rows("SELECT * FROM trade_signals")
    (indicators,) = generation.rows("SELECT * FROM trade_technical_indicators")
    (snapshot,) = generation.rows("SELECT * FROM trade_market_snapshot")

    levels = Levels(**{name: float(getattr(signal, name)) for name in (*PRICE_FIELDS, *ALLOCATION_FIELDS)})
    said = SignalAnswer(
        decision=signal.direction,
        levels=levels,
        confidence=float(signal.confidence_score),
        market_condition=signal.market_condition,
        reasoning=signal.ai_reasoning,
    )
    assert find_faults(said, Market(price, float(indicators.atr_14)), settings) == []
    assert float(signal.risk_reward_ratio) == pytest.approx(risk_reward(levels), abs=1e-4)

    candles = by_pandas(frame, timeframe, pd.Timestamp(indicators.calculated_at))
    assert indicators.candle_count == len(candles)
    assert indicators.data_source == "archive"
    assert (indicators.ema_200 is None) == (len(candles) < 200)
    close = candles["close"].tolist()
    columns = (candles[name].tolist() for name in ("open", "high", "low", "close", "volume"))
    bars = [OHLCV(*row) for row in zip(*columns, strict=True)]
    assert float(indicators.rsi_14) == pytest.approx(reference.RSI(14, close)[-1], rel=1e-5)
    assert float(indicators.ema_50) == pytest.approx(reference.EMA(50, close)[-1], rel=1e-5)
    assert float(indicators.atr_14) == pytest.approx(reference.ATR(14, bars)[-1], rel=1e-4)

    assert snapshot.current_price == pytest.approx(price)
    assert snapshot.data_sources["candles"]["source"] == "archive"
    assert snapshot.data_sources["fear_greed"]["status"] == "missing"
    assert "sandbox" not in str(snapshot.data_sources)
    share = min(len(candles) / 500, 1)
    assert float(snapshot.data_quality_score) == pytest.approx(30 + 2.5 + 40 * share, abs=0.01)


def by_pandas(frame, timeframe, now):
    """The closed candles that the file holds of a timeframe, of the time of 500 before now."""
    interval = pd.Timedelta(timeframe.replace("m", "min"))
    grouped = frame.set_index("timestamp").resample(interval, origin="epoch")
    candles = grouped.agg({"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"})
    whole = grouped["close"].count() >= 0.9 * (interval / timedelta(minutes=1))
    inside = (candles.index + interval <= now) & (candles.index >= now.floor(interval) - 500 * interval)
    return candles[whole & inside]
