from collections import Counter

import pytest

from include.symbols import COINS, canonical, coin_of, dollar_of, same


@pytest.mark.parametrize(
    "name",
    [
        "BTC",
        "btc",
        "XBT",
        "XBTUSD",
        "XXBTZUSD",
        "BTCUSDT",
        "BTC/USDT",
        "BTC-USD",
        "BTC_USDT",
        "bitcoin",
        "xbt/usd",
    ],
)
def test_all_names_of_a_coin_against_a_dollar_are_one(name):
    assert canonical(name) == "BTC"
    assert coin_of(name).coinmarketcap == 1


@pytest.mark.parametrize("name", ["BTC-PERP", "ADABTC", "BTCEUR", "DOGEX", "PEPE/USDT", "BTC/USDT:USDT"])
def test_other_names_stand_for_themselves(name):
    assert coin_of(name) is None
    assert dollar_of(name) is None
    assert canonical(name.lower()) == name


def test_the_dollar_is_told():
    assert dollar_of("BTC") == "USD"
    assert dollar_of("BTC/USDT") == "USDT"
    assert dollar_of("XXBTZUSD") == "USD"


def test_same_market():
    assert same("BTC", "XBTUSD")
    assert same("PEPE/USDT", "pepe_usdt")
    assert not same("BTC", "ETH")
    assert not same("BTC", "BTC-PERP")
    assert not same("BTC-PERP", "BTC")
    assert not same("ADABTC", "ADA")


@pytest.mark.parametrize("column", ["code", "coingecko", "coinmarketcap", "kraken"])
def test_no_two_coins_share_a_name(column):
    counts = Counter(getattr(coin, column) for coin in COINS)
    assert max(counts.values()) == 1


def test_no_spelling_means_two_coins():
    for coin in COINS:
        for name in (coin.code, coin.kraken, coin.coingecko, f"{coin.code}USDT", f"{coin.kraken}USD"):
            assert coin_of(name) is coin, name
