"""The pictures of the page on performance: each says in words what it shows, for those who do not see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from markupsafe import Markup

from include.humanize import count_text, decimal_text, figure_text, money_text
from include.trades.outcomes import OutcomeSums
from include.trades.ratios import below_highest, running_sums, wilson_interval
from include.web.charts import (
    Chart,
    HeatCell,
    Scale,
    Tick,
    heat_map,
    linear_scale,
    small_interval,
    time_scale,
)

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
R_EDGES = tuple(-2 + 0.25 * number for number in range(33))
DAY = timedelta(days=1)


def draw_equity(days: Mapping[date, OutcomeSums]) -> Markup:
    """Equity at the end of each day, and below it, on the same axis, how far it lies under its highest."""
    shown = list(days)
    sums = running_sums(sums.net for sums in days.values())
    falls = below_highest(sums)
    worst = min((fall for fall in falls if fall.is_finite()), default=Decimal(0))
    axis = time_scale([*shown, shown[-1] + DAY] if len(shown) == 1 else shown)
    equity = Chart(
        axis,
        linear_scale(sums, include=[0], unit="USD"),
        label=f"Sum of the net results from {shown[0]} to {shown[-1]}: {money_text(sums[-1])} at the end.",
    )
    equity.area(shown, sums)
    equity.line(shown, sums)
    equity.tips(
        shown,
        [
            f"{day}: {money_text(total)}, of the day {money_text(days[day].net)}, "
            f"{count_text(days[day].trades, 'trade')}"
            for day, total in zip(shown, sums, strict=True)
        ],
    )
    under = Chart(
        axis,
        linear_scale(falls, include=[0], unit="USD", ticks=3),
        label=f"Below the highest sum so far: {money_text(worst)} at the deepest.",
        height=90,
    )
    under.area(shown, falls, "bad")
    under.line(shown, falls, "bad")
    under.tips(shown, [f"{day}: {money_text(fall)}" for day, fall in zip(shown, falls, strict=True)])
    return Markup("{}{}").format(
        equity.draw("Sum of the net results at the end of each day (UTC)"),
        under.draw("Underwater: how far it lies below its highest point so far"),
    )


def draw_months(days: Mapping[date, OutcomeSums]) -> Markup:
    """The net result of each month, a year a column: six years fit on a phone, twelve months do not."""
    months: dict[tuple[str, str], Decimal] = {}
    for day, sums in days.items():
        place = (MONTHS[day.month - 1], str(day.year))
        months[place] = months.get(place, Decimal(0)) + sums.net
    years = sorted({year for _, year in months})
    good = sum(net.is_finite() and net > 0 for net in months.values())
    return heat_map(
        MONTHS,
        years,
        {
            (month, year): HeatCell(float(net), _short_money(net), f"{month} {year}: {money_text(net)}")
            for (month, year), net in months.items()
        },
        label=f"Net result by month: {good} of {count_text(len(months), 'month')} above 0.",
        caption="Net result by month (UTC), USD",
    )


def draw_distribution(total: OutcomeSums) -> Markup:
    """How many trades ended at which R; the bars at the ends hold all that lies beyond."""
    counts = total.r_counts
    lefts = [R_EDGES[0] - 0.25, *R_EDGES]
    chart = Chart(
        _r_axis(lefts[0], R_EDGES[-1] + 0.25),
        linear_scale([*counts, 1], include=[0], unit="trades", ticks=4, whole=True),
        label=f"Trades by R: {sum(counts[:9])} below 0, {sum(counts[9:])} from 0 on.",
    )
    said = [
        f"below {R_EDGES[0]:g} R",
        *(f"{left:g} to {left + 0.25:g} R" for left in R_EDGES[:-1]),
        "6 R and more",
    ]
    drawn = [(left, count, words) for left, count, words in zip(lefts, counts, said, strict=True) if count]
    chart.bars(
        [left for left, _, _ in drawn],
        [left + 0.25 for left, _, _ in drawn],
        [count for _, count, _ in drawn],
        ["bad" if left < 0 else "good" for left, _, _ in drawn],
        titles=[f"{words}: {count_text(count, 'trade')}" for _, count, words in drawn],
    )
    return chart.draw("R: net result as a multiple of what the stop would have lost")


@dataclass(frozen=True)
class HitRate:
    """How many trades of a tenth of confidence won, in percent, and the 95 % interval of that."""

    confidence: int  # where the tenth begins
    trades: int
    wins: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        """Trades that won, in percent."""
        return 100 * self.wins / self.trades

    @property
    def tenth(self) -> str:
        """The tenth in words: `60 to 70`."""
        return f"{self.confidence} to {self.confidence + 10}"

    @property
    def rate_text(self) -> str:
        """The hit rate in words."""
        return figure_text(self.rate, "%")

    @property
    def interval_text(self) -> str:
        """The interval in words."""
        return f"{decimal_text(self.low, 1)} to {figure_text(self.high, '%')}"


def calibrate(total: OutcomeSums) -> list[HitRate]:
    """The hit rate of each tenth of confidence that has trades."""
    counts = enumerate(zip(total.confident, total.confident_wins, strict=True))
    return [
        HitRate(10 * number, trades, wins, *interval)
        for number, (trades, wins) in counts
        if (interval := wilson_interval(wins, trades))
    ]


def draw_calibration(rates: Sequence[HitRate]) -> Markup:
    """The hit rate of each tenth of confidence against the line on which confidence would be true."""
    titles = [
        f"confidence {one.tenth}: {one.wins} of {count_text(one.trades, 'trade')} won, {one.rate_text}, "
        f"95 % interval {one.interval_text}"
        for one in rates
    ]
    chart = Chart(
        linear_scale([0, 100], unit="confidence"),
        linear_scale([0, 100], unit="% won"),
        label="Hit rate by confidence. " + "; ".join(titles),
    )
    chart.line([0, 100], [0, 100], "soft", name="as confident as right")
    chart.points(
        [one.confidence + 5 for one in rates],
        [one.rate for one in rates],
        lows=[one.low for one in rates],
        highs=[one.high for one in rates],
        titles=titles,
        name="trades that won, with 95 % interval",
    )
    return chart.draw()


def draw_rate(sums: OutcomeSums) -> Markup:
    """A hit rate with its interval, for a cell of a table."""
    interval = wilson_interval(sums.wins, sums.trades)
    if interval is None:
        return Markup("")
    rate = 100 * sums.wins / sums.trades
    return small_interval(
        interval[0], rate, interval[1], label=f"{figure_text(rate, '%')} on a scale from 0 to 100 %"
    )


def _r_axis(low: float, high: float) -> Scale:
    """From `low` to `high`, with a name at each whole R."""
    return Scale(low, high, tuple(Tick((n - low) / (high - low), str(n)) for n in range(-2, 7)), "R")


def _short_money(net: Decimal) -> str:
    """Dollars in a few letters: `950`, `-12k`, `3.4M`."""
    if not net.is_finite():
        return ""
    for divisor, suffix in ((1_000_000, "M"), (10_000, "k")):
        if abs(net) >= divisor:
            value = float(net) / (1_000 if suffix == "k" else divisor)
            return f"{value:.1f}{suffix}" if abs(value) < 10 else f"{value:,.0f}{suffix}"
    return f"{net:.0f}"
