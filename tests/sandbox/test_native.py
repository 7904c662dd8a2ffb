"""The native market API over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.coins import COINS
from sandbox.market import MINUTE_MS, RESOLUTIONS, read_candles

CANDLES = "/market/candles"


def ask(sandbox, **query):
    return sandbox.http.get(CANDLES, params=query)


def test_health_says_sandbox(sandbox):
    answer = sandbox.http.get("/health")
    assert answer.json() == {"status": "ok", "sandbox": True}
    assert answer.headers["x-sandbox"] == "1"


def test_symbols_are_listed(sandbox):
    answer = sandbox.http.get("/market/symbols").json()
    assert answer["source"] == "sandbox"
    assert {"BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "LTC", "BNB", "AVAX", "LINK", "DOT", "MATIC"} <= {
        entry["symbol"] for entry in answer["symbols"]
    }
    assert answer["resolutions"] == list(RESOLUTIONS)


def test_candles_are_those_of_the_market(sandbox):
    answer = ask(
        sandbox, symbol="BTC/USDT", start="2025-05-05T10:00:00Z", end="2025-05-05T10:02:30Z", resolution="1m"
    )
    assert answer.status_code == 200
    body = answer.json()
    assert {key: body[key] for key in ("source", "symbol", "resolution", "next")} == {
        "source": "sandbox", "symbol": "BTC", "resolution": "1m", "next": None,
    }  # fmt: skip
    opened_at = int(datetime(2025, 5, 5, 10, tzinfo=UTC).timestamp()) * 1000
    candles = read_candles(COINS["BTC"], 1, opened_at, opened_at + 3 * MINUTE_MS, opened_at + 9 * MINUTE_MS)
    assert [row[0] for row in body["candles"]] == candles.opened_at.tolist()
    assert len(body["candles"]) == 3  # those that open before the end
    for column, values in zip((1, 2, 3, 4), candles.ohlc, strict=True):
        assert [row[column] for row in body["candles"]] == [f"{tick / 10:.1f}" for tick in values]
    assert [row[5] for row in body["candles"]] == [f"{lots / 1e5:.5f}" for lots in candles.volume]


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_every_resolution_is_served(sandbox, resolution):
    body = ask(
        sandbox, symbol="ETH", resolution=resolution, start="2025-01-01T00:00:00Z", end="2025-01-03T00:00:00Z"
    ).json()
    stamps = [row[0] for row in body["candles"]]
    assert len(stamps) == 2 * 1440 // RESOLUTIONS[resolution]
    assert stamps == list(range(stamps[0], stamps[-1] + 1, RESOLUTIONS[resolution] * MINUTE_MS))


def test_pages_join_to_the_whole(sandbox):
    window = {"symbol": "SOL", "start": "2025-02-01T00:00:00Z", "end": "2025-02-01T03:20:00Z"}
    whole = ask(sandbox, **window).json()
    assert whole["next"] is None
    assert len(whole["candles"]) == 200
    pages, start = [], window["start"]
    while start:
        page = ask(sandbox, **{**window, "start": start, "limit": "80"}).json()
        pages.append(page["candles"])
        start = page["next"]
    assert [len(page) for page in pages] == [80, 80, 40]
    assert [row for page in pages for row in page] == whole["candles"]


def test_a_full_last_page_has_no_next(sandbox):
    window = {"symbol": "SOL", "start": "2025-02-01T00:00:00Z", "end": "2025-02-01T01:00:00Z", "limit": "60"}
    assert ask(sandbox, **window).json()["next"] is None


def test_no_candle_comes_from_the_future(sandbox):
    before = datetime.now(UTC)
    body = ask(
        sandbox,
        symbol="BTC",
        start=(before - timedelta(minutes=10)).isoformat(),
        end=(before + timedelta(days=1)).isoformat(),
    ).json()
    closed = datetime.fromtimestamp(body["candles"][-1][0] / 1000, UTC) + timedelta(minutes=1)
    assert closed <= datetime.now(UTC)
    assert closed > before - timedelta(minutes=1)
    assert body["next"] is None


def test_the_future_and_the_time_before_2020_are_empty(sandbox):
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert ask(sandbox, symbol="BTC", start=tomorrow).json()["candles"] == []
    early = ask(sandbox, symbol="BTC", start="1999-01-01T00:00:00Z", end="2020-01-01T00:02:00Z").json()
    assert [row[0] for row in early["candles"]] == [1577836800000, 1577836860000]
    assert early["candles"][0][1] == "65000.0"


@pytest.mark.parametrize("symbol", ["NOPE", "ETHBTC"])
def test_an_unknown_symbol_is_404(sandbox, symbol):
    answer = ask(sandbox, symbol=symbol, start="2025-01-01T00:00:00Z")
    assert answer.status_code == 404
    assert answer.json() == {"error": f"unknown symbol {symbol}"}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"symbol": "BTC"}, "start: missing"),
        ({"start": "2025-01-01T00:00:00Z"}, "symbol: missing"),
        ({"symbol": "BTC", "start": "yesterday"}, "no ISO 8601 time"),
        ({"symbol": "BTC", "start": "2025-01-01T00:00:00"}, "lacks a time zone"),
        (
            {"symbol": "BTC", "start": "2025-01-02T00:00:00Z", "end": "2025-01-02T00:00:00Z"},
            "later than start",
        ),
        ({"symbol": "BTC", "start": "2025-01-01T00:00:00Z", "resolution": "2m"}, "1m, 5m, 15m"),
        ({"symbol": "BTC", "start": "2025-01-01T00:00:00Z", "limit": "10001"}, "1 to 10000"),
        ({"symbol": "BTC", "start": "2025-01-01T00:00:00Z", "limit": "0"}, "1 to 10000"),
        ({"symbol": "BTC", "start": "2025-01-01T00:00:00Z", "limit": "many"}, "1 to 10000"),
    ],
)
def test_bad_parameters_are_refused_in_words(sandbox, query, words):
    answer = ask(sandbox, **query)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
