"""Numbers, sizes and times as people say them."""

import math
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

LARGEST = Decimal("1e15")  # above, a number is written with a power of ten


def count_text(count: int, one: str, many: str | None = None) -> str:
    """`1 batch`, `2 batches`: the number with the word in the form that it takes.

    `many` is needed where the plural is not made by an s: `count_text(2, "batch", "batches")`.
    """
    return f"{count} {one if count == 1 else many or one + 's'}"


def some_text(names: Sequence[object], most: int, separator: str = ", ") -> str:
    """The first few of some names, and how many more there are: `BTC, ETH and 3 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return separator.join(map(str, names[:most])) + more


def age_text(age: timedelta) -> str:
    """How long something has been, roughly: `3 min`, `5 h`, `2 days`; a time that lies ahead is `0 min`."""
    minutes = max(0, int(age.total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"


def ago_text(age: timedelta) -> str:
    """When something was, or will be: `just now`, `3 min ago`, `in 5 h`."""
    if abs(age) < timedelta(minutes=1):
        return "just now"
    return f"{age_text(age)} ago" if age > timedelta(0) else f"in {age_text(-age)}"


def size_text(size: float) -> str:
    """A number of bytes: `1.5 GiB`."""
    unit, bytes_each = size_unit(size)
    return f"{size:.0f} B" if unit == "B" else f"{size / bytes_each:.1f} {unit}"


def size_unit(size: float) -> tuple[str, int]:
    """The unit in which a number of bytes is said, and how many bytes it is: `("GiB", 1073741824)`."""
    units = ("B", "KiB", "MiB", "GiB", "TiB")
    power = next((power for power in range(4) if abs(size) < 1024 ** (power + 1)), 4)
    return units[power], 1024**power


def number_text(number: int) -> str:
    """A whole number: `1,234,567`."""
    return f"{number:,}"


def money_text(amount: Decimal | float, unit: str = "USD") -> str:
    """US dollars: `1,234.50 USD`; what is less than a dollar to two digits that count: `0.0012 USD`.

    Without `unit` it is the number alone.
    """
    number = Decimal(str(amount))
    small = number.is_finite() and 0 < abs(number) < 1
    return _with_unit(_decimals(number, min(8, 1 - number.adjusted()) if small else 2), unit)


def figure_text(number: float, unit: str = "", apart_from: float | None = None) -> str:
    """A measured number with the digits that people need: `44.0 %`, `1,235 ms`, `0.012`.

    It has more of them where it would read like `apart_from`, a limit that it is not at.
    """
    if not math.isfinite(number):
        return f"{number} {unit}".strip()
    size = abs(number)
    if unit == "%" or 10 <= size < 1000:
        digits = 1
    else:
        digits = 0 if size == 0 or size >= 1000 else min(9, 2 - math.floor(math.log10(size)))
    while digits < 9 and apart_from is not None and round(number, digits) == apart_from != number:
        digits += 1
    text = f"{number:,.{digits}f}"
    if unit != "%" and "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text} {unit}".strip()


def decimal_text(value: float | Decimal | None, decimals: int = 2) -> str:
    """A number with its thousands apart: `1,234.50`; `–` for none, `no number` for NaN and infinity."""
    if value is None:
        return "–"
    return _decimals(Decimal(str(value)), decimals) if math.isfinite(value) else "no number"


def price_text(price: Decimal | float) -> str:
    """A price with the digits that matter at its size: `64,123.50`, `1.2346`, `0.000012346`."""
    value = Decimal(str(price))
    if not value.is_finite() or value == 0:
        return _decimals(value, 2)
    text = _decimals(value, max(2, 4 - value.adjusted()))
    whole, point, parts = text.partition(".")
    return text if "e" in text else f"{whole}{point}{parts[:2]}{parts[2:].rstrip('0')}"


def _decimals(value: Decimal, places: int) -> str:
    if not value.is_finite():
        return str(value)
    if abs(value) >= LARGEST or places > 18:
        return f"{value:.3e}"
    text = f"{value:,.{places}f}"
    return text if text.strip("-0.,") else "0.00"  # no minus before nothing


def _with_unit(number: str, unit: str) -> str:
    return f"{number} {unit}".strip()


def duration_text(seconds: float) -> str:
    """How long something took: `0.8 s`, `45 s`, `3.5 min`, `26.0 h`, `4.2 days`."""
    if not abs(seconds) < float("inf"):
        return f"{seconds} s"
    if abs(seconds) < 120:
        return f"{seconds:.1f} s" if abs(seconds) < 10 else f"{seconds:.0f} s"
    minutes = seconds / 60
    if abs(minutes) < 120:
        return f"{minutes:.1f} min"
    return f"{minutes / 60:.1f} h" if abs(minutes) < 48 * 60 else f"{minutes / 1440:.1f} days"
