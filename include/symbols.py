"""What the same coin is called elsewhere: one declared table, and the reading of names by it.

A trade names its symbol as BTC, BTCUSDT, BTC/USDT or BTC-USD. All of them mean the coin BTC against a dollar.
A name that is not in the table stands for itself (BTC-PERP, ADABTC), and the base of a market (PEPE) for that
market where a source has one of its markets against a dollar, and no second one. The setting `coins` adds to
the table.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

# The dollar and the coins that stand for it, in the order in which one is preferred to the next.
DOLLARS = ("USD", "USDT", "USDC")


@dataclass(frozen=True)
class Coin:
    """One coin and its names at the sources."""

    code: str  # the canonical name; also Binance's and ccxt's
    coingecko: str  # CoinGecko's id
    coinmarketcap: int  # CoinMarketCap's id
    kraken: str  # the base in names of Kraken's pairs


class Names(Protocol):
    """What a coin is called elsewhere, as the setting `coins` has it."""

    @property
    def coingecko(self) -> str:
        """CoinGecko's id."""
        ...

    @property
    def coinmarketcap(self) -> int:
        """CoinMarketCap's id."""
        ...

    @property
    def kraken(self) -> str | None:
        """The base in names of Kraken's pairs; None: the coin's own code."""
        ...


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


def _table(coins: Iterable[Coin]) -> dict[str, tuple[Coin, str]]:
    return {name: found for coin in coins for name, found in _spellings(coin).items()}


_DECLARED = _table(COINS)
_by_spelling = _DECLARED


def add_coins(coins: Mapping[str, Names]) -> None:
    """Let the table of this process be the declared one and these coins, in the place of those added before.

    Raises:
        ValueError: one of their names means another coin already.
    """
    global _by_spelling
    table = dict(_DECLARED)
    for code, names in coins.items():
        coin = Coin(code, names.coingecko, names.coinmarketcap, names.kraken or code)
        for name, found in _spellings(coin).items():
            if name in table and table[name][0] != coin:
                raise ValueError(f"coins: {name}, a name of {code}, means {table[name][0].code} already")
            table[name] = found
    _by_spelling = table


def _plain(name: str) -> str:
    return _SEPARATORS.sub("", name.upper())


def coin_of(symbol: str) -> Coin | None:
    """Find the coin that a symbol names against a dollar; None for a symbol outside the table."""
    found = _by_spelling.get(_plain(symbol))
    return found[0] if found else None


def dollar_of(symbol: str) -> str | None:
    """Say against which dollar a symbol of the table is quoted (BTC: USD); None outside the table."""
    found = _by_spelling.get(_plain(symbol))
    return found[1] if found else None


def canonical(symbol: str) -> str:
    """Give the canonical name: the coin's code, or for a symbol outside the table its own upper-case form."""
    coin = coin_of(symbol)
    return coin.code if coin else symbol.upper()


def distance(market: str, symbol: str) -> tuple[bool, int, str]:
    """Order the markets of one coin, the nearest first: the symbol's own dollar, then the usual order."""
    dollar = dollar_of(market)
    return dollar != dollar_of(symbol), DOLLARS.index(dollar) if dollar else 0, market


def market_of(name: str) -> str:
    """Give one name for all spellings of one market: BTCUSDT, BTC_USDT and XBT/USDT are one, BTCUSD another.

    The bare name of a coin is apart: which dollar it means is not said.
    """
    found = _by_spelling.get(_plain(name))
    if found is None:
        return _plain(name)
    coin, dollar = found
    return coin.code + (dollar if _plain(name).endswith(dollar) else "")


def find_markets(symbol: str, markets: Iterable[str]) -> list[str]:
    """Find the markets of a source that a symbol means, the nearest first; none if that is in doubt.

    Those that are the same up to the dollar, by the table. Outside the table the very market, or else the
    only one of the same base against a dollar: PEPE and PEPE-USD are PEPE/USDT where there is no PEPE/USDC.
    """
    markets = list(markets)
    found = [market for market in markets if same(market, symbol)]
    if not found and coin_of(symbol) is None:
        found = _against_dollars(symbol, markets)
        if len({market_of(market) for market in found}) > 1:
            return []
    return sorted(found, key=lambda market: distance(market, symbol))


def what_would_work(symbol: str, markets: Iterable[str]) -> str:
    """Say which markets of a source somebody may have meant by a symbol that it does not know; "" if none."""
    markets = list(markets)
    bases = _bases(symbol) | ({coin.code, coin.kraken} if (coin := coin_of(symbol)) else set())
    near = _against_dollars(symbol, markets) or [
        market for market in markets if _SEPARATORS.split(market.upper())[0] in bases
    ]
    if not near:
        return ""
    listed = sorted(set(near))
    return f"{', '.join(listed[:5])}{', …' if len(listed) > 5 else ''} would work"


def lacking_dollar(market: str, symbol: str) -> str | None:
    """Say which dollar a symbol names that its market is not quoted in; None if it is, or names none."""
    wanted = dollar_of(symbol)
    if wanted is not None:
        return wanted if dollar_of(market) != wanted else None
    if same(market, symbol):
        return None
    plain, bases = _plain(symbol), _bases(market)
    return next((dollar for dollar in DOLLARS if plain in {base + dollar for base in bases}), None)


def _against_dollars(symbol: str, markets: Iterable[str]) -> list[str]:
    wanted = _bases(symbol)
    return [market for market in markets if coin_of(market) is None and wanted & _bases(market)]


def _bases(name: str) -> set[str]:
    """Give what the base of a market against a dollar may be by its name, and of a bare name this itself."""
    parts = [part for part in _SEPARATORS.split(name.upper()) if part]
    if len(parts) == 2 and parts[1] in DOLLARS:
        return {parts[0]}
    plain = _plain(name)
    if len(parts) != 1:
        return {plain}
    return {plain, *(plain.removesuffix(dollar) for dollar in DOLLARS if plain != dollar)}


def same(one: str, other: str) -> bool:
    """Say whether two names mean the same market, up to which dollar it is quoted in.

    Names outside the table are the same when they differ in case and separators only (PEPE/USDT, pepe_usdt).
    """
    coin = coin_of(one)
    return coin == coin_of(other) if coin else _plain(one) == _plain(other)
