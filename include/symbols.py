"""What the same coin is called elsewhere: one declared table, and the reading of names by it.

A trade names its symbol as BTC, BTCUSDT, BTC/USDT or BTC-USD. All of them mean the coin BTC against a dollar.
A name that is not in the table stands for itself (BTC-PERP, ADABTC).
"""

import re
from dataclasses import dataclass

# The dollar and the coins that stand for it, in the order in which one is preferred to the next.
DOLLARS = ("USD", "USDT", "USDC")


@dataclass(frozen=True)
class Coin:
    """One coin and its names at the sources."""

    code: str  # the canonical name; also Binance's and ccxt's
    coingecko: str  # CoinGecko's id
    coinmarketcap: int  # CoinMarketCap's id
    kraken: str  # the base in names of Kraken's pairs


COINS = (
    Coin("BTC", "bitcoin", 1, "XBT"),
    Coin("ETH", "ethereum", 1027, "ETH"),
    Coin("XRP", "ripple", 52, "XRP"),
    Coin("BNB", "binancecoin", 1839, "BNB"),
    Coin("SOL", "solana", 5426, "SOL"),
    Coin("DOGE", "dogecoin", 74, "XDG"),
    Coin("TRX", "tron", 1958, "TRX"),
    Coin("ADA", "cardano", 2010, "ADA"),
    Coin("LINK", "chainlink", 1975, "LINK"),
    Coin("AVAX", "avalanche-2", 5805, "AVAX"),
    Coin("XLM", "stellar", 512, "XLM"),
    Coin("BCH", "bitcoin-cash", 1831, "BCH"),
    Coin("LTC", "litecoin", 2, "LTC"),
    Coin("DOT", "polkadot", 6636, "DOT"),
    Coin("UNI", "uniswap", 7083, "UNI"),
    Coin("XMR", "monero", 328, "XMR"),
    Coin("ETC", "ethereum-classic", 1321, "ETC"),
    Coin("NEAR", "near", 6535, "NEAR"),
    Coin("ATOM", "cosmos", 3794, "ATOM"),
    Coin("SHIB", "shiba-inu", 5994, "SHIB"),
    Coin("MATIC", "matic-network", 3890, "MATIC"),
)

_SEPARATORS = re.compile(r"[-_/ ]")


def _spellings(coin: Coin) -> dict[str, tuple[Coin, str]]:
    bare = {coin.code, coin.kraken, coin.coingecko.upper().replace("-", "")}
    # Kraken's older pairs carry a letter before base and quote: XXBTZUSD, XETHZUSD
    pairs = {f"X{coin.kraken}Z{DOLLARS[0]}": DOLLARS[0]}
    pairs |= {base + dollar: dollar for base in (coin.code, coin.kraken) for dollar in DOLLARS}
    return dict.fromkeys(bare, (coin, DOLLARS[0])) | {name: (coin, d) for name, d in pairs.items()}


_BY_SPELLING = {name: found for coin in COINS for name, found in _spellings(coin).items()}


def _plain(name: str) -> str:
    return _SEPARATORS.sub("", name.upper())


def coin_of(symbol: str) -> Coin | None:
    """Find the coin that a symbol names against a dollar; None for a symbol outside the table."""
    found = _BY_SPELLING.get(_plain(symbol))
    return found[0] if found else None


def dollar_of(symbol: str) -> str | None:
    """Say against which dollar a symbol of the table is quoted (BTC: USD); None outside the table."""
    found = _BY_SPELLING.get(_plain(symbol))
    return found[1] if found else None


def canonical(symbol: str) -> str:
    """Give the canonical name: the coin's code, or for a symbol outside the table its own upper-case form."""
    coin = coin_of(symbol)
    return coin.code if coin else symbol.upper()


def distance(market: str, symbol: str) -> tuple[bool, int, str]:
    """Order the markets of one coin, the nearest first: the symbol's own dollar, then the usual order."""
    dollar = dollar_of(market)
    return dollar != dollar_of(symbol), DOLLARS.index(dollar) if dollar else 0, market


def same(one: str, other: str) -> bool:
    """Say whether two names mean the same market, up to which dollar it is quoted in.

    Names outside the table are the same when they differ in case and separators only (PEPE/USDT, pepe_usdt).
    """
    coin = coin_of(one)
    return coin == coin_of(other) if coin else _plain(one) == _plain(other)
