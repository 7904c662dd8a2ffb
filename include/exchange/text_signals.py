"""What a message from outside asks for, read as a whole; what cannot be read in one way only is refused.

Nothing is searched for inside other words: each line that carries a side, a level or a price must be made of
words that orders are written with, each number must have a meaning, and levels must agree with the side.
docs/outside-signals.md has the rules, and where they differ from a parser of others.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from include.exchange.message_levels import OrderLevels, UnclearOrderError, read_levels
from include.exchange.message_symbols import find_symbols, is_market, part_glued
from include.exchange.message_text import (
    UnreadableTextError,
    find_decimal_mark,
    normalise,
    read_lines,
    read_number,
)

Kind = Literal["signal", "management", "notice", "noise"]

LARGEST_LEVERAGE = Decimal(125)
LARGEST_SHARE = Decimal(20)  # percent of the account in one trade, as Cornix has it
LARGEST_PRICE = Decimal(10) ** 12
LARGEST_RATIO = Decimal(10)  # between two prices of one message: beyond it somebody left digits away


@dataclass(frozen=True)
class ParsedMessage:
    """What was read in a message.

    Attributes:
        kind: signal: it asks for a trade; management: it is about a trade under way; notice: it tells of one;
            noise: none of these, or an order that cannot be read.
        reason: why it is no signal, in words; None of a signal.
        symbol: `BASE/QUOTE`.
        direction: LONG or SHORT.
        entries: prices in the order of the message, in the quote currency; empty: at the market.
        targets: prices in the order of the message.
        stop_loss: a price; None: the message names none.
        leverage: a factor; of a range its lower end.
        amount: as the message says it, see `amount_unit`.
        order_type: market, limit, or stop (once the price breaks through).
        amount_unit: `base`: so much of the coin; `percent` of the account.
    """

    kind: Kind
    reason: str | None = None
    symbol: str | None = None
    direction: Literal["LONG", "SHORT"] | None = None
    entries: tuple[Decimal, ...] = ()
    targets: tuple[Decimal, ...] = ()
    stop_loss: Decimal | None = None
    leverage: Decimal | None = None
    amount: Decimal | None = None
    order_type: Literal["market", "limit", "stop"] | None = None
    amount_unit: Literal["base", "percent"] | None = None


_SHORT_ORDER = re.compile(r"[\s•#]*(buy|sell|long|short)\s+\$1\s+([^\s•]+)[\s•]*", re.IGNORECASE)
_LEVERAGE = re.compile(
    r"(?i)(?<![\w.])(\d{1,4}(?:\.\d+)?)\s?x(?:\s?(?:-|to)\s?\d{1,4}(?:\.\d+)?\s?x)?(?!\w)"
    r"|(?i:\blev(?:erage)?\b[\s:=(-]*(?:cross|isolated)?[\s:=(-]*)(?:x|1:)?(\d{1,4}(?:\.\d+)?)(?![\w.])"
)
_SHARE = re.compile(r"(?i)\b(?:amount(?: per trade)?|size|risk)\b[\s:=(-]*(\d+(?:\.\d+)?)\s?%")
_PERCENT = re.compile(r"(?<![\d.,])\d{1,2}-\d{1,2}\s?%|[+-]?\d+(?:[.,]\d+)?\s?%")
_QUOTE_ASIDE = re.compile(r"(?i)\(\s*(?:usdt|usdc|usd|btc|binance|bybit|bingx|kucoin|okx)\s*\)")

# A stop that waits for the close of a candle is a stop at that price: it loses no more.
_CANDLE_STOP = re.compile(
    r"""\b(stop(?:[ -]?loss)?|s\s?[./-]?\s?l)\b[\s:=.-]*\(?\s*(?:if\s+)?(?:an?\s+|the\s+)?
    (?:\d{1,2}\s?(?:h|hours?|hr|m|min)|daily|weekly|day|[hdmw]\d{1,2})\s+(?:candles?\s+)?clos(?:e|es|ing)\s+
    (under|below|above|over)\s+(\d[\d.,]*+)(?:\s*then\s+exit\b)?+\s*+\)?+(?!\s*(?:then|and|or|but)\b)""",
    re.VERBOSE | re.IGNORECASE,
)

# Words that tell of a trade, steer one, or take an order back: a message with one of them is no order.
_NOTICE = re.compile(
    r"\b(?:hit|hits|reached|achieved|closed|filled|booked|yesterday|last (?:week|night|month)|results?|"
    r"was|were|had|smashed|stopped out|cancell?ed|expired|well done|congrats|congratulations|running|so far|"
    r"is over|done|finished|earlier)\b|(?:target|tp)\s*\d{1,2}\s*•\s*$|"
    r"(?<!take[ -])(?<!take)(?:profit|period)\s*:",
    re.IGNORECASE | re.MULTILINE,
)
_MANAGEMENT = re.compile(
    r"(?i)\b(?:close|move|cancel|secure|trail|trailing|break\s?even|take partial|partials?|half|reduce|"
    r"updated?|modify|exit now|hold|add more|raise|lower)\b"
)
_DOUBT = re.compile(
    r"(?i)\b(?:not(?! (?:a )?financial advice)|do\s?n[o'’]?t|isn['’]t|won['’]t|can['’]t|never|avoid|"
    r"no longer|nobody|wait|if|unless|would|might|could|may|should|maybe|perhaps|think|thinking|about to|"
    r"wonder|nor|neither|instead|example|e\.g|why|stop buying|stop selling|test|ignore|forget|demo|joke|"
    r"no (?:more )?(?:buy|sell|long|short|entry|entries|trades?)|tomorrow|skip|invalid|void|fake|refrain|"
    r"missed|mistake|wrong|old signal|says?|said|saying|heard|told|rumou?rs?|sample|lol)\b"
)


def parse(message: str, *, markets: Collection[str] | None = None) -> ParsedMessage:
    """Read a message. It never raises; what it refuses says why.

    `markets`: what the exchange has, as `BASE/QUOTE` or as ccxt writes swaps (`BTC/USDT:USDT`); None: any.
    """
    try:
        text = normalise(message)
    except UnreadableTextError as error:
        return ParsedMessage("noise", f"{error}, which nobody may take for a price")
    if not re.search(r"\w", text):
        return ParsedMessage("noise", "it has no words")
    closings = {match[2].lower() for match in _CANDLE_STOP.finditer(text)}
    text = part_glued(_CANDLE_STOP.sub(r"\1 \3 ", text))
    told = _tells_something_else(text)
    if told is not None:
        return told
    try:
        return _read_signal(text, markets, closing=min(closings, default=None))
    except (UnreadableTextError, UnclearOrderError) as error:
        return ParsedMessage("noise", str(error))


def _tells_something_else(text: str) -> ParsedMessage | None:
    doubt, notice, management = (pattern.search(text) for pattern in (_DOUBT, _NOTICE, _MANAGEMENT))
    if notice:
        return ParsedMessage("notice", f"it tells of a trade: {_shown(notice.group())}")
    if doubt:
        return ParsedMessage("noise", f"no order is taken from a sentence with {_shown(doubt.group())}")
    if management:
        return ParsedMessage("management", f"it is about a trade under way: {_shown(management.group())}")
    return None


def _shown(text: str) -> str:
    return repr(" ".join(text.split())[:40])


def _read_signal(text: str, markets: Collection[str] | None, *, closing: str | None) -> ParsedMessage:
    symbols = find_symbols(text)
    if not symbols:
        raise UnclearOrderError("it names no market as BASE/QUOTE")
    if len(symbols) > 1:
        raise UnclearOrderError(f"it names more than one market: {', '.join(sorted(symbols))}")
    [(symbol, spelling)] = symbols.items()
    if markets is not None and not is_market(symbol, markets):
        raise UnclearOrderError(f"{symbol} is no market of the exchange")
    rest = text.replace(spelling, " $1 ")
    rest = re.sub(re.escape(spelling), " $1 ", rest, flags=re.IGNORECASE)
    if short := _SHORT_ORDER.fullmatch(rest):
        return _read_short_order(symbol, *short.groups())
    leverage, rest = _take_leverage(rest)
    share = _SHARE.search(rest)
    rest = _QUOTE_ASIDE.sub(" ", _PERCENT.sub(" ", rest))
    lines = read_lines(rest.replace("$1", " "))
    numbers = [token.text for line in lines for token in line if token.kind == "number"]
    mark = find_decimal_mark(numbers)
    levels = read_levels(lines, mark="." if mark is None and symbol.endswith("/JPY") else mark)
    if closing in ("above", "over") if levels.direction == "LONG" else closing in ("below", "under"):
        raise UnclearOrderError(f"its stop waits for a candle that closes {closing} it")
    _check(levels)
    found = ParsedMessage(
        "signal",
        symbol=symbol,
        direction=levels.direction,
        entries=levels.entries,
        targets=levels.targets,
        stop_loss=levels.stop_loss,
        leverage=leverage,
        order_type=levels.order_type,
    )
    if share is None:
        return found
    amount = Decimal(share.group(1))
    if not 0 < amount <= LARGEST_SHARE:
        raise UnclearOrderError(f"{amount} percent of the account; at most {LARGEST_SHARE} are allowed")
    return replace(found, amount=amount, amount_unit="percent")


def _read_short_order(symbol: str, side: str, amount: str) -> ParsedMessage:
    """`BUY BTCUSDT 0.1`: so much of the coin, at the market."""
    if not re.fullmatch(r"[\d.,]+", amount):
        raise UnclearOrderError(f"{amount[:30]} is no plain number")
    quantity = read_number(amount, mark=None)
    if not 0 < quantity <= LARGEST_PRICE:
        raise UnclearOrderError(f"an amount of {quantity} is out of bounds")
    direction: Literal["LONG", "SHORT"] = "LONG" if side.lower() in ("buy", "long") else "SHORT"
    return ParsedMessage(
        "signal",
        symbol=symbol,
        direction=direction,
        amount=quantity,
        amount_unit="base",
        order_type="market",
    )


def _take_leverage(text: str) -> tuple[Decimal | None, str]:
    found = [Decimal(match.group(1) or match.group(2)) for match in _LEVERAGE.finditer(text)]
    if len(set(found)) > 1:
        raise UnclearOrderError("it names more than one leverage")
    if found and not 1 <= found[0] <= LARGEST_LEVERAGE:
        raise UnclearOrderError(f"a leverage of {found[0]}; 1 to {LARGEST_LEVERAGE} are allowed")
    return (found[0] if found else None), _LEVERAGE.sub(" ", text)


def _check(levels: OrderLevels) -> None:
    """Refuse levels that contradict the side or one another. Raises UnclearOrderError."""
    every = [*levels.entries, *levels.targets, *([levels.stop_loss] if levels.stop_loss is not None else [])]
    if any(not 0 < price <= LARGEST_PRICE for price in every):
        raise UnclearOrderError("a price is out of bounds")
    if every and max(every) > LARGEST_RATIO * min(every):
        raise UnclearOrderError(
            f"{max(every)} and {min(every)} cannot both be prices of it: digits were left away"
        )
    sign = 1 if levels.direction == "LONG" else -1
    stop = levels.stop_loss
    if stop is not None and any(sign * (entry - stop) <= 0 for entry in levels.entries):
        raise UnclearOrderError(f"the stop {stop} is not on the losing side of the entry")
    for target in levels.targets:
        if any(sign * (target - entry) <= 0 for entry in levels.entries):
            raise UnclearOrderError(f"the target {target} is not on the winning side of the entry")
        if stop is not None and sign * (target - stop) <= 0:
            raise UnclearOrderError(f"the target {target} is not beyond the stop {stop}")
