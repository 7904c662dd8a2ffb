"""From a message to its words and numbers: normalised, without emoji, dates and other remarks in figures."""

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

LONGEST_MESSAGE = 4096  # characters, as of Telegram

MARK = "•"  # where an emoji stood: it parts what is left of it from what is right


class UnreadableTextError(ValueError):
    """The text holds something that nobody may read as a price; the message says what."""


@dataclass(frozen=True)
class Token:
    """A word in lower case, a number as it is written, or a mark between them.

    `glued` of a word is the whole number that follows it without a space, as in tp1.
    """

    kind: Literal["word", "number", "mark", "at"]
    text: str
    glued: str = ""


_SHORTCODE = re.compile(r":(?!(?:sl|tp)\d?:)[a-z]+(?:_[a-z0-9]+)*:")
_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?"
_ASIDE = re.compile(
    rf"""(?<![\d.,])(?:19|20)\d\d[./-]\d{{1,2}}[./-]\d{{1,2}}(?![\d.,/-]\d)  # a day
    | (?<![\d.,])\d{{1,2}}([./-])\d{{1,2}}\1(?:19|20)\d\d(?![\d.,/-]\d)
    | (?<![\d.,])\d{{1,2}}\.\d{{1,2}}\.\d{{2}}(?=[ ,]+\d{{1,2}}:\d{{2}})
    | \b\d{{1,2}}(?:st|nd|rd|th)?\s{_MONTH},?\s(?:19|20)\d\d\b
    | \b{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?,?\s(?:19|20)\d\d\b
    | \bhttps?://\S+ | \bwww\.\S+ | \bt\.me/\S+                             # an address
    | (?<!\S)\+\d{{9,15}}\b | \b24/7\b                                       # a telephone
    """,
    re.VERBOSE | re.IGNORECASE,
)
_REMARKS = re.compile(
    r"""\[[^\]\n]*\]                                                        # an aside in square brackets
    | \(\s*[+-]?\d+(?:\.\d+)?\s*(?:pips?|points?)[^)\n]*\)
    | [+-]?\d+(?:\.\d+)?\s*(?:pips?|points?)\b
    | \b\d+(?:\.\d+)?\s*-?\s*(?:hours?|h|m|min|minutes|days?)\b(?:\s*chart)?
    | \b\d{1,2}:\d{2}(?::\d{2})?\b
    | \b(?:signal|id|no|number|account)\b[\s.:\#]*(?:number|no)?[\s.:\#]*\d+(?:-\d+)?\b(?![.,]\d)
    | \b(?:trade|call|order|setup|idea|alert)\s?\#\s?\d+\b(?![.,]\d)
    | ^[ \t•]*\d{1,2}\)                                                   # 1) of a list
    | \b(?:this[ ]is[ ])?not[ ](?:a[ ])?financial[ ]advice\b
    | ^\s*\#\d+\s*$ | ^\s*\d{1,2}\.\s+(?=\D)
    | \b\d(?:st|nd|rd|th)\b
    | (?<=\d)\s+[+-]\d{1,3}(?![\d.,])(?=\s*$)                             # pips behind a price
    """,
    re.VERBOSE | re.MULTILINE | re.IGNORECASE,
)
_TOKEN = re.compile(
    rf"""(?P<number>(?<![\w.,'])(?:\d[\d.,]*+|\.\d++)(?![\w']))
    | (?P<word>[A-Za-z0-9][A-Za-z0-9'.]*)
    | (?P<at>@) | (?P<mark>[{MARK}]) | (?P<sign>\?)""",
    re.VERBOSE,
)
_LABEL = re.compile(r"([a-z]+)([1-9]\d?)")


def normalise(message: str) -> str:
    """Bring the message to plain letters (NFKC): a mark where an emoji stood, no days, no addresses.

    Raises UnreadableTextError for digits of other scripts, raised digits, and messages without end.
    """
    if len(message) > LONGEST_MESSAGE:
        raise UnreadableTextError(f"it has more than {LONGEST_MESSAGE} characters")
    message = re.sub("[0-9#*]\ufe0f?\u20e3", MARK, message)  # keycaps
    kept = []
    for letter in message:
        form = unicodedata.decomposition(letter)
        if form.startswith("<fraction>"):
            kept.append(" ")
        elif form.startswith(("<super>", "<sub>", "<circle>")) and any(
            unicodedata.digit(one, None) is not None for one in unicodedata.normalize("NFKC", letter)
        ):
            raise UnreadableTextError(f"it holds the raised or circled figure {letter}")
        else:
            kept.append(letter)
    plain = unicodedata.normalize("NFKC", "".join(kept))
    found = []
    for letter in plain:
        if unicodedata.category(letter) == "Nd" and not letter.isascii():
            raise UnreadableTextError(f"it holds the figure {letter} of another script")
        found.append(_plain_letter(letter))
    text = _SHORTCODE.sub(MARK, "".join(found))
    return _ASIDE.sub(" ", re.sub(r"[–—−]", "-", text))


def _plain_letter(letter: str) -> str:
    category = unicodedata.category(letter)
    if letter in "\n\t ":
        return letter
    if letter in "–—−":
        return "-"
    if category in ("So", "Sk", "Cn", "Co", "Cs") and letter not in "^`":
        return MARK
    if category in ("Zs", "Zl", "Zp"):
        return "\n" if category in ("Zl", "Zp") else " "
    return "" if category in ("Mn", "Me", "Cf", "Cc") else letter


def read_lines(text: str) -> list[list[Token]]:
    """Part a normalised text into lines of tokens; empty lines are left out."""
    text = re.sub(r"(?<=[A-Za-z])(\d?)\.{2,}", r"\1 ", text)  # Sl..0.9620
    text = re.sub(r"(?<=\d)(?=[A-Z][a-z]+)", " ", text)  # 81.162Ask
    text = re.sub(r"(?i)\b((?:tp|sl|target)\d?)\.(?=\d+\.\d)", r"\1 ", text)  # Tp1.1.96600
    text = re.sub(r"(?i)\b(buy|sell|tp|sl)(?=\d+\.\d)", r"\1 ", text)  # BUY1.96300
    text = re.sub(r"(?i)\b([ts])\s?[./-]\s?([pl])\b\.?", r"\1\2", text)  # T.P, S-L, S .l
    text = re.sub(r"(?i)\b([ts])\.([pl])(?=\d)\.?", r"\1\2", text)  # t.p1
    text = re.sub(r"(?<=\d)_(?=\d)", " - ", text)
    text = re.sub(r"(?<![\d.,])(\d+\.\d+),(?=\d+\.\d+(?![\d.,]))", r"\1 , ", text)  # 1.3000,1.2950
    text = _REMARKS.sub(" ", text)
    lines = [list(_tokens(line)) for line in text.split("\n")]
    return [line for line in lines if any(token.kind != "mark" for token in line)]


def _tokens(line: str) -> list[Token]:
    found = []
    for match in _TOKEN.finditer(line):
        kind, text = str(match.lastgroup), match.group().rstrip(".,'")
        if kind == "number":
            found.append(Token("number", text))
        elif kind in ("at", "mark"):
            found.append(Token("at" if kind == "at" else "mark", text))
        else:
            label = _LABEL.fullmatch(text.lower())
            word, glued = label.groups() if label else (text.lower() or "?", "")
            found.append(Token("word", word, glued))
    return found


_DECIMAL = re.compile(r"(\d+)\.(\d+)|\.(\d+)")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+\.\d+|\d{1,3}(?:,\d{3}){2,}")


def find_decimal_mark(texts: list[str]) -> Literal[".", ","] | None:
    """Tell which decimal mark the numbers of a message show; None: they show none.

    A dot by one that cannot be thousands: 0.766, 43250.5, 1.27240. A comma only where no number has a dot, at
    least two have a comma, and none of them could be thousands: 108,70 and 109,5.
    """
    for text in texts:
        match = _DECIMAL.fullmatch(text)
        if (match and not _might_be_thousands(text)) or re.fullmatch(r"\d{1,3}(?:,\d{3})+\.\d+", text):
            return "."
    marked = [text for text in texts if not text.isdigit()]
    commas = all(re.fullmatch(r"\d+,\d+", text) and not _might_be_thousands(text) for text in marked)
    return "," if commas and len(marked) > 1 else None


def _might_be_thousands(text: str) -> bool:
    return re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", text) is not None


def read_number(text: str, *, mark: Literal[".", ","] | None) -> Decimal:
    """Read a number; a comma may group thousands unless `mark` says that it is the decimal mark.

    `mark`: what other numbers of the message, or what is traded, show the decimal mark to be: 1.000 is one
    then and no thousand.
    Raises UnreadableTextError for what might be read in two ways: 1.000, 1.000,5, 43,250, a lone 0,5.
    """
    if re.fullmatch(r"\d+", text):
        return Decimal(text)
    if mark == "," and re.fullmatch(r"\d+,\d+", text):
        return Decimal(text.replace(",", "."))
    if _DECIMAL.fullmatch(text) and (mark == "." or not _might_be_thousands(text)):
        return Decimal(text)
    if _GROUPED.fullmatch(text):
        return Decimal(text.replace(",", ""))
    raise UnreadableTextError(f"the number {text[:30]} can be read in more than one way")
