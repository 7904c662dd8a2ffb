"""The picture of a trade: its candles with entry, stop, targets and exit, and what nobody saw of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from include.candles.chart import UnseenStretch
from include.candles.frame import RESOLUTIONS
from include.humanize import count_text, price_text
from include.trades.story import TradePicture
from include.web.charts import Chart, linear_scale, time_scale
from include.web.charts.candles import (
    Candle,
    Level,
    Marker,
    draw_candles,
    draw_levels,
    draw_markers,
    draw_unseen,
)
from include.web.charts.scale import number_of

HEIGHT = 340  # pixels
ROOM = 0.2  # of the width, at the right, for the names of the levels
FAR = 5  # heights of the candles that a level may lie away from them and be drawn
TARGETS = tuple((number, f"take_profit_{number}", f"tp{number}") for number in (1, 2, 3))


def draw_trade(trade: Mapping[str, Any], picture: TradePicture) -> Markup:
    """Draw the picture; prices in US dollars, times in UTC."""
    length = RESOLUTIONS[picture.bucket]
    candles = [
        Candle(
            one.opened, one.open, one.high, one.low, one.close,
            f"{_minute(one.opened)} UTC: open {price_text(one.open)}, high {price_text(one.high)}, "
            f"low {price_text(one.low)}, close {price_text(one.close)}; {one.source}",
        )
        for one in picture.candles
    ]  # fmt: skip
    levels, far = _levels(trade, picture)
    prices = [price for one in candles for price in (one.high, one.low)]
    span = picture.end - picture.start
    chart = Chart(
        time_scale([picture.start, picture.end + span * ROOM]),
        linear_scale([*prices, *(level.price for level in levels)], unit="USD"),
        label=_label(trade, picture),
        height=HEIGHT,
    )
    first = levels[0].price if levels else prices[0] if prices else 0
    draw_unseen(chart, _shown_stretches(picture.unseen), first)
    _draw_times(chart, trade, picture, first)
    draw_candles(chart, candles, length)
    draw_levels(chart, levels, picture.start)
    draw_markers(chart, _markers(trade, picture, length))
    return chart.draw(_caption(picture, far))


def _levels(trade: Mapping[str, Any], picture: TradePicture) -> tuple[list[Level], list[str]]:
    """The levels that can be drawn beside the candles, and the names of those that lie too far from them."""
    named = [("Entry", "entry_price", "one"), ("Stop", "stop_loss", "bad")]
    named += [(f"Target {number}", column, "good") for number, column, _ in TARGETS]
    lows, highs = [one.low for one in picture.candles], [one.high for one in picture.candles]
    levels, far = [], []
    for name, column, css in named:
        price = trade[column]
        if number_of(price) is None:
            continue
        if lows:
            room = FAR * max(max(highs) - min(lows), max(highs) * Decimal("0.005"))
            if not min(lows) - room <= price <= max(highs) + room:
                far.append(f"{name} ({price_text(price)})")
                continue
        levels.append(Level(f"{name} {price_text(price)}", price, css))
    return levels, far


def _markers(trade: Mapping[str, Any], picture: TradePicture, length: timedelta) -> list[Marker]:
    """What happened, in the order of time; what happened at once at one price is one marker."""
    events = [("E", trade["entry_at"], trade["actual_entry_price"], "one", "Entered")]
    events += [
        (str(number), trade[f"{hit}_hit_at"], trade[f"{hit}_hit_price"], "good", f"Target {number} reached")
        for number, _, hit in TARGETS
    ]
    events.append(("S", trade["sl_hit_at"], trade["sl_hit_price"], "bad", "Stopped"))
    out = trade["exit_at"]
    if out is not None and not trade["sl_hit"] and trade["exit_reason"] == "expired":
        close = next((one.close for one in reversed(picture.candles) if one.opened <= out), None)
        events.append(("X", out, close, "two", "Closed at the end of its time"))
    return [
        Marker(letter, at + min(length, RESOLUTIONS[picture.resolution]) / 2, price, css,
               f"{words} at {price_text(price)}, {_minute(at)} UTC")
        for letter, at, price, css, words in sorted(
            (one for one in events if one[1] is not None and number_of(one[2]) is not None),
            key=lambda one: one[1],
        )
        if picture.start <= at <= picture.end
    ]  # fmt: skip


def _draw_times(chart: Chart, trade: Mapping[str, Any], picture: TradePicture, price: Any) -> None:
    """Upright lines where the trade was proposed and where it expires, with a word above each."""
    for word, at in (("proposed", trade["generated_at"]), ("expires", trade["expires_at"])):
        if picture.start <= at <= picture.end and (place := chart.place(at, price)):
            chart.add(
                Markup(
                    '<line class="target soft" x1="{x}%" x2="{x}%" y1="0" y2="{height}"/>'
                    '<text class="word" x="{x}%" y="-5" text-anchor="middle">{word}</text>'
                ).format(x=f"{place[0]:.2f}", height=HEIGHT, word=word)
            )


def _shown_stretches(stretches: Sequence[UnseenStretch]) -> list[tuple[datetime, datetime, str]]:
    return [(one.starts, one.ends, f"Unseen: {stretch_text(one)}") for one in stretches]


def stretch_text(stretch: UnseenStretch) -> str:
    """A stretch in words: `2026-03-02 12:05 to 12:20, 15 candles`."""
    same_day = stretch.starts.date() == stretch.ends.date()
    end = f"{stretch.ends:%H:%M}" if same_day else _minute(stretch.ends)
    return f"{_minute(stretch.starts)} to {end}, {count_text(stretch.candles, 'candle')}"


def source_text(picture: TradePicture) -> str:
    """Where the candles come from, by name."""
    names = sorted({name for one in picture.candles for name in one.source.split(" + ")})
    return ", ".join(names)


def _caption(picture: TradePicture, far: Sequence[str]) -> str:
    parts = [f"{count_text(len(picture.candles), 'candle')} of {picture.bucket}"]
    if picture.bucket != picture.resolution:
        parts[0] += f", put together from candles of {picture.resolution}"
    if picture.candles:
        parts[0] += f", from {source_text(picture)}"
    parts.append(
        "E entry, 1 2 3 targets, S stop, X closed at the end; outlined candles rose, filled ones fell"
    )
    if far:
        parts.append(f"Too far away to be drawn: {', '.join(far)}")
    if picture.cut:
        parts.append(f"What was before {_minute(picture.start)} is not drawn")
    return ". ".join(parts) + "."


def _label(trade: Mapping[str, Any], picture: TradePicture) -> str:
    said = [f"{count_text(len(picture.candles), 'candle')} of {trade['symbol']} from {_minute(picture.start)}"
            f" to {_minute(picture.end)} UTC"]  # fmt: skip
    if trade["actual_entry_price"] is not None:
        said.append(f"entered at {price_text(trade['actual_entry_price'])}")
    if trade["actual_exit_price"] is not None:
        said.append(f"left at {price_text(trade['actual_exit_price'])} on average")
    if picture.unseen:
        said.append(f"{count_text(picture.unseen[0].stretches, 'stretch', 'stretches')} unseen")
    return ", ".join(said) + "."


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
