"""Portfolios that no call reads: the exchange's, from what reconciliation stored; those of a file."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection

from include.database import sql, storable
from include.portfolio.snapshot import PortfolioError, Position, Snapshot, read_decimal

if TYPE_CHECKING:
    import pandas as pd

REQUIRED = ("portfolio", "instrument", "currency", "quantity", "price")
OPTIONAL = ("taken_at", "name", "kind", "multiplier", "rate", "value")
MOST_ROWS = 1_000_000


def read_exchange(connection: Connection) -> Snapshot | None:
    """Read balances and positions as reconciliation left them; None: nobody has looked yet.

    A swap is worth what it has won since its entry, at the newest candle of a day. Raises PortfolioError for
    a position without such a candle, and for other money than dollars, which has no price here.
    """
    rows = connection.execute(sql("portfolio/read_exchange")).all()
    if not rows:
        return None
    without = [row.instrument for row in rows if row.price is None]
    if without:
        raise PortfolioError(f"no candle of the last day gives a price of {', '.join(without)}")
    taken_at, exchange = rows[0].taken_at, rows[0].exchange
    positions = [
        Position(
            row.instrument,
            row.instrument,
            row.kind,
            "USD",
            Decimal(1),
            row.quantity,
            row.price,
            row.quantity * (row.price - row.entry),
        )
        for row in rows
    ]
    return Snapshot(f"exchange:{exchange}", "exchange", taken_at, "USD", positions)


def read_file(path: Path) -> list[Snapshot]:
    """Read the snapshots of a CSV or Parquet file: a row a position, each portfolio and time one snapshot.

    Columns: portfolio, instrument, currency, quantity, price; taken_at (ISO 8601 with a time zone; without
    the column: when the file was written), name, kind (asset or cash), multiplier (1), rate (to the first
    currency that a portfolio names; needed for others), value (quantity * price * multiplier).

    Raises PortfolioError, in words, for a file that cannot be read whole.
    """
    frame = _read_frame(path)
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    grouped: dict[tuple[str, datetime], list[dict[str, Any]]] = {}
    for number, row in enumerate(_read_records(frame), 1):
        at = _read_time(row["taken_at"], number) if "taken_at" in row else written
        grouped.setdefault((_read_name(row["portfolio"], "portfolio", number), at), []).append(row)
    snapshots = []
    for (portfolio, at), rows in sorted(grouped.items()):
        base = _read_name(rows[0]["currency"], "currency", 1)
        positions = [_read_row(row, base, f"{portfolio}, {at:%Y-%m-%d %H:%M}") for row in rows]
        snapshots.append(Snapshot(f"file:{portfolio}", "file", at, base, positions))
    return snapshots


def _read_frame(path: Path) -> "pd.DataFrame":
    import pandas as pd
    import pyarrow as pa

    try:
        if path.suffix == ".parquet":
            frame = pd.read_parquet(path)
        elif path.suffix == ".csv":
            frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        else:
            raise PortfolioError(f"{path.name} is neither .csv nor .parquet")
    except (OSError, ValueError, pa.ArrowException) as error:
        raise PortfolioError(f"{path.name} cannot be read: {error}") from error
    missing = [name for name in REQUIRED if name not in frame]
    unknown = [str(name) for name in frame if name not in (*REQUIRED, *OPTIONAL)]
    if missing or unknown:
        words = [f"lacks {', '.join(missing)}"] if missing else []
        words += [f"has columns that nobody knows: {', '.join(unknown)}"] if unknown else []
        raise PortfolioError(f"{path.name} {' and '.join(words)}")
    if frame.empty:
        raise PortfolioError(f"{path.name} has no row: an empty file is no empty portfolio")
    if len(frame) > MOST_ROWS:
        raise PortfolioError(f"{path.name} has {len(frame)} rows; {MOST_ROWS} are read at most")
    return frame


def _read_records(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    known = frame.astype(object).where(frame.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in known.to_dict("records")]


def _read_row(row: dict[str, Any], base: str, where: str) -> Position:
    instrument = _read_name(row["instrument"], "instrument", where)
    about = f"{where}: {instrument}"
    currency = _read_name(row["currency"], "currency", about)
    kind: Literal["asset", "cash"] = row.get("kind") or "asset"
    if kind not in ("asset", "cash"):
        raise PortfolioError(f"{about}: kind is {kind!r}; it must be asset or cash")
    if currency != base and not row.get("rate"):
        raise PortfolioError(f"{about}: there is no rate of {currency} to {base}")
    quantity, price = (read_decimal(row[name], f"{about}: {name}") for name in ("quantity", "price"))
    multiplier, rate = (
        read_decimal(row.get(name) or 1, f"{about}: {name}") for name in ("multiplier", "rate")
    )
    if multiplier <= 0 or rate <= 0 or (currency == base and rate != 1):
        raise PortfolioError(f"{about}: multiplier and rate must be above 0, and the rate of {base} is 1")
    worth = row.get("value")
    value = (
        read_decimal(worth, f"{about}: value") if worth not in (None, "") else quantity * price * multiplier
    )
    name = storable(str(row.get("name") or instrument))
    return Position(instrument, name, kind, currency, rate, quantity, price, value, multiplier)


def _read_name(value: Any, what: str, where: int | str) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value) > 200:
        raise PortfolioError(f"row {where}: {what} is {value!r}, which is no name")
    return value.strip()


def _read_time(value: Any, number: int) -> datetime:
    try:
        moment = value.to_pydatetime() if hasattr(value, "to_pydatetime") else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise PortfolioError(f"row {number}: taken_at is {value!r}; it must be ISO 8601 with a time zone")
    return moment.astimezone(UTC)
