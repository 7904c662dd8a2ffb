"""Answers spoilt in their data: late, doubled, out of order, of another shape or about another coin."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.sandbox.asking import ask


def rows_of(service, body):
    return {
        "market": lambda: body["candles"],
        "kraken": lambda: body["result"]["XXBTZUSD"],
        "binance": lambda: body,
        "coingecko": lambda: body,
        "coinmarketcap": lambda: body["data"]["quotes"],
        "fng": lambda: body["data"],
        "lunarcrush": lambda: body["data"],
    }[service]()


WITH_ROWS = ["market", "kraken", "binance", "coingecko", "coinmarketcap", "fng", "lunarcrush"]


@pytest.mark.parametrize("service", WITH_ROWS)
def test_faults_in_the_rows(sandbox, service):
    sound = rows_of(service, ask(sandbox, service).json())
    assert len(sound) >= 4

    def spoilt(kind, **options):
        sandbox.fail(service, kind, times=1, **options)
        return rows_of(service, ask(sandbox, service).json())

    # The newest row may have moved on in between: leave it, and the oldest, out of the comparison.
    doubled = spoilt("duplicate_rows")
    assert doubled[0::2] == doubled[1::2]
    assert doubled[2:-4:2] == sound[1:-2] or doubled[0:-4:2] == sound[1:-1]
    mixed = spoilt("unsorted_rows")
    assert len(mixed) == len(sound)
    assert mixed[0] in sound[:3]
    assert mixed[0] not in (sound[0], sound[-1])
    assert spoilt("no_rows") == []
    strange = spoilt("wrong_schema")
    assert len(strange) == len(sound)
    if isinstance(sound[0], dict):
        assert not set(strange[0]) & set(sound[0])
    else:
        assert len(strange[0]) == 2 < len(sound[0])
    assert sandbox.faults() == []
    assert [r["fault"] for r in sandbox.requests(service)] == [
        None, "duplicate_rows", "unsorted_rows", "no_rows", "wrong_schema",
    ]  # fmt: skip


def newest_stamp(sandbox, service):
    """Time of the newest row, in seconds: its open, at CoinGecko its close."""
    if service == "market":
        start = datetime.now(UTC) - timedelta(days=4)
        query = {"symbol": "BTC", "start": start.isoformat()}
        return sandbox.http.get("/market/candles", params=query).json()["candles"][-1][0] / 1000
    rows = rows_of(service, ask(sandbox, service).json())
    return {
        "kraken": lambda: rows[-1][0],
        "binance": lambda: rows[-1][0] / 1000,
        "coingecko": lambda: rows[-1][0] / 1000,
        "coinmarketcap": lambda: datetime.fromisoformat(rows[-1]["time_open"]).timestamp(),
        "fng": lambda: int(rows[0]["timestamp"]),
        "lunarcrush": lambda: rows[-1]["time"],
    }[service]()


@pytest.mark.parametrize("service", WITH_ROWS)
def test_late_data_lack_the_last_days(sandbox, service):
    fresh = newest_stamp(sandbox, service)
    sandbox.fail(service, "late", seconds=3 * 86_400)
    assert newest_stamp(sandbox, service) == pytest.approx(fresh - 3 * 86_400, abs=61)


@pytest.mark.parametrize(
    ("service", "symbol_in"),
    [
        ("market", lambda body: body["symbol"]),
        ("kraken", lambda body: {"XXBTZUSD": "BTC", "XETHZUSD": "ETH"}[next(iter(body["result"]))]),
        ("coinmarketcap", lambda body: body["data"]["symbol"]),
        ("lunarcrush", lambda body: body["config"]["symbol"]),
    ],
)
def test_wrong_symbol_answers_about_another_coin(sandbox, service, symbol_in):
    assert symbol_in(ask(sandbox, service).json()) == "BTC"
    sandbox.fail(service, "wrong_symbol", times=1)
    assert symbol_in(ask(sandbox, service).json()) == "ETH"
    assert symbol_in(ask(sandbox, service).json()) == "BTC"


@pytest.mark.parametrize("service", ["binance", "coingecko"])
def test_wrong_symbol_shows_in_the_price_alone_where_the_vendor_names_no_coin(sandbox, service):
    before = float(ask(sandbox, service).json()[-1][1])
    sandbox.fail(service, "wrong_symbol", times=1)
    assert float(ask(sandbox, service).json()[-1][1]) < before / 2


@pytest.mark.parametrize("service", ["market", "coingecko", "coinmarketcap"])
def test_open_last_candle_sends_what_has_not_closed(sandbox, service):
    def newest_close():
        length = {"market": 60, "coingecko": 0, "coinmarketcap": 86_400}[service]
        return newest_stamp(sandbox, service) + length

    assert newest_close() <= time.time()
    sandbox.fail(service, "open_last_candle")
    asked_at = time.time()
    assert newest_close() > asked_at


def test_a_fault_on_the_wire_and_one_in_the_data_add_up(sandbox):
    sandbox.fail("market", "latency", seconds=0.2)
    sandbox.fail("market", "no_rows")
    started = time.monotonic()
    assert ask(sandbox, "market").json()["candles"] == []
    assert time.monotonic() - started >= 0.2
