"""Which figures stand in the facts: every way to write one, and what is invented."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.analysis.figures import find_invented

FACTS = {
    "symbol": "BTC",
    "signal": {
        "timeframe": "1h",
        "entry_price_usd": 43219.5,
        "allocation_1_percent": 40,
        "risk_reward_ratio": 2.5,
        "generated_at": "2026-03-02T12:00:00+00:00",
    },
    "result": {
        "net_profit_loss_usd": -16.962,
        "fees_usd": 0,
        "worst_excursion_percent": -1.23,
        "best_excursion_percent": 1.6,
        "minutes_from_entry_to_exit": 92.0,
        "exit_at": "2026-03-02T13:37:00+00:00",
    },
    "candles": {
        "resolution": "1m",
        "count": 60,
        "path": [{"at": "2026-03-02T12:08:00+00:00", "close_usd": 0.0000123}],
    },
    "indicators": {"rsi_14": 65.2, "ema_20_usd": 43301.1},
    "market": {
        "price_change_24h_percent": 3.1,
        "market_cap_usd": 1_210_000_000_000,
        "shown": True,
        "odd": "NaN",
    },
    "texts_of_others": {"signal_reasoning": "resistance at 45000, 99 % sure"},
}

STANDING = [
    # amounts: rounded, signed or not, in any spelling
    "lost $16.96", "lost 16.962 dollars", "-$16.96", "$-17.0", "−16.96 USD", "USD 17", "US$16.96",
    "0 fees", "$0", "43 thousand", "43,219.5", "43220", "43,220 USDT", "43,200 US dollars", "$43.2k",
    "$1.2 trillion", "1.21T", "43\u202f219.5", "$0.0000123", "1.23e-05",
    # percentages, also as a fraction or in basis points
    "-1.23%", "1.2 percent", "1.23 per cent", "123 bps", "40 %", "0.4 of it", "40%-1.6%", "forty percent",
    # durations in any unit
    "92 minutes", "92-minute", "1.5 hours", "1.53 h", "the 1h chart", "a 1-minute candle", "24h change",
    "one hour", "60 minutes",
    # dates and times
    "2026-03-02", "2026-03-02T13:37:00+00:00", "2026-03-02 12:08", "March 2, 2026", "2nd of March",
    "2 Mar 2026", "March 2026", "in 2026", "at 13:37 UTC", "1:37 pm", "12:00",
    # ratios, counts, names
    "1:2.5", "2.5:1", "three targets", "TP1, TP2 and TP3", "2 of 3", "the 2nd target", "RSI 14",
    "RSI(14) of 65", "EMA20 at 43,301", "the 20-period EMA", "rsi_14", "60 candles",
    # no figures
    "", "nothing to see", "two of them, and twelve monkeys",
]  # fmt: skip

INVENTED = [
    # another value, or rounded too far
    "$17.50", "$43,000", "2 %", "1 %", "2 hours", "17.1",
    # the wrong unit or currency
    "65 %", "$65", "€16.96", "16.96 %", "43,219.5 %", "92 hours", "40 dollars", "60 percent", "16.96 bps",
    # the wrong sign, where one is written
    "+$16.96", "+1.23%", "-40 %",
    # other times
    "2026-03-03", "2026-03-02 12:09", "March 3", "2 April", "April 2026", "March 2, 2025", "2025", "14:00",
    "1:37 am", "20 days", "93 minutes",
    # only a text of others says so
    "45000", "$45,000", "99 %",
    # other counts, ratios, names
    "4 targets", "1:3", "1:40", "EMA 200", "RSI 7", "TP4",
    # spelled out, or in other digits
    "fifty percent", "ninety-nine percent", "two hundred dollars", "½", "五", "③", "１７.５ dollars",
    "9e99", "1e9999",
]  # fmt: skip


@pytest.mark.parametrize("text", STANDING)
def test_it_stands_in_the_facts(text):
    assert find_invented([f"The trade: {text}, and so on."], FACTS) == []
    assert find_invented([text], FACTS) == []


@pytest.mark.parametrize("text", INVENTED)
def test_it_is_invented(text):
    assert find_invented([f"The trade: {text}, and so on."], FACTS)
    assert find_invented([text], FACTS)


def test_they_are_named_as_they_are_written_each_once():
    texts = ["Entered at 43,219.5, fell 5.5 % and lost $5.", "It fell 5.5 % until 15:00."]
    assert find_invented(texts, FACTS) == ["5.5 %", "$5", "15:00"]


def test_the_symbol_is_a_name_unless_it_is_a_number():
    assert find_invented(["1INCH rose"], {"symbol": "1INCH"}) == []
    assert find_invented(["1INCH rose by 77"], {"symbol": "1INCH"}) == ["77"]
    assert find_invented(["It rose by 77 dollars"], {"symbol": "77"}) == ["77 dollars"]
    assert find_invented(["lost 99 % of it"], {"symbol": "99 %"}) == ["99 %"]


@given(st.floats(-1e9, 1e9).filter(lambda value: abs(value) > 1e-3), st.integers(0, 6))
def test_any_fact_stands_however_it_is_rounded_sensibly(value, digits):
    shown = round(value, digits)
    if abs(shown - value) > abs(value) / 10:
        return
    assert find_invented([f"It was {shown:,.{digits}f} dollars."], {"x_usd": value}) == []


@given(st.floats(10, 1e6), st.floats(1.02, 50))
def test_no_other_figure_stands(value, factor):
    shown = f"{value * factor:.4f}"
    assert find_invented([f"It was {shown} percent."], {"x_percent": value}) == [f"{shown} percent"]


@settings(max_examples=50)
@given(
    st.text(st.sampled_from("0129.,:-+$% eEkmMhd½②五Rabthousndpercilv\n"), max_size=60) | st.text(max_size=60)
)
def test_any_text_is_read(text):
    assert isinstance(find_invented([text], FACTS), list)


@pytest.mark.parametrize(
    "part", ["1", "1,", "1 ", "-", "one ", "1:", "ema ", " ", "1e9 ", "March ", "twenty-"]
)
def test_long_texts_of_one_kind_are_read_in_no_time(part):
    """The schema bounds a text; within it nothing may take exponentially long."""
    find_invented([part * (2000 // len(part))] * 5, FACTS)
