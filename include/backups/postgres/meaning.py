"""What an expression means, however PostgreSQL writes it: the same before a dump and after its restore.

PostgreSQL keeps expressions as trees and writes them as SQL, every operation in brackets of its own. What it
reads back becomes another tree in a few cases: nested ANDs become one, the cast of a whole array one of each
element (`x IN ('a', 'b')` on a varchar), a negated number a negative one, and a column behind UNION gets a
name. Here both are brought to one form. Everything else stays: operators, names, constants, types, brackets.
"""

import re
from collections.abc import Iterator
from typing import TypeAlias

TOKEN_PATTERN = re.compile(
    r"""(?P<gap>\s+|--[^\n]*|/\*.*?\*/)
      | [Ee]'(?:[^'\\]|''|\\.)*'
      | (?:[BbXxNn]|[Uu]&)?'(?:[^']|'')*'
      | \$(?P<tag>[^\W\d]\w*|)\$.*?\$(?P=tag)\$
      | "(?:[^"]|"")*"
      | \d+(?:\.\d*)?(?:[eE][+-]?\d+)?
      | [^\W\d][\w$]*
      | ::
      | [-+*/<>=~!@\#%^&|`?]+
      | .""",
    re.VERBOSE | re.DOTALL,
)
CAST = "::"
CLOSING_BRACKETS = {"(": ")", "[": "]"}
NUMBER_PATTERN = re.compile(r"\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")
SET_WORDS = ("UNION", "INTERSECT", "EXCEPT")
# The words that may follow the first one of a type.
TYPE_WORDS = {"varying", "precision", "with", "without", "time", "zone"}

# A token, or what stands in brackets: the bracket, then tokens and brackets.
Item: TypeAlias = "str | list[Item]"


def tokens(text: str) -> Iterator[str]:
    """The words, constants, operators and signs of SQL, without comments and white space."""
    return (found[0] for found in TOKEN_PATTERN.finditer(text) if found["gap"] is None)


def statements(text: str) -> Iterator[str]:
    """The statements of SQL as they are written, without comments before them."""
    start: int | None = None
    for found in TOKEN_PATTERN.finditer(text):
        if found["gap"] is not None:
            continue
        if start is None:
            start = found.start()
        if found[0] == ";":
            yield text[start : found.start()]
            start = None


def meaning(written: str) -> str:
    """One form for all ways in which PostgreSQL writes the same; `written` is what its functions give."""
    items, _ = _read(list(tokens(written)), 0, "")
    return " ".join(_flat(_one_form(items)))


def _read(found: list[str], at: int, closing: str) -> tuple[list[Item], int]:
    items: list[Item] = []
    while at < len(found) and found[at] != closing:
        token = found[at]
        if token in CLOSING_BRACKETS:
            inner, at = _read(found, at + 1, CLOSING_BRACKETS[token])
            items.append([token, *inner])
        else:
            items.append(token)
        at += 1
    return items, at


def _one_form(items: list[Item]) -> list[Item]:
    items = [[item[0], *_one_form(item[1:])] if isinstance(item, list) else item for item in items]
    out: list[Item] = []
    at = 0
    while at < len(items):
        item = items[at]
        at += 1
        if not isinstance(item, list) or item[0] != "(":
            out.append(item)
            continue
        inner = item[1:]
        casts = at < len(items) and items[at] == CAST
        if len(inner) == 1 or (casts and _is_cast(inner)):
            out += inner  # brackets around one thing
        elif len(inner) == 2 and inner[0] == "-" and NUMBER_PATTERN.fullmatch(str(inner[1])):
            out += _negative(str(inner[1]))
        elif casts and inner[0] == "ARRAY" and len(inner) == 2:
            kind, after = _read_type(items, at + 1)
            if kind[-1:] == [["["]]:
                out += ["ARRAY", _cast_elements(inner[1], kind[:-1])]
                at = after
            else:
                out.append(item)
        else:
            out.append(item)
    for word in ("AND", "OR"):
        out = _join(out, word)
    return _without_names(out)


def _negative(number: str) -> list[Item]:
    """`(- 0.5)` as the constant that it is once it is read again."""
    kind = "numeric"
    if number.isdigit():
        kind = next(
            (name for name, bits in (("integer", 31), ("bigint", 63)) if int(number) < 1 << bits), kind
        )
    return [f"'-{number}'", CAST, kind]


def _is_cast(items: list[Item]) -> bool:
    """Whether it is one thing and its casts: `'a'::character varying`."""
    at = 1
    while at < len(items) and items[at] == CAST:
        _, at = _read_type(items, at + 1)
    return at == len(items) > 1


def _read_type(items: list[Item], at: int) -> tuple[list[Item], int]:
    """The type that stands there, and where it ends."""
    start = at
    at += 1
    while at < len(items):
        item = items[at]
        if item == "." and at + 1 < len(items):
            at += 2
        elif (isinstance(item, str) and item in TYPE_WORDS) or (isinstance(item, list) and len(item) <= 4):
            at += 1
        else:
            break
    return items[start:at], at


def _cast_elements(array: Item, kind: list[Item]) -> Item:
    """`ARRAY[a, b]::text[]` with the cast at each element."""
    out: list[Item] = ["["]
    for number, element in enumerate(_split(list(array[1:]), ",")):
        if number:
            out.append(",")
        one = len(element) == 1 or _is_cast(element)
        out += [*(element if one else [["(", *element]]), CAST, *kind]
    return out


def _join(items: list[Item], word: str) -> list[Item]:
    """`a AND (b AND c)` as `a AND b AND c`."""
    if word not in items:
        return items
    out: list[Item] = []
    for number, operand in enumerate(_split(items, word)):
        if number:
            out.append(word)
        (single,) = operand if len(operand) == 1 else ("",)
        inner = isinstance(single, list) and single[0] == "(" and word in single and "SELECT" not in single
        out += single[1:] if inner else operand
    return out


def _without_names(items: list[Item]) -> list[Item]:
    """A query without the column names of what follows UNION and the like, which name nothing."""
    out: list[Item] = []
    naming = follows = False
    at = 0
    while at < len(items):
        item = items[at]
        if item in SET_WORDS:
            follows = True
        if item in ("SELECT", "FROM"):
            naming = item == "SELECT"
        if follows and isinstance(item, list) and "SELECT" in item:
            out.append([item[0], *_without_names(["UNION", *item[1:]])[1:]])
        elif follows and naming and item == "AS":
            at += 1  # and the name behind it
        else:
            out.append(item)
        at += 1
    return out


def _split(items: list[Item], sign: str) -> list[list[Item]]:
    parts: list[list[Item]] = [[]]
    for item in items:
        if item == sign:
            parts.append([])
        else:
            parts[-1].append(item)
    return parts


def _flat(items: list[Item]) -> Iterator[str]:
    for item in items:
        if isinstance(item, list):
            yield str(item[0])
            yield from _flat(item[1:])
            yield CLOSING_BRACKETS[str(item[0])]
        else:
            yield item
