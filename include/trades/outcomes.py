"""The results of a choice of trades: by day, by what they have in common, and how they are distributed.

Of all users together, what `roll_up_day` keeps in `platform_trade_stats` is read, whatever the number of
trades; the trades of the days that are not rolled up, today and perhaps yesterday, are read themselves. Of
one user, the newest MOST_TRADES trades are read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Self
from uuid import UUID

from sqlalchemy import Connection, Engine

from include.database import composed_sql, sql

MOST_TRADES = 10_000  # that are read themselves
USERS_OFFERED = 200
UNKNOWN = "unknown"  # the model of trades that bear none, in a filter
LONGEST_NAME = 200  # letters
USUAL_WINDOW = 365  # days
# The days that there are: those of times of no calendar lie before and after (trade_day in SQL).
FIRST_DAY, LAST_DAY = date(1, 1, 3), date(9999, 12, 29)

OF_A_USER = (
    "SELECT id FROM trade_signals WHERE user_id = :user ORDER BY generated_at DESC, id DESC LIMIT :most"
)
SINCE = (
    "SELECT id FROM trade_outcomes WHERE ended_at >= CAST(:since AS timestamptz) "
    "ORDER BY ended_at DESC LIMIT :most"
)


class OutcomeFilterError(ValueError):
    """A filter that cannot be understood; the message says in words what is wrong."""


@dataclass(frozen=True)
class OutcomeFilter:
    """Which trades are meant. None: any. `model` is "" for trades whose model is not known. Days are UTC."""

    user: UUID | None = None
    symbol: str | None = None
    timeframe: str | None = None
    direction: str | None = None
    model: str | None = None
    first: date = FIRST_DAY
    last: date = LAST_DAY

    @classmethod
    def read(cls, query: Mapping[str, str], today: date) -> Self:
        """Read `user, symbol, timeframe, direction, model, first, last`; an empty one is not given.

        Without days it is the year up to today; `first=all` begins with the first trade. Raises
        OutcomeFilterError.
        """
        names = {name: _name(query, name) for name in ("user", "symbol", "timeframe", "direction", "model")}
        first, last = _name(query, "first"), _day(query, "last") or LAST_DAY
        begin = FIRST_DAY if first == "all" else _day(query, "first") or _year_before(min(today, last))
        if begin > last:
            raise OutcomeFilterError(f"the window ends before it begins: {last} lies before {begin}")
        if names["direction"] not in (None, "LONG", "SHORT"):
            raise OutcomeFilterError(f"the direction is {names['direction']!r}: it is LONG or SHORT")
        if names["model"] == UNKNOWN:
            names["model"] = ""
        try:
            user = UUID(text) if (text := names.pop("user")) else None
        except ValueError:
            raise OutcomeFilterError(
                "the user is no UUID (like 0f8fad5b-d9cb-469f-a165-70867728950e)"
            ) from None
        return cls(user=user, first=begin, last=last, **names)


@dataclass(frozen=True)
class OutcomeSums:
    """Sums over trades. Money is US dollars, `percent` the sum of `percents` known results in percent.

    `r_counts`: trades by R, below -2, 32 quarters up to 6, and above; `confident` and `confident_wins`:
    trades, and those won, by confidence in tens.
    """

    trades: int = 0
    wins: int = 0
    net: Decimal = Decimal(0)
    profit: Decimal = Decimal(0)
    loss: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    percents: int = 0
    percent: Decimal = Decimal(0)
    best_id: UUID | None = None
    best: Decimal | None = None
    worst_id: UUID | None = None
    worst: Decimal | None = None
    r_counts: tuple[int, ...] = (0,) * 34
    confident: tuple[int, ...] = (0,) * 10
    confident_wins: tuple[int, ...] = (0,) * 10

    def __add__(self, later: "OutcomeSums") -> "OutcomeSums":
        """The sums over both; of two equally good trades that of `self`."""
        best = later if _above(later.best, self.best) else self
        worst = later if _below(later.worst, self.worst) else self
        return OutcomeSums(
            self.trades + later.trades,
            self.wins + later.wins,
            self.net + later.net,
            self.profit + later.profit,
            self.loss + later.loss,
            self.fees + later.fees,
            self.percents + later.percents,
            self.percent + later.percent,
            best.best_id,
            best.best,
            worst.worst_id,
            worst.worst,
            _added(self.r_counts, later.r_counts),
            _added(self.confident, later.confident),
            _added(self.confident_wins, later.confident_wins),
        )


@dataclass
class ChosenOutcomes:
    """The results of a choice of trades.

    Attributes:
        total: all of them together.
        days: by day (UTC), the days without a trade left out, in order.
        parts: by `symbol`, `timeframe`, `direction` and `model`: names and sums, most trades first.
        waiting: days of the window whose kept figures are behind their trades, until roll_up_stats runs.
        cut: MOST_TRADES trades were read, and no older ones.
    """

    total: OutcomeSums = field(default_factory=OutcomeSums)
    days: dict[date, OutcomeSums] = field(default_factory=dict)
    parts: dict[str, list[tuple[str, OutcomeSums]]] = field(default_factory=dict)
    waiting: int = 0
    cut: bool = False


def read_outcomes(engine: Engine, chosen: OutcomeFilter) -> ChosenOutcomes:
    """Read the results of a choice of trades: three statements at most, of one moment."""
    one_moment = engine.execution_options(isolation_level="REPEATABLE READ")
    with one_moment.begin() as connection:
        if chosen.user is not None:
            return _summed(_read_trades(connection, OF_A_USER, chosen, chosen.first, user=chosen.user))
        window = {"first": chosen.first, "last": chosen.last}
        state = connection.execute(sql("trades/find_rolled_up"), window).one()
        kept_until = min(chosen.last, state.live_from - timedelta(days=1))
        values = _parameters(chosen) | {"last": kept_until}
        found = list(connection.execute(sql("trades/read_daily_results"), values))
        if chosen.last >= state.live_from:
            begin = max(chosen.first, state.live_from)
            since = datetime(begin.year, begin.month, begin.day, tzinfo=UTC)
            found += _read_trades(connection, SINCE, chosen, begin, since=since)
    results = _summed(found)
    results.waiting = state.waiting
    return results


def read_outcome_choices(engine: Engine) -> dict[str, list[tuple[str, int | None]]]:
    """What can be chosen: `user` (with the number of trades, most first), `symbol`, `timeframe`, `model`."""
    choices: dict[str, list[tuple[str, int | None]]] = {}
    with engine.connect() as connection:
        for row in connection.execute(sql("trades/list_outcome_choices"), {"users": USERS_OFFERED}):
            choices.setdefault(row.kind, []).append((row.name, row.trades))
    return choices


def _read_trades(
    connection: Connection, newest: str, chosen: OutcomeFilter, first: date, **values: Any
) -> list[Any]:
    statement = composed_sql("trades/sum_up_trades", newest=newest)
    limits = {"most": MOST_TRADES, "first": first}
    return list(connection.execute(statement, _parameters(chosen) | values | limits))


def _parameters(chosen: OutcomeFilter) -> dict[str, Any]:
    names = {name: getattr(chosen, name) for name in ("symbol", "timeframe", "direction", "model")}
    grouped = sum(bit for bit, name in zip((8, 4, 2, 1), names.values(), strict=True) if name is None)
    return {
        **{name: value or "" for name, value in names.items()},
        "grouped": grouped,
        "first": chosen.first,
        "last": chosen.last,
    }


def _summed(found: list[Any]) -> ChosenOutcomes:
    results = ChosenOutcomes()
    days: dict[date, OutcomeSums] = {}
    parts: dict[str, dict[str, OutcomeSums]] = {}
    beside = OutcomeSums()  # bins, and the best and the worst, which are not read by day
    for row in found:
        if row.kind == "newest":
            results.cut = row.trades >= MOST_TRADES
        elif row.kind == "best":
            beside += _sums(row)
        elif row.kind in ("r", "confidence"):
            beside += _bin(row)
        elif row.kind == "day":
            day = date.fromisoformat(row.name)
            days[day] = days.get(day, OutcomeSums()) + _sums(row)
        else:
            part = parts.setdefault(row.kind, {})
            part[row.name] = part.get(row.name, OutcomeSums()) + _sums(row)
    results.days = dict(sorted(days.items()))
    results.total = sum(results.days.values(), OutcomeSums()) + beside
    results.parts = {
        kind: sorted(part.items(), key=lambda one: (-one[1].trades, one[0])) for kind, part in parts.items()
    }
    return results


def _bin(row: Any) -> OutcomeSums:
    """The trades of a bin as sums that hold nothing else."""
    if row.name is None:  # trades that are in no bin
        return OutcomeSums()
    number = int(row.name)
    if row.kind == "r":
        return OutcomeSums(r_counts=_alone(number, row.trades, 34))
    return OutcomeSums(
        confident=_alone(number - 1, row.trades, 10), confident_wins=_alone(number - 1, row.wins, 10)
    )


def _alone(place: int, count: int, length: int) -> tuple[int, ...]:
    return tuple(count if number == place else 0 for number in range(length))


def _sums(row: Any) -> OutcomeSums:
    values = row._asdict()
    for name in ("kind", "name"):
        del values[name]
    for name in ("r_counts", "confident", "confident_wins"):  # of days alone
        counts = values.pop(name)
        if counts is not None:
            values[name] = tuple(counts)
    return OutcomeSums(**values)


def _above(one: Decimal | None, other: Decimal | None) -> bool:
    """Whether it is the larger; what is no number is never."""
    if one is None or not one.is_finite():
        return False
    return other is None or not other.is_finite() or one > other


def _below(one: Decimal | None, other: Decimal | None) -> bool:
    """Whether it is the smaller; what is no number is never."""
    if one is None or not one.is_finite():
        return False
    return other is None or not other.is_finite() or one < other


def _added(some: tuple[int, ...], others: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(one + other for one, other in zip(some, others, strict=True))


def _year_before(day: date) -> date:
    return date.fromordinal(max(day.toordinal() - USUAL_WINDOW, FIRST_DAY.toordinal()))


def _name(query: Mapping[str, str], name: str) -> str | None:
    text = query.get(name, "").strip()
    if len(text) > LONGEST_NAME:
        raise OutcomeFilterError(f"the {name} has {len(text)} letters, {LONGEST_NAME} at most")
    if not text.isprintable():
        raise OutcomeFilterError(f"the {name} holds a sign that cannot be seen")
    return text or None


def _day(query: Mapping[str, str], name: str) -> date | None:
    text = _name(query, name)
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise OutcomeFilterError(f"the {name} day is {text!r}: write it as 2026-11-20") from None
    if not FIRST_DAY <= day <= LAST_DAY:
        raise OutcomeFilterError(f"the {name} day is {day}: choose one from {FIRST_DAY} to {LAST_DAY}")
    return day
