"""Which figures stand in the facts: every way to write one, and what is invented."""

import random
import time

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
    # lists and spans
    "the 20-period EMAs", "EMA (20)", "EMAs (43,301 and 43,220)",
    "TP1/2/3", "targets 1, 2 and 3", "1.2 to 1.6 %", "2 out of 3 targets",
    # several units, spaced thousands, full-width digits and signs, units behind
    "1 hour 32 minutes", "1h32m", "1h 32m", "one hour and thirty-two minutes", "43 219.5 USD",
    "43 220 dollars",
    "\uff14\uff10\uff05", "16.96 $", "16 ‰", "12.3 ‰", "1.6 pp", "2.5x", "2.5R", "2.5 to 1",
    # dates and times in other dress
    "2 March", "on the 2nd", "03/02/2026", "2026/03/02", "in March", "13:37:00", "12 pm",
    # sayings
    "24/7", "the S&P 500",
    # words behind a number that are no units
    "43,301 sat below the entry", "2.5 RRR",
    "40 out of 100", "one and a half hours", "allocation 40/40",
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
    # lists, spans and several units
    "EMA 10/20", "EMA20/50", "the 20 and 50 EMA", "the 60 EMA", "the 40-MA",
    "EMAs (44,301 and 43,220)", "RSI(7)", "MACD (12, 26, 9)", "1 hour 42 minutes",
    "1h 42m", "2h32m",
    # units that no fact has, or of other size
    "3 000 BTC", "1 000 000 coins", "16.96 €", "16.96 EUR", "16.96 BTC", "16.96 XRP", "EUR 16.96", "61 bp",
    "65.2 pp",
    "65.2\uff05", "65.2‰", "92 months", "60 years", "40 weeks", "3x", "5-fold", "2 ATR", "14 ATR", "7 pips",
    "40 shares",
    # shares
    "2/3 of it", "two thirds", "80 out of 100", "three and a half percent",
    "7 and a quarter hours", "1 in 3", "9 out of 10", "three quarters",
    # seconds, days, months, half hours, zones
    "13:37:12", "2026-03-02T13:37:30Z", "13:37 EST", "9 pm", "March 2–4", "the 17th", "in April",
    "since June",
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


LONG = 60_000
PARTS = [
    "1", "1,", "1 ", "1.", "-", "one ", "one hundred and ", "hundred ", "1:", "ema ", "EMA 20, ", " ",
    "1e9 ", "March ",
    "in May ", "twenty-", "20/", "1/2 ", "14-15 ", "1h 2m ", "1 in 3 ", "1 000 ", "$1", "fifty percent ",
    "24/7", "½", "１", "²",
    "a.", "1234567890", "9 AM ", "2026-03-14T", "MACD (12, 26, 9) ", ". A", "\n",
]  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_long_texts_of_one_kind_are_read_in_no_time(part):
    assert quickest(part * (LONG // len(part))) < 0.05


@pytest.mark.parametrize(
    "words",
    [
        [str(number) for number in range(9000)],
        ["1", "2", "3", "43,219.5", "92 minutes", "1.6 %"],
        ["one", "two", "percent", "20"],
    ],
)
def test_long_texts_of_many_figures_are_read_in_no_time(words):
    letters = random.Random(7)
    assert quickest(" ".join(letters.choice(words) for _ in range(LONG // 6))) < 0.05


def test_more_figures_than_any_plain_text_holds_are_named_as_that():
    assert find_invented(["1 2 3 " * 2000], FACTS) == ["more than 3000 figures"]
    assert find_invented(["It lost $16.96. " * 3000], FACTS) == [], "a sentence that is said again is one"


def quickest(text):
    """Seconds of the quickest of several tries: the machine may be busy."""
    taken = []
    for _ in range(5):
        began = time.thread_time()
        find_invented([text], FACTS)
        taken.append(time.thread_time() - began)
    return min(taken)
