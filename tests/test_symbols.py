from collections import Counter

import pytest

from include.settings import Settings
from include.symbols import (
    COINS,
    add_coins,
    canonical,
    coin_of,
    dollar_of,
    find_markets,
    lacking_dollar,
    market_of,
    same,
)


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


@pytest.mark.parametrize(
    ("symbol", "found"),
    [
        ("BTC", ["XBT/USD", "BTC/USDT"]),
        ("BTCUSDT", ["BTC/USDT", "XBT/USD"]),
        ("wif", ["WIF/USDT"]),
        ("WIFUSD", ["WIF/USDT"]),
        ("SUI", []),
        ("SUI_USDC", ["SUI-USDC"]),
        ("ADA", []),
        ("ADABTC", ["ADA/BTC"]),
        ("FDUSD", ["FDUSD/USDT"]),
        ("WIF-PERP", []),
        ("USDT", []),
    ],
)
def test_the_markets_that_a_symbol_means(symbol, found):
    markets = [
        "BTC/USDT", "XBT/USD", "WIF/USDT", "WIF/EUR", "SUI/USDT", "SUI-USDC", "ADA/BTC", "FDUSD/USDT",
    ]  # fmt: skip
    assert find_markets(symbol, markets) == found


def test_the_spellings_of_one_market_are_one():
    assert market_of("BTC_USDT") == market_of("XBT/USDT") == "BTCUSDT"
    assert market_of("BTC-USD") == market_of("XXBTZUSD") != market_of("BTC_USDT")
    assert market_of("bitcoin") == market_of("XBT") != market_of("BTCUSD")
    assert market_of("wif_usdt") == market_of("WIF/USDT") != market_of("WIF")


@pytest.mark.parametrize(
    ("market", "symbol", "dollar"),
    [
        ("BTC/USDT", "BTC", "USD"),
        ("BTC/USDT", "BTC_USDT", None),
        ("WIF/USDT", "WIF", None),
        ("WIF/USDT", "WIF-USD", "USD"),
        ("WIF/USDT", "wifusdc", "USDC"),
    ],
)
def test_the_dollar_that_a_market_lacks(market, symbol, dollar):
    assert lacking_dollar(market, symbol) == dollar


def test_coins_of_the_settings_are_in_the_table_until_others_are():
    try:
        add_coins(Settings(coins={"WIF": {"coingecko": "dogwifcoin", "coinmarketcap": 28752}}).coins)
        assert coin_of("WIF/USDC") is coin_of("dogwifcoin")
        assert canonical("wif-usd") == "WIF"
        assert coin_of("XBTUSD").code == "BTC"
    finally:
        add_coins({})
    assert coin_of("WIF") is None


@pytest.mark.parametrize(
    ("coins", "words"),
    [
        ({"WIF": {"coingecko": "solana", "coinmarketcap": 1}}, "SOLANA, a name of WIF, means SOL already"),
        ({"XBT": {"coingecko": "x", "coinmarketcap": 1}}, "XBT, a name of XBT, means BTC already"),
    ],
)
def test_a_coin_that_takes_the_name_of_another_is_refused(coins, words):
    with pytest.raises(ValueError, match=words):
        add_coins(Settings(coins=coins).coins)
    assert coin_of("SOLANA").code == "SOL"


@pytest.mark.parametrize(
    "coins", [{"wif": {"coingecko": "w", "coinmarketcap": 1}}, {"WIF": {"coingecko": "w"}}]
)
def test_a_coin_needs_a_name_in_capitals_and_its_ids(coins):
    with pytest.raises(ValueError, match="coins"):
        Settings(coins=coins)
