"""Why trades are not settled now, in words: of one, and in a log's line that stays short for any number."""

from datetime import datetime
from typing import TYPE_CHECKING

from include.humanize import some_text

if TYPE_CHECKING:
    import pandas as pd  # it is slow to import, and the web server asks for one trade only

REASONS_SHOWN = 5  # that a line tells
IDS_SHOWN = 3  # of a reason
MAX_REASON_LENGTH = 120  # characters of a reason


def in_a_line(trades: "pd.DataFrame") -> str:
    """Say it by symbol and reason, the most frequent first. `trades`: `id, symbol, reason`."""
    groups = trades.assign(reason=trades["reason"].fillna("not judged yet")).groupby(["symbol", "reason"])[
        "id"
    ]
    said = sorted(
        ((len(ids), str(symbol), str(reason), list(ids)) for (symbol, reason), ids in groups),
        key=lambda group: (-group[0], *group[1:3]),
    )
    parts = []
    for count, symbol, reason, ids in said[:REASONS_SHOWN]:
        short = reason if len(reason) <= MAX_REASON_LENGTH else reason[: MAX_REASON_LENGTH - 1] + "…"
        parts.append(f"{count} of {symbol} ({some_text(ids, IDS_SHOWN)}): {short}")
    if rest := sum(count for count, *_ in said[REASONS_SHOWN:]):
        parts.append(f"{rest} more for other reasons")
    return "; ".join(parts)


def waiting_text(
    reason: str | None, holder: str | None, held_until: datetime | None, next_attempt: datetime | None
) -> str:
    """Say why a due trade is not settled yet, and when it is looked at again (UTC).

    Args:
        reason: what the gate or the sources said of it; None: nobody has judged it.
        holder: the sweep that holds it under a lease now; None: nobody does.
        held_until: when that lease lapses.
        next_attempt: the trade is not looked at before; None: the next sweep takes it.
    """
    said = reason or "no sweep has judged it yet"
    if holder is not None:
        return f"{said}; held by the sweep {holder} until {held_until:%Y-%m-%d %H:%M}"
    if next_attempt is not None:
        return f"{said}; looked at again from {next_attempt:%Y-%m-%d %H:%M}"
    return f"{said}; the next sweep takes it"
