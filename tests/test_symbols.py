from collections import Counter

import pytest

from include.services import COIN_BASES, COIN_IDS
from include.settings import Settings
from include.symbols import (
    COINS,
    DOLLARS,
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
    assert coin_of(name).ids["coinmarketcap"] == 1


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


@pytest.mark.parametrize("vendor", COIN_IDS)
def test_no_two_coins_share_a_name(vendor):
    for names in (COINS, [coin.ids[vendor] for coin in COINS], [coin.bases or coin.code for coin in COINS]):
        assert max(Counter(str(name) for name in names).values()) == 1


@pytest.mark.parametrize(("vendor", "names"), {**COIN_IDS, **COIN_BASES}.items())
def test_a_vendor_names_coins_of_the_table_only(vendor, names):
    assert set(names) <= {coin.code for coin in COINS}


def test_no_spelling_means_two_coins():
    for coin in COINS:
        bases = (coin.code, *coin.bases)
        for name in (
            *bases,
            coin.ids["coingecko"],
            *(f"{base}{dollar}" for base in bases for dollar in DOLLARS),
        ):
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
    ("names", "words"),
    [
        ({"coingecko": "w"}, "coins: WIF.coinmarketcap is missing"),
        ({"coinmarketcap": 1}, "coins: WIF.coingecko is missing"),
        (
            {"coingecko": "w", "coinmarketcap": 1, "oracle": "W"},
            "WIF.oracle is no vendor .* known: coingecko",
        ),
        (
            {"coingecko": "w", "coinmarketcap": "one"},
            "WIF.coinmarketcap is 'one'; it must be a name such as 1$",
        ),
        ({"coingecko": "w", "coinmarketcap": 0}, "WIF.coinmarketcap is 0"),
        ({"coingecko": "", "coinmarketcap": 1}, "WIF.coingecko is ''"),
        ({"coingecko": 7, "coinmarketcap": 1}, "WIF.coingecko is 7; it must be a name such as 'bitcoin'"),
    ],
)
def test_a_coin_needs_its_ids(names, words):
    with pytest.raises(ValueError, match=words):
        add_coins(Settings(coins={"WIF": names}).coins)


def test_a_coin_needs_a_name_in_capitals():
    with pytest.raises(ValueError, match="coins"):
        Settings(coins={"wif": {"coingecko": "w", "coinmarketcap": 1}})
