"""The coins of the synthetic market: what is usual for each, and how its whole ticks and lots are written."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Coin:
    """One coin against the US dollar. `price`, `volatility` and `turnover` are what is usual for it."""

    symbol: str
    name: str
    price: float  # US dollars
    volatility: float  # standard deviation of a day's log return
    turnover: float  # US dollars traded a day
    quiet: float  # share of the minutes without a trade
    supply: float  # coins in circulation
    price_decimals: int
    volume_decimals: int

    def write_prices(self, ticks: Ints) -> list[str]:
        """Prices as decimal strings, in US dollars."""
        return _write_decimals(ticks, self.price_decimals)

    def write_volumes(self, lots: Ints) -> list[str]:
        """Volumes as decimal strings, in coins."""
        return _write_decimals(lots, self.volume_decimals)

    def write_turnover(self, turnover: Ints) -> list[str]:
        """Turnover (tick x lot) as decimal strings, in US dollars."""
        return _write_decimals(turnover, self.price_decimals + self.volume_decimals)

    def price_dollars(self, ticks: Ints) -> Floats:
        """Prices in US dollars, as floats."""
        return np.asarray(ticks / 10.0**self.price_decimals)

    def turnover_dollars(self, turnover: Ints) -> Floats:
        """Turnover (tick x lot) in US dollars, as floats."""
        return np.asarray(turnover / 10.0 ** (self.price_decimals + self.volume_decimals))


COINS = {
    coin.symbol: coin
    for coin in (
        Coin("BTC", "Bitcoin", 65_000.0, 0.026, 1.5e9, 0.005, 19.8e6, 1, 5),
        Coin("ETH", "Ethereum", 3_200.0, 0.034, 9.0e8, 0.005, 120.5e6, 2, 4),
        Coin("SOL", "Solana", 150.0, 0.045, 4.0e8, 0.01, 470e6, 2, 3),
        Coin("XRP", "XRP", 1.2, 0.042, 3.0e8, 0.01, 57e9, 4, 1),
        Coin("ADA", "Cardano", 0.55, 0.043, 9.0e7, 0.02, 35e9, 5, 1),
        Coin("DOGE", "Dogecoin", 0.16, 0.048, 1.5e8, 0.02, 147e9, 6, 0),
        Coin("LTC", "Litecoin", 90.0, 0.037, 5.0e7, 0.04, 75e6, 2, 3),
        Coin("BNB", "BNB", 560.0, 0.032, 1.5e8, 0.02, 145e6, 2, 3),
        Coin("AVAX", "Avalanche", 32.0, 0.047, 4.0e7, 0.04, 410e6, 3, 2),
        Coin("LINK", "Chainlink", 14.0, 0.043, 5.0e7, 0.04, 630e6, 3, 2),
        Coin("DOT", "Polkadot", 6.0, 0.042, 2.5e7, 0.06, 1.5e9, 4, 2),
        Coin("MATIC", "Polygon", 0.65, 0.046, 2.5e7, 0.06, 9.9e9, 5, 1),
    )
}


SPELLING = re.compile(r"(\w+?)(?:[/-]?USDT?)?")


class UnknownSymbolError(ValueError):
    """The market does not trade this symbol."""


def find_coin(spelling: str) -> Coin:
    """Find a coin by BTC, BTCUSD, BTCUSDT, BTC/USDT or BTC-USD, in any case.

    Raises UnknownSymbolError, with the symbol as it was spelled.
    """
    match = SPELLING.fullmatch(spelling.strip().upper())
    coin = COINS.get(match[1]) if match else None
    if coin is None:
        raise UnknownSymbolError(f"unknown symbol {spelling}")
    return coin


def _write_decimals(values: Ints, decimals: int) -> list[str]:
    if decimals == 0:
        return [str(value) for value in values.tolist()]
    unit = 10**decimals
    return [f"{value // unit}.{value % unit:0{decimals}d}" for value in values.tolist()]
