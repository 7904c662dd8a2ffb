"""The imitation of CoinGecko: steps, limits of the demo plan, keys, and agreement with the market."""

import time
from itertools import pairwise

import pytest

from tests.support.recorded import assert_same_shape, load_recorded

API = "/coingecko/api/v3"
BITCOIN = f"{API}/coins/bitcoin"
DAY = 86_400
DEMO, PRO = {"x-cg-demo-api-key": "k"}, {"x-cg-pro-api-key": "k"}


def minutes_closing(sandbox, symbol, stamps):
    """Close of the minute that ends at each stamp (milliseconds), from the native API."""
    closes = {}
    for stamp in stamps:
        start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(stamp / 1000 - 60))
        body = sandbox.http.get(
            "/market/candles", params={"symbol": symbol, "start": start, "limit": "1"}
        ).json()
        closes[stamp] = float(body["candles"][0][4])
    return closes


def ask_range(sandbox, begin, end, headers=DEMO, coin="bitcoin"):
    query = {"vs_currency": "usd", "from": begin, "to": end}
    return sandbox.http.get(f"{API}/coins/{coin}/market_chart/range", params=query, headers=headers)


def test_answers_have_the_shape_of_the_documented_ones(sandbox):
    samples = load_recorded("transcribed/coingecko.json")
    ohlc = sandbox.http.get(f"{BITCOIN}/ohlc?vs_currency=usd&days=7").json()
    assert_same_shape(ohlc, samples["ohlc_sample"]["body"])
    now = time.time()
    assert_same_shape(ask_range(sandbox, now - DAY, now).json(), samples["market_chart_range_sample"]["body"])
    refused = ask_range(sandbox, now - 400 * DAY, now)
    assert refused.status_code == samples["err_365_days"]["status_code"]
    assert_same_shape(refused.json(), samples["err_365_days"]["body"])
    sandbox.fail("coingecko", "status", status=429, retry_after=53)
    throttled = sandbox.http.get(f"{API}/ping")
    assert_same_shape(throttled.json(), samples["err_429"]["body"])
    assert throttled.headers["retry-after"] == samples["err_429"]["headers"]["retry-after"]


def test_ping(sandbox):
    assert "sandbox" in sandbox.http.get(f"{API}/ping").json()["gecko_says"]


@pytest.mark.parametrize(
    ("days", "minutes"), [(1, 30), (7, 240), (14, 240), (30, 240), (90, 5760), (180, 5760), (365, 5760)]
)
def test_ohlc_is_stamped_with_the_close(sandbox, days, minutes):
    rows = sandbox.http.get(f"{BITCOIN}/ohlc?vs_currency=usd&days={days}", headers=DEMO).json()
    stamps = [row[0] for row in rows]
    assert {len(row) for row in rows} == {5}
    assert {after - before for before, after in pairwise(stamps)} == {minutes * 60_000}
    assert time.time() * 1000 - minutes * 60_000 < stamps[-1] <= time.time() * 1000
    assert abs(len(rows) - days * 1440 / minutes) <= 1
    checked = [stamps[0], stamps[-1]]
    closes = minutes_closing(sandbox, "BTC", checked)
    assert [row[4] for row in rows if row[0] in checked] == [closes[stamp] for stamp in checked]


@pytest.mark.parametrize(("days", "minutes"), [(1, 5), (2, 60), (90, 60), (91, 1440), (365, 1440)])
def test_range_has_its_own_steps(sandbox, days, minutes):
    end = int(time.time()) - 40 * 60
    body = ask_range(sandbox, end - days * DAY + 3_000, end).json()
    stamps = [point[0] for point in body["prices"]]
    assert {after - before for before, after in pairwise(stamps)} == {minutes * 60_000}
    assert (end - days * DAY + 3_000) * 1000 <= stamps[0] < (end - days * DAY + 3_000 + minutes * 60) * 1000
    assert (end - minutes * 60) * 1000 < stamps[-1] <= end * 1000
    for name in ("market_caps", "total_volumes"):
        assert [point[0] for point in body[name]] == stamps
    checked = [stamps[0], stamps[-1]]
    closes = minutes_closing(sandbox, "BTC", checked)
    assert [point[1] for point in body["prices"] if point[0] in checked] == [closes[at] for at in checked]


def test_range_includes_a_point_exactly_at_from(sandbox):
    begin = (int(time.time()) // 3600 - 30) * 3600
    stamps = [point[0] for point in ask_range(sandbox, begin, begin + 24 * 3600 + 1).json()["prices"]]
    assert stamps[0] == begin * 1000
    assert stamps[-1] == (begin + 24 * 3600) * 1000


def test_volumes_are_those_of_the_day_before(sandbox):
    midnight = int(time.time()) // DAY * DAY - 3 * DAY
    body = ask_range(sandbox, midnight, midnight + 2 * 3600).json()
    stamp, volume = body["total_volumes"][0]
    assert stamp == midnight * 1000
    quotes = sandbox.http.get(
        "/coinmarketcap/v2/cryptocurrency/ohlcv/historical",
        params={"id": 1, "time_start": midnight - 2 * DAY, "time_end": midnight - DAY},
        headers={"X-CMC_PRO_API_KEY": "k"},
    ).json()["data"]["quotes"]
    assert [quote["quote"]["USD"]["volume"] for quote in quotes] == [pytest.approx(volume, rel=1e-12)]


def test_the_last_point_is_the_present(sandbox):
    now = time.time()
    prices = ask_range(sandbox, now - 3600, now + 60).json()["prices"]
    assert abs(prices[-1][0] / 1000 - now) < 5
    assert prices[-1][0] - prices[-2][0] < 300_000


@pytest.mark.parametrize("headers", [DEMO, {}])
def test_the_demo_plan_ends_after_a_year_and_the_pro_plan_does_not(sandbox, headers):
    now = time.time()
    refused = ask_range(sandbox, now - 366 * DAY, now, headers)
    assert refused.status_code == 401
    assert refused.json()["error"]["status"]["error_code"] == 10012
    assert sandbox.http.get(f"{BITCOIN}/ohlc?vs_currency=usd&days=max", headers=headers).status_code == 401
    assert ask_range(sandbox, now - 364 * DAY, now, headers).status_code == 200
    prices = ask_range(sandbox, now - 500 * DAY, now, PRO).json()["prices"]
    assert len(prices) == pytest.approx(500, abs=2)


def test_markets_agree_with_the_other_aggregator(sandbox):
    query = {"vs_currency": "usd", "ids": "ethereum,nosuchcoin", "price_change_percentage": "24h,7d"}
    (market,) = sandbox.http.get(f"{API}/coins/markets", params=query).json()
    assert (market["id"], market["symbol"]) == ("ethereum", "eth")
    quotes = sandbox.http.get(
        "/coinmarketcap/v2/cryptocurrency/quotes/latest?id=1027", headers={"x-cmc_pro_api_key": "k"}
    ).json()["data"]["1027"]["quote"]["USD"]
    assert market["current_price"] == pytest.approx(quotes["price"], rel=0.01)
    assert market["total_volume"] == pytest.approx(quotes["volume_24h"], rel=0.01)
    change = market["price_change_percentage_7d_in_currency"]
    assert change == pytest.approx(quotes["percent_change_7d"], abs=1.0)
    assert market["last_updated"].endswith("+00:00")
    assert sandbox.http.get(f"{API}/coins/markets?ids=bitcoin&vs_currency=eur").status_code == 400


def test_simple_price(sandbox):
    body = sandbox.http.get(
        f"{API}/simple/price",
        params={"ids": "bitcoin,ripple,nothing", "vs_currencies": "usd", "include_24hr_change": "true"},
    ).json()
    assert set(body) == {"bitcoin", "ripple"}
    assert 5_000 < body["bitcoin"]["usd"] < 800_000
    assert -60 < body["ripple"]["usd_24h_change"] < 100


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("coins/nothing/ohlc?vs_currency=usd&days=1", 404, "coin not found"),
        ("coins/bitcoin/ohlc?vs_currency=eur&days=1", 400, "usd"),
        ("coins/bitcoin/ohlc?vs_currency=usd&days=2", 400, "days"),
        ("coins/bitcoin/market_chart/range?vs_currency=usd&from=1", 400, "from and to"),
        ("simple/price?ids=bitcoin&vs_currencies=eur", 400, "usd"),
    ],
)
def test_errors(sandbox, path, status, words):
    answer = sandbox.http.get(f"{API}/{path}", headers=PRO)
    assert answer.status_code == status
    assert words in answer.json()["error"]
