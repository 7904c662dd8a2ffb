"""Collecting what indicators need, in few requests, and what is done about holes."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from include.candles import open_source
from include.settings import Endpoint, Settings
from include.signals.history import collect_histories, read_unbroken
from tests.support.trades import run, store

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
END = datetime(2026, 3, 4, 9, tzinfo=UTC)  # of the newest closed hour
HOUR = timedelta(hours=1)
ARCHIVE = Settings(candle_sources=("archive",))
SANDBOX = Settings(candle_sources=("sandbox",))


def hours(count, end=END):
    times = pd.date_range(end=end - timedelta(hours=1), periods=count, freq="1h", unit="us")
    price = 100.0 + pd.Series(range(count), dtype="float64") % 7
    return pd.DataFrame(
        {"symbol": "BTC", "timestamp": times, "open": price, "high": price + 1, "low": price - 1,
         "close": price, "volume": 5.0}
    )  # fmt: skip


def unbroken(database, candles, now=NOW):
    store(database, candles, "1h")
    return read_unbroken(database, "BTC", "1h", ARCHIVE, now)


def test_a_whole_history(database):
    found = unbroken(database, hours(500))
    assert (found.held, found.bridged, found.wanted, found.refusal) == (500, 0, 500, None)
    assert (found.source, found.held_share) == ("archive", 1.0)


def test_a_candle_that_is_still_open_does_not_count(database):
    found = unbroken(database, hours(501, END + timedelta(hours=1)))
    assert found.candles["timestamp"].iloc[-1] == END - timedelta(hours=1)
    assert found.held == 500


def test_up_to_three_missing_candles_are_taken_as_flat(database):
    candles = hours(500)
    found = unbroken(database, candles.drop(index=[300, 301, 302, 450]))
    assert (found.held, found.bridged, len(found.candles)) == (496, 4, 500)
    flat = found.candles.iloc[301]
    assert flat["open"] == flat["high"] == flat["low"] == flat["close"] == candles["close"][299]
    assert flat["volume"] == 0
    assert found.candles["timestamp"].diff().iloc[1:].eq(pd.Timedelta(hours=1)).all()


def test_a_longer_gap_cuts_off_what_is_before_it(database):
    found = unbroken(database, hours(500).drop(index=[300, 301, 302, 303]))
    assert (found.held, found.bridged, found.refusal) == (196, 0, None)
    assert found.held_share == 196 / 500


@pytest.mark.parametrize(
    ("candles", "refusal"),
    [
        (hours(0), "0 unbroken 1h candles up to now, 50 are needed"),
        (hours(49), "49 unbroken 1h candles up to now, 50 are needed"),
        (hours(500).drop(index=range(460, 470)), "30 unbroken 1h candles"),
        (hours(90, END - 2 * HOUR), "the newest 1h candle closed at 2026-03-04 07:00 UTC, too long ago"),
    ],
)
def test_too_little_is_refused_in_words(database, candles, refusal):
    assert unbroken(database, candles).refusal.startswith(refusal)


def test_one_candle_late_is_no_reason_to_refuse(database):
    assert unbroken(database, hours(100, END - timedelta(hours=1))).refusal is None


def collect(database, source, markets, settings=SANDBOX, now=None):
    return collect_histories(database, markets, [source], settings, now or datetime.now(UTC))


@pytest.fixture
def source(database, sandbox):
    endpoint = Endpoint(f"{sandbox.url}/market")
    with open_source("sandbox", SANDBOX, database, lambda _: endpoint) as opened:
        yield opened


@pytest.mark.parametrize("timeframe", ["15m", "4h", "1w"])
def test_each_timeframe_is_asked_for_at_once_and_only_once(database, sandbox, source, timeframe):
    assert collect(database, source, {("BTC", timeframe)}) == {}
    asked = sandbox.requests("market")
    wanted = "1d" if timeframe == "1w" else timeframe
    assert {dict(request["query"])["resolution"] for request in asked} == {wanted}, "the sandbox has no weeks"
    assert len(asked) <= 2
    found = read_unbroken(database, "BTC", timeframe, SANDBOX, datetime.now(UTC))
    assert found.held == found.wanted
    collect(database, source, {("BTC", timeframe)})
    assert len(sandbox.requests("market")) == len(asked)


def test_a_source_without_the_timeframe_gives_its_parts(database, sandbox):
    settings = Settings(candle_sources=("coinmarketcap",))
    endpoint = Endpoint(f"{sandbox.url}/coinmarketcap", "a-key")
    with open_source("coinmarketcap", settings, database, lambda _: endpoint) as source:
        assert collect(database, source, {("BTC", "4h"), ("ETH", "4h")}, settings) == {}
    found = read_unbroken(database, "ETH", "4h", settings, datetime.now(UTC))
    assert (found.held, found.source, found.refusal) == (500, "coinmarketcap", None)
    assert len(sandbox.requests("coinmarketcap")) == 2


def test_what_cannot_be_had_is_said(database, sandbox, source):
    sandbox.fail("market", "status", status=403)
    short = collect(database, source, {("BTC", "1h")})
    assert short[("BTC", "1h")].startswith("sandbox: answered 403")


def test_only_what_is_missing_is_asked_for(database, sandbox, source):
    collect(database, source, {("BTC", "1h")})
    before = len(sandbox.requests("market"))
    run(database, "DELETE FROM market_candles WHERE timestamp > now() - interval '5 hours'")
    run(database, "DELETE FROM candle_fetches")
    collect(database, source, {("BTC", "1h")})
    (request,) = sandbox.requests("market")[before:]
    start = datetime.fromisoformat(dict(request["query"])["start"])
    assert datetime.now(UTC) - start < timedelta(hours=6)
