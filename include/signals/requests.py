"""What may be asked for: symbols of the declared table, timeframes, and how long a signal of each lives."""

from datetime import timedelta
from typing import get_args

from pydantic import ValidationError

from include.settings import Settings, SignalRequest, Timeframe
from include.symbols import COINS, coin_of

SYMBOLS = tuple(coin.code for coin in COINS)
TIMEFRAMES: tuple[str, ...] = get_args(Timeframe)

# From the signal to its expiry. Settling closes then what is open.
SIGNAL_LIFETIMES = {
    "15m": timedelta(hours=4),
    "1h": timedelta(hours=24),
    "4h": timedelta(days=3),
    "1d": timedelta(days=7),
    "1w": timedelta(days=28),
}


class SignalRequestError(ValueError):
    """A request that cannot be carried out; the message says what to change."""


def _read_request(symbol: object, timeframe: object, user_id: object) -> SignalRequest:
    """Check what a person or a program asked for; the symbol may be spelled as BTC, BTCUSDT or BTC/USDT.

    Returns the request under the coin's canonical name. Raises SignalRequestError.
    """
    try:
        request = SignalRequest.model_validate({"symbol": symbol, "timeframe": timeframe, "user_id": user_id})
    except ValidationError as error:
        faults = [
            f"{fault['loc'][0]}: {fault['msg']}, got {str(fault['input'])[:50]!r}" for fault in error.errors()
        ]
        raise SignalRequestError("; ".join(faults)) from None
    return _checked(request)


def read_requests(symbol: str, timeframe: str, user_id: str, settings: Settings) -> list[SignalRequest]:
    """Read what a run should generate: what its form names, or with symbol and user empty, `signal_requests`.

    Raises SignalRequestError, also when only one of symbol and user is given.
    """
    if symbol and user_id:
        return [_read_request(symbol, timeframe, user_id)]
    if symbol or user_id:
        raise SignalRequestError("give symbol and user together, or none of them to generate signal_requests")
    return [_checked(request) for request in settings.signal_requests]


def _checked(request: SignalRequest) -> SignalRequest:
    """Give the request under the coin's canonical name. Raises SignalRequestError for an unknown symbol."""
    coin = coin_of(request.symbol)
    if coin is None:
        raise SignalRequestError(
            f"unknown symbol {request.symbol[:50]!r}; there are {', '.join(SYMBOLS)} "
            "and those of the setting coins"
        )
    return request.model_copy(update={"symbol": coin.code})
