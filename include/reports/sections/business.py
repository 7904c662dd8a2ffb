"""Business: trades settled, how many won, what they brought, by symbol, the best and the worst, equity."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from include.reports.figures import (
    Figure,
    FigureColumn,
    ReportSection,
    Table,
    compare,
    left_out_note,
    number,
)
from include.reports.reading import Reading
from include.trades.ratios import below_highest, profit_factor, running_sums, wilson_interval

MAX_SYMBOLS = 10  # listed
MAX_TRADES = 3  # best and worst that are listed
SERIES_DAYS = 90  # of the equity curve
MAX_MISSING = 5  # days that are named
NOT_ROLLED_UP = "no day of the period is rolled up: the DAG roll_up_stats makes the figures of a day"


def measure(reading: Reading) -> ReportSection:
    """Measure what the trades of a period brought."""
    days, results = reading.days, reading.by_days("measure_results")
    symbols = reading.of_days("list_symbols", limit=MAX_SYMBOLS)
    figures = [
        _of_days(days, "settled", "Trades settled", "up"),
        _success_rate(days),
        _of_days(days, "won", "… won", "up"),
        _of_days(days, "lost", "… lost", "down"),
        _of_days(days, "not_entered", "… never entered", ""),
        _of_days(days, "incomplete", "Given up for want of candles", "down"),
        *_money(days, results),
    ]
    equity = reading.of_days("read_equity", days=max(SERIES_DAYS, reading.period.days))
    figures.append(_drawdown(reading, days, equity))
    return ReportSection(
        "business",
        "Business",
        figures,
        [_symbols(symbols), *(_extremes(reading, which) for which in ("best", "worst"))],
        _notes(reading, days),
        {"equity": _equity_series(equity), "symbols": _symbol_series(symbols)},
    )


def _whole(row: Row[Any], value: Any) -> Any:
    """The value of a period that is compared with, if all of its days are rolled up."""
    return value if row.known_days == row.days else None


def _of_days(days: Sequence[Row[Any]], name: str, label: str, good: Any) -> Figure:
    values = [getattr(days[0], name), *(_whole(row, getattr(row, name)) for row in days[1:])]
    return compare(name, label, "count", values, why=NOT_ROLLED_UP, good=good)


def _success_rate(days: Sequence[Row[Any]]) -> Figure:
    def rate(row: Row[Any]) -> float | None:
        decided = (row.won or 0) + (row.lost or 0)
        return 100 * row.won / decided if decided else None

    now = days[0]
    interval = wilson_interval(now.won or 0, (now.won or 0) + (now.lost or 0))
    low, high = interval or (None, None)
    return compare(
        "success_rate",
        "Success rate",
        "%",
        [rate(now), *(_whole(row, rate(row)) for row in days[1:])],
        why=NOT_ROLLED_UP if not now.known_days else "no trade was won or lost in the period",
        good="up",
        low=low,
        high=high,
    )


def _money(days: Sequence[Row[Any]], results: Sequence[Row[Any]]) -> list[Figure]:
    def sums(name: str) -> list[Any]:
        first = getattr(results[0], name) if days[0].known_days else None
        pairs = zip(days[1:], results[1:], strict=True)
        return [first, *(_whole(day, getattr(row, name)) for day, row in pairs)]

    factors = [
        None if profit is None else profit_factor(profit, loss)
        for profit, loss in zip(sums("profit"), sums("loss"), strict=True)
    ]
    return [
        compare("net", "Net result", "USD", sums("net"), why=NOT_ROLLED_UP, good="up"),
        compare(
            "profit_factor",
            "Profit factor",
            "ratio",
            factors,
            why="no trade lost anything" if days[0].known_days else NOT_ROLLED_UP,
            good="up",
        ),
        compare("fees", "Fees", "USD", sums("fees"), why=NOT_ROLLED_UP, good="down"),
        compare("slippage", "Slippage", "USD", sums("slippage"), why=NOT_ROLLED_UP, good="down"),
    ]


def _equity_series(rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    return [
        {
            "day": row.day.isoformat(),
            "net": number(row.net),
            "equity": number(row.equity),
            "trades": row.trades,
        }
        for row in rows
    ]


def _drawdown(reading: Reading, days: Sequence[Row[Any]], equity: Sequence[Row[Any]]) -> Figure:
    """The deepest fall of equity within the period below its highest point, its beginning included."""
    sums = running_sums(row.net for row in equity if row.day >= reading.period.start)
    holds_no_number = bool(sums) and not sums[-1].is_finite()
    deepest = Decimal("NaN") if holds_no_number else -min(below_highest(sums), default=Decimal(0))
    known = deepest if days[0].known_days else None
    label = "Deepest fall of equity, by day"
    return compare("drawdown", label, "USD", [known], why=NOT_ROLLED_UP, good="down")


def _symbols(found: Sequence[Row[Any]]) -> Table:
    rows = []
    for row in found:
        low, high = wilson_interval(row.won, row.trades) or (None, None)
        rows.append(
            [
                row.symbol,
                row.trades,
                number(100 * row.won / row.trades) if row.trades else None,
                None if low is None or high is None else f"{low:.0f} to {high:.0f} %",
                number(row.net),
            ]
        )
    columns = (
        FigureColumn("Symbol"),
        FigureColumn("Trades", "count"),
        FigureColumn("Won", "%"),
        FigureColumn("95 % interval"),
        FigureColumn("Net", "USD"),
    )
    note = "No trade was won or lost in the period."
    if rows:
        note = left_out_note(found[0].symbols - len(rows), "symbols, with fewer trades,")
    return Table("symbols", "By symbol", columns, rows, note)


def _symbol_series(found: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    return [{"symbol": row.symbol, "net": number(row.net), "trades": row.trades} for row in found]


def _extremes(reading: Reading, which: str) -> Table:
    found = reading.of_moments("list_ranked_trades", sign=1 if which == "worst" else -1, limit=MAX_TRADES)
    rows = [[str(row.id), row.symbol, row.direction, row.timeframe, number(row.net)] for row in found]
    columns = (
        FigureColumn("Trade", "text"),
        FigureColumn("Symbol"),
        FigureColumn("Direction"),
        FigureColumn("Timeframe"),
        FigureColumn("Net", "USD"),
    )
    return Table(
        f"{which}_trades",
        f"{which.capitalize()} trades",
        columns,
        rows,
        "" if rows else "No trade was won or lost in the period.",
    )


def _notes(reading: Reading, days: Sequence[Row[Any]]) -> list[str]:
    notes = []
    missing = days[0].days - days[0].known_days
    if missing:
        named = reading.of_days("list_missing_days", limit=MAX_MISSING)
        listed = ", ".join(row.day.isoformat() for row in named) + (" …" if missing > MAX_MISSING else "")
        notes.append(
            f"Trades of {days[0].known_days} of {days[0].days} days are in these figures; "
            f"not rolled up: {listed}."
        )
    if days[0].changed_days:
        notes.append(
            f"Trades of {days[0].changed_days} of the days have changed since they were rolled up; the next "
            "run of roll_up_stats brings them up to date, and a report that is built again has them."
        )
    return notes
