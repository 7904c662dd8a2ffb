"""A sweep over many symbols while all sources of candles but one fail, over real HTTP."""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from include.settings import Settings
from include.trades.claim import claim_due
from include.trades.collect import collect_batch
from include.trades.settle import settle_batch
from tests.candles.sources.opened import opened, truth
from tests.support.trades import insert, rows

SYMBOLS = ("BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "LTC", "BNB", "AVAX", "LINK")
SOURCES = ("kraken", "ccxt:binance", "coinmarketcap", "coingecko")
SERVICES = {name: name.removeprefix("ccxt:") for name in SOURCES}  # as the sandbox calls them
FAULTS = ({"kind": "status", "status": 500}, {"kind": "html"}, {"kind": "truncated"})
SETTINGS = Settings(candle_sources=SOURCES)


def trades_of(symbols):
    """One trade a symbol: a day of a market that is long closed, entered at its first price."""
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=4)
    start = end - timedelta(hours=24)
    for symbol in symbols:
        price = truth(symbol, "1h", start, end)["open"].iloc[0] if symbol in SYMBOLS else 100
        yield {
            "symbol": symbol, "timeframe": "1d", "generated_at": start, "expires_at": end,
            "entry_price": price, "stop_loss": price * 0.9,
            "take_profit_1": price * 1.01, "take_profit_2": price * 1.02,
            "take_profit_3": price * 1.03,
        }  # fmt: skip


@pytest.mark.parametrize(
    ("alive", "resolution"), [("kraken", "1m"), ("ccxt:binance", "1m"), ("coinmarketcap", "1h")]
)
def test_what_one_source_can_serve_is_settled_and_the_rest_is_said(database, sandbox, alive, resolution):
    insert(database, *trades_of((*SYMBOLS, "NOSUCHCOIN")))
    assert claim_due(database, "run 1", SETTINGS).batches == {0: 11}
    with ExitStack() as stack:
        sources = [stack.enter_context(opened(name, sandbox.url, database)) for name in SOURCES]
        for name, fault in zip((name for name in SOURCES if name != alive), FAULTS, strict=True):
            sandbox.fail(SERVICES[name], **fault)
        collect_batch(database, "run 1", 0, sources, SETTINGS)
    counts = settle_batch(database, "run 1", 0, SETTINGS)
    assert (counts.pop("waiting"), sum(counts.values())) == (1, 10)

    origins = rows(
        database, "SELECT DISTINCT data_source, data_resolution, data_quality_score FROM trade_results"
    )
    assert origins == [(alive, resolution, 100)]
    ((symbol, reason),) = rows(
        database, "SELECT symbol, status_reason FROM trade_signals WHERE status = 'active'"
    )
    assert symbol == "NOSUCHCOIN"
    for name in SOURCES:
        assert name in reason
    assert f"{alive}: unknown symbol NOSUCHCOIN" in reason
