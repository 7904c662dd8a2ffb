"""Which market a message names: `BASE/QUOTE`, from the spellings that messages use."""

import re
from collections.abc import Collection

# What prices are said in, the longest first where one ends as another.
CRYPTO_QUOTES = ("FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USD", "BTC", "ETH", "EUR")
_CODES = "USD EUR GBP JPY CHF CAD AUD NZD MXN SEK NOK DKK ZAR TRY SGD HKD CNH PLN HUF CZK XAU XAG"
MONEY = frozenset(_CODES.split())
NAMES = {"GOLD": "XAU/USD", "SILVER": "XAG/USD"}

_SLASHED = re.compile(r"(?<![A-Za-z0-9/])#?\s?([A-Za-z0-9]{2,15})\s?[/_-]\s?([A-Za-z]{3,5})(?![A-Za-z0-9])")
_WORD = re.compile(r"(?<![A-Za-z0-9@/])(#\s?)?([A-Za-z0-9]{4,20})(?![A-Za-z0-9/])")
_APART = re.compile(r"(?<![A-Za-z])(?=(([A-Za-z]{3})[ •|.:\\/_-]{1,5}([A-Za-z]{3}))(?![A-Za-z]))")
_GLUED = re.compile(
    r"(?i)(?<![a-z0-9])(buy|sell|long|short)?([a-z]{3})([a-z]{3})(buy|sell|long|short)?(?![a-z0-9])"
)


def find_symbols(text: str) -> dict[str, str]:
    """Find the markets that a normalised text names, as `BASE/QUOTE`, each with its spelling in the text."""
    found = {}
    for match in _SLASHED.finditer(text):
        base, quote = match.group(1).upper(), match.group(2).upper()
        if quote in CRYPTO_QUOTES or (base in MONEY and quote in MONEY):
            found[f"{base}/{quote}"] = match.group()
    for match in _APART.finditer(text):
        base, quote = match.group(2).upper(), match.group(3).upper()
        if base in MONEY and quote in MONEY:
            found[f"{base}/{quote}"] = match.group(1)
    for match in _WORD.finditer(text):
        marked, word = match.group(1) is not None, match.group(2)
        if symbol := _read_word(word, marked=marked):
            found.setdefault(symbol, match.group())
    return found


def part_glued(text: str) -> str:
    """Part a side from a pair of two currencies that it is written together with: EURUSDsell."""

    def parted(match: re.Match[str]) -> str:
        before, base, quote, behind = match.groups()
        if not {base.upper(), quote.upper()} <= MONEY:
            return match.group()
        return " ".join(filter(None, (before, base + quote, behind)))

    return _GLUED.sub(parted, text)


def _read_word(word: str, *, marked: bool) -> str | None:
    upper = word.upper()
    if upper in NAMES:
        return NAMES[upper]
    if len(upper) == 6 and upper[:3] in MONEY and upper[3:] in MONEY:
        return f"{upper[:3]}/{upper[3:]}"
    for quote in CRYPTO_QUOTES:
        base = upper.removesuffix(quote)
        if base != upper and len(base) >= 2:
            # an English word may end as a coin does (teeth); a name in capitals is none
            plain_word = quote in ("BTC", "ETH", "EUR") and not marked and not word.isupper()
            return None if plain_word else f"{base}/{quote}"
    # a last letter typed twice, or the m that brokers put behind theirs: two currencies before it are no word
    if len(upper) == 7 and upper[6] in (upper[5], "M") and {upper[:3], upper[3:6]} <= MONEY:
        return f"{upper[:3]}/{upper[3:6]}"
    return None


def is_market(symbol: str, markets: Collection[str]) -> bool:
    """Whether the exchange has this market, spot or swap: BTC/USDT is BTC/USDT:USDT too."""
    return symbol in markets or any(market.split(":")[0] == symbol for market in markets)
