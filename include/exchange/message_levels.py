"""Side, entries, targets and stop from the lines of a message: each number gets its role, or is refused."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from include.exchange.message_text import Token, read_number


class UnclearOrderError(ValueError):
    """No order can be read in the message; the message of the error says why."""


@dataclass(frozen=True)
class OrderLevels:
    """What was read: prices as they stand in the message."""

    direction: Literal["LONG", "SHORT"]
    entries: tuple[Decimal, ...]
    targets: tuple[Decimal, ...]
    stop_loss: Decimal | None
    order_type: Literal["market", "limit", "stop"]


SIDES = {"buy": "LONG", "long": "LONG", "bought": "LONG", "sell": "SHORT", "short": "SHORT", "sold": "SHORT"}
ENTRY = frozenset({"entry", "entries", "en", "enter", "entered"})
_TARGET_WORDS = "tp tps target targets tg tgt t profit exit exits takeprofit takeprofits"
TARGET = frozenset(_TARGET_WORDS.split())
MANY = frozenset({"tps", "targets", "exits", "takeprofits"})
STOP = frozenset({"sl", "stoploss"})
_REMARK_WORDS = """
risk reward rr r-r ratio lot lots size time timeframe date expiry expires bid ask spread previous support
resistance floating account profit copyright copyrights recommended low high id channel note join vip sure r
sats leverage lev accuracy
"""
_PLAIN_WORDS = """
now at cmp again instant execution order for please on set point price prices from we zone area range between
and to more both trade trades all name pair currency forex coin direction position type margin mode cross
isolated leave open unlimited swing day daytrade daily weekly scalp long-term term setup plan ideal idea
safety take loss market limit stop above below breakout break around today call free paid signal signals
crypto exchange binance bybit bingx kucoin okx futures spot usdt usd the a i of is it in with level
levels near around about chart w1 d1 h1 h4 m15 m30 m5 tf hold per no st nd rd th first second third
"""
REMARK = frozenset(_REMARK_WORDS.split())  # behind one of these a line says nothing that an order needs
PLAIN = frozenset(_PLAIN_WORDS.split())  # what orders are written with besides
MOST_UNKNOWN = 2  # words of a complete order


@dataclass
class _Reading:
    """What has been read so far."""

    mark: Literal[".", ","] | None  # the decimal one
    sides: set[str] = field(default_factory=set)
    entries: list[Decimal] = field(default_factory=list)
    beside: list[Decimal] = field(default_factory=list)  # behind the side, without a word for it
    targets: list[Decimal] = field(default_factory=list)
    stops: list[Decimal] = field(default_factory=list)
    bare: list[Decimal] = field(default_factory=list)  # on lines or behind emoji of their own
    unknown: list[str] = field(default_factory=list)
    types: set[str] = field(default_factory=set)
    role: str | None = None
    many: bool = False  # the role takes prices on lines of their own
    filled: bool = False  # the role has its price
    asked: list[str] = field(default_factory=list)  # roles that were named
    ends_on_other_side: bool = False  # its targets are what the other side's word names

    def begin(self, role: str, *, many: bool = False) -> None:
        """What follows is of this role, until another begins."""
        if self.role in ("target", "stop") and not self.filled and not self.many and self.role == role:
            return
        self.role, self.many, self.filled = role, many, False
        self.asked.append(role)

    def ends_with(self, side: str) -> bool:
        """Whether this side's prices are its targets: it was entered on the other, and names no others."""
        entered = bool(self.sides and (self.entries or self.beside))
        return entered and side not in self.sides and "target" not in self.asked

    def take(self, text: str) -> None:
        """Give a number to the role that is open."""
        if self.role == "remark":
            self.filled = True
            return
        value = read_number(text, mark=self.mark)
        if self.role is None:
            self.bare.append(value)
            return
        {"entry": self.entries, "side": self.beside, "target": self.targets, "stop": self.stops}[
            self.role
        ].append(value)
        self.filled = True


def read_levels(lines: Sequence[Sequence[Token]], *, mark: Literal[".", ","] | None) -> OrderLevels:
    """Read the lines of one message. Raises UnclearOrderError, and UnreadableTextError for odd numbers."""
    reading = _Reading(mark)
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ()
        _read_line(reading, line, following)
    return _conclude(reading)


def _read_line(reading: _Reading, line: Sequence[Token], following: Sequence[Token]) -> None:
    first = next((token for token in line if token.kind not in ("mark", "at")), None)
    keeps = first is not None and first.kind == "number" and (reading.many or not reading.filled)
    if not keeps and not (reading.role and not reading.filled and _has_no_label(line)):
        reading.role, reading.many, reading.filled = None, False, False
    unknown: list[str] = []
    carries = False  # a side, a level or a price
    names_side_again = bool(reading.beside or reading.entries)  # a line without numbers adds nothing then
    position = 0
    while position < len(line):
        token = line[position]
        words = tuple(one.text if one.kind == "word" else "" for one in line[position : position + 2])
        if token.kind == "number":
            carries = carries or reading.role != "remark"
            before = line[position - 1].text if position else ""
            if reading.filled and reading.role != "remark" and unknown and unknown[-1] == before:
                raise UnclearOrderError(f"the number {token.text} has no meaning behind {before[:30]}")
            if not _is_index(reading, line, position, following):
                reading.take(token.text)
        elif token.kind == "mark":
            if reading.role in ("side", "stop", "entry") and reading.filled and not reading.many:
                reading.role, reading.filled = None, False
        elif token.kind == "at":
            if reading.role in (None, "side") and not reading.filled:
                reading.begin("entry")
        elif step := _read_words(
            reading, words, token, follows=position == 0 or line[position - 1].kind != "word"
        ):
            carries = carries or reading.role != "remark"
            position += step - 1
            if reading.role == "target" and position == len(line) - 1:
                reading.many = True  # its prices stand on the lines below
        elif reading.role != "remark" and token.text not in PLAIN:
            unknown.append(token.text)
        position += 1
    if odd := [word for word in unknown if re.search(r"\d" if carries else r"[.,]\d", word)]:
        raise UnclearOrderError(f"{odd[0][:30]} is neither a word nor a number")
    if carries and any(token.text == "?" for token in line):
        raise UnclearOrderError("it asks, and does not say")
    if carries and not (names_side_again and all(token.kind != "number" for token in line)):
        reading.unknown += unknown


def _has_no_label(line: Sequence[Token]) -> bool:
    return not any(
        token.kind == "word" and token.text in (*SIDES, *ENTRY, *TARGET, *STOP, *REMARK, "stop", "take")
        for token in line
    )


def _read_words(reading: _Reading, words: tuple[str, ...], token: Token, *, follows: bool) -> int:
    """Take words that open a role; give how many they are, 0 for none. `follows`: no word is before."""
    word, next_word = words[0], words[1] if len(words) > 1 else ""
    if word in ("stop", "stops", "safety") and next_word in ("loss", "losses", "lose", "stop"):
        reading.begin("stop")
        return 2
    if word == "take" and next_word in ("profit", "profits"):
        reading.begin("target", many=next_word == "profits")
        return 2
    if word == "sell" and next_word in TARGET:
        reading.begin("target", many=True)
        return 2
    if word in SIDES and next_word == "term":
        return 2
    if follows and word in SIDES and reading.ends_with(SIDES[word]):
        reading.begin("target", many=True)  # buy at 2500, sell at 2600
        reading.ends_on_other_side = True
        return 1
    if word in SIDES:
        reading.sides.add(SIDES[word])
        if next_word in ("limit", "stop"):
            reading.types.add(next_word)
        reading.begin("side", many=False)
        return 2 if next_word in ("limit", "stop") else 1
    if word == "limit" and next_word in ENTRY:
        reading.types.add("limit")
        reading.begin("entry", many=True)
        return 2
    if word in ENTRY or (word in ("at", "from") and reading.role in (None, "side") and not reading.filled):
        reading.begin("entry", many=word in ENTRY)
        return 1
    if word in ("above", "below", "breakout") and reading.role in ("entry", "side"):
        reading.types.add("stop")
        return 1
    if word in STOP or (word == "si" and not next_word) or (word == "stop" and reading.role != "side"):
        reading.begin("stop")
        return 1
    if word in TARGET and not (word == "profit" and reading.role != "target"):
        reading.begin("target", many=word in MANY)
        return 1
    if word in REMARK:
        reading.role, reading.many, reading.filled = "remark", False, False
        return 1
    if token.glued:
        reading.unknown.append(word)
        return 1
    return 0


def _is_index(reading: _Reading, line: Sequence[Token], position: int, following: Sequence[Token]) -> bool:
    """Whether a number counts targets: the 1 of `TP 1 0.8057`, of `1) 46000`, of `T.P 1` above its price."""
    text = line[position].text
    if reading.role != "target" or not text.isdigit() or int(text) > 20:
        return False
    if int(text) != len(reading.targets) + 1:
        return False
    rest = [token for token in line[position + 1 :] if token.kind in ("number", "word")]
    if rest:
        return rest[0].kind == "number"
    ahead = next((token for token in following if token.kind != "mark"), None)
    return ahead is not None and ahead.kind == "number" and not reading.many


def _conclude(reading: _Reading) -> OrderLevels:
    if len(reading.stops) > 1:
        raise UnclearOrderError("it names more than one stop")
    if "stop" in reading.asked and not reading.stops:
        raise UnclearOrderError("it speaks of a stop without a price")
    entries = reading.entries
    if reading.beside:
        if entries:
            raise UnclearOrderError(f"the number {reading.beside[0]} has no meaning beside the entry")
        if not (reading.targets or reading.stops or reading.bare):
            raise UnclearOrderError(f"the number {reading.beside[0]} might be a price or an amount")
        entries = reading.beside
    direction = _find_direction(reading, entries)
    targets, stops = list(reading.targets), list(reading.stops)
    if reading.bare:
        entries, targets, stops = _place(reading.bare, entries, targets, stops, direction)
    if not entries and not (targets and stops):
        raise UnclearOrderError("it names no entry, and not both a stop and targets")
    if len(reading.unknown) > (MOST_UNKNOWN if targets and stops else 0):
        raise UnclearOrderError(f"the order stands among other words: {' '.join(reading.unknown)[:80]}")
    if len(reading.types) > 1:
        raise UnclearOrderError("it wants to be a limit and a stop order at once")
    if reading.types and not entries:
        raise UnclearOrderError("it is a limit or a stop order without a price")
    order_type = next(iter(reading.types), "limit" if entries else "market")
    return OrderLevels(
        direction, tuple(entries), tuple(targets), stops[0] if stops else None, _as_type(order_type)
    )


def _as_type(name: str) -> Literal["market", "limit", "stop"]:
    return "stop" if name == "stop" else "limit" if name == "limit" else "market"


def _find_direction(reading: _Reading, entries: list[Decimal]) -> Literal["LONG", "SHORT"]:
    other_side_alone = reading.targets and reading.asked.count("target") == 1
    if len(reading.sides) > 1 or (reading.ends_on_other_side and not other_side_alone):
        raise UnclearOrderError("it names both sides")
    if reading.sides:
        return "LONG" if "LONG" in reading.sides else "SHORT"
    if not (entries and reading.targets and reading.stops):
        raise UnclearOrderError("it names no side")
    return "LONG" if reading.stops[0] < min(entries) else "SHORT"


def _place(
    bare: list[Decimal],
    entries: list[Decimal],
    targets: list[Decimal],
    stops: list[Decimal],
    direction: Literal["LONG", "SHORT"],
) -> tuple[list[Decimal], list[Decimal], list[Decimal]]:
    """Prices without a word: with a known entry and nothing else, the sides say which is the stop."""
    if not entries or targets or stops:
        raise UnclearOrderError(f"the number {bare[0]} has no meaning")
    sign = 1 if direction == "LONG" else -1
    losing = [price for price in bare if sign * (price - entries[0]) < 0]
    winning = [price for price in bare if sign * (price - entries[0]) > 0]
    if len(losing) != 1 or len(winning) + 1 != len(bare) or (bare[0] != losing[0] and len(bare) > 2):
        raise UnclearOrderError("it has prices without a word for what they are")
    return entries, winning, losing
