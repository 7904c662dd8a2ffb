"""Coins outside the table: a base name, a setting, and what a refusal says, alike at ccxt and at Kraken."""

import pytest

from include.candles import UnknownSymbolError, open_source
from include.settings import Endpoint, Settings
from include.symbols import add_coins
from tests.candles.sources.opened import now, opened
from tests.candles.sources.test_ccxt import market
from tests.support.http_server import Server, reply

MARKETS = ["WIF/USDT", "1INCH/USDT", "SUI/USDT", "SUI/USDC", "W/USDT", "JUP/EUR", "JUP/BTC", "BTC/USDT"]
BINANCE = {"symbols": [market(*name.split("/")) for name in MARKETS]}
KRAKEN = {"error": [], "result": {name.replace("/", ""): {"wsname": name} for name in MARKETS}}
ANSWERS = {"ccxt:binance": BINANCE, "kraken": KRAKEN}


@pytest.fixture(params=ANSWERS)
def source(request, database):
    with Server() as server, opened(request.param, server.url, database) as source:
        server.answers = [reply(ANSWERS[request.param])]
        yield source


@pytest.fixture
def table():
    yield
    add_coins({})


@pytest.mark.parametrize("symbol", ["WIF", "wif", "WIFUSDT", "WIF-USD", "1INCH", "W", "SUI/USDC", "SUIUSDT"])
def test_a_base_means_its_only_market_against_a_dollar(source, symbol):
    assert source.offers(symbol, now())


@pytest.mark.parametrize(
    ("symbol", "hint"),
    [
        ("SUI", ": SUI/USDC, SUI/USDT would work"),
        ("SUI-USD", ": SUI/USDC, SUI/USDT would work"),
        ("JUP", ": JUP/BTC, JUP/EUR would work"),
        ("NOPE", ""),
    ],
)
def test_a_refusal_says_what_would_work(source, symbol, hint):
    with pytest.raises(UnknownSymbolError) as refusal:
        source.offers(symbol, now())
    assert str(refusal.value) == f"unknown symbol {symbol}{hint}"


def test_a_coin_of_the_settings_is_in_the_table(database, table):
    coins = {"SUI": {"coingecko": "sui", "coinmarketcap": 20947}}
    settings = Settings(coins=coins, candle_sources=("kraken",))
    with (
        Server() as server,
        open_source("kraken", settings, database, lambda _: Endpoint(server.url)) as source,
    ):
        server.answers = [reply(KRAKEN), reply({"error": [], "result": {"SUIUSDT": [], "last": 0}})]
        assert source.offers("SUI", now())
        assert source.fetch("SUI", "1d", now(), now()).problems == (
            "SUI/USDT stands for SUI: there is no pair with USD",
        )
