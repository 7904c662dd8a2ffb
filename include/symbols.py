"""What the same coin is called elsewhere: one table, put together from the vendors, and how names are read.

A trade names its symbol as BTC, BTCUSDT, BTC/USDT or BTC-USD. All of them mean the coin BTC against a dollar.
A name that is not in the table stands for itself (BTC-PERP, ADABTC), and the base of a market (PEPE) for that
market where a source has one of its markets against a dollar, and no second one. The setting `coins` adds to
the table. What a vendor calls the coins stands in its file in include/services.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from include.services import COIN_BASES, COIN_IDS

# The dollar and the coins that stand for it, in the order in which one is preferred to the next.
DOLLARS = ("USD", "USDT", "USDC")

# The coins by their usual code, which is also Binance's and ccxt's.
CODES = (
    "BTC",
    "ETH",
    "XRP",
    "BNB",
    "SOL",
    "DOGE",
    "TRX",
    "ADA",
    "LINK",
    "AVAX",
    "XLM",
    "BCH",
    "LTC",
    "DOT",
    "UNI",
    "XMR",
    "ETC",
    "NEAR",
    "ATOM",
    "SHIB",
    "MATIC",
)


@dataclass(frozen=True)
class Coin:
    """One coin and its names at the vendors that do not use its code."""

    code: str
    ids: Mapping[str, str | int] = field(hash=False)  # vendor -> its id of the coin
    bases: tuple[str, ...]  # in names of pairs, besides the code


def _declared_coin(code: str) -> Coin:
    ids = {vendor: known[code] for vendor, known in COIN_IDS.items() if code in known}
    return Coin(code, ids, tuple(known[code] for known in COIN_BASES.values() if code in known))


COINS = tuple(_declared_coin(code) for code in CODES)

_SEPARATORS = re.compile(r"[-_/ ]")


def _spellings(coin: Coin) -> dict[str, tuple[Coin, str]]:
    bases = (coin.code, *coin.bases)
    ids = {name.upper().replace("-", "") for name in coin.ids.values() if isinstance(name, str)}
    # Older pairs of an exchange carry a letter before base and quote: XXBTZUSD, XETHZUSD
    pairs = {f"X{bases[-1]}Z{DOLLARS[0]}": DOLLARS[0]}
    pairs |= {base + dollar: dollar for base in bases for dollar in DOLLARS}
    bare = {*bases, *ids}
    return dict.fromkeys(bare, (coin, DOLLARS[0])) | {name: (coin, d) for name, d in pairs.items()}


def _table(coins: Iterable[Coin]) -> dict[str, tuple[Coin, str]]:
    return {name: found for coin in coins for name, found in _spellings(coin).items()}


_DECLARED = _table(COINS)
_by_spelling = _DECLARED


def add_coins(coins: Mapping[str, Mapping[str, str | int | None]]) -> None:
    """Let the table of this process be the declared one and these coins, in the place of those added before.

    Args:
        coins: the coin's code -> a vendor -> what it calls the coin. Each vendor that has ids must be there.

    Raises:
        ValueError: a vendor is missing or has no names for coins, or a name means another coin already.
    """
    global _by_spelling
    table = dict(_DECLARED)
    for code, names in coins.items():
        coin = _added_coin(code, {vendor: name for vendor, name in names.items() if name is not None})
        for name, found in _spellings(coin).items():
            if name in table and table[name][0] != coin:
                raise ValueError(f"coins: {name}, a name of {code}, means {table[name][0].code} already")
            table[name] = found
    _by_spelling = table


def _added_coin(code: str, names: Mapping[str, str | int]) -> Coin:
    known = ", ".join({**COIN_IDS, **COIN_BASES})
    if unknown := set(names) - set(COIN_IDS) - set(COIN_BASES):
        raise ValueError(f"coins: {code}.{min(unknown)} is no vendor with names for coins; known: {known}")
    if missing := set(COIN_IDS) - set(names):
        raise ValueError(f"coins: {code}.{min(missing)} is missing: what the vendor calls the coin")
    for vendor, name in names.items():
        example = next(iter((COIN_IDS.get(vendor) or COIN_BASES[vendor]).values()))
        if type(name) is not type(example) or not name or (isinstance(name, int) and name < 0):
            raise ValueError(f"coins: {code}.{vendor} is {name!r}; it must be a name such as {example!r}")
    bases = tuple(str(name) for vendor, name in names.items() if vendor in COIN_BASES)
    return Coin(code, {vendor: names[vendor] for vendor in COIN_IDS}, bases)


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
    bases = _bases(symbol) | ({coin.code, *coin.bases} if (coin := coin_of(symbol)) else set())
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
