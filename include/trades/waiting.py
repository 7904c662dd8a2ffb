"""Which trades are not settled now, and why, in a line of a log that stays short for any number of them."""

import pandas as pd

REASONS_SHOWN = 5  # that a line tells
IDS_SHOWN = 3  # of a reason
MAX_REASON_LENGTH = 120  # characters of a reason


def in_a_line(trades: pd.DataFrame) -> str:
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
        more = f" and {count - IDS_SHOWN} more" if count > IDS_SHOWN else ""
        parts.append(f"{count} of {symbol} ({', '.join(map(str, ids[:IDS_SHOWN]))}{more}): {short}")
    if rest := sum(count for count, *_ in said[REASONS_SHOWN:]):
        parts.append(f"{rest} more for other reasons")
    return "; ".join(parts)
