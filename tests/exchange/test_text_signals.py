"""The parser: what an order may look like, what none may, and how it stands beside a parser of others."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.exchange.text_signals import parse
from tests.support.recorded import DATA

ORACLE = DATA / "signal_texts" / "sigpyparser.json"

# The message, and what must be read: symbol, direction, entries, targets, stop, leverage, amount, order type.
SIGNALS = [
    ("BUY BTCUSDT 0.1", "BTC/USDT LONG - - - - 0.1 market"),
    ("sell ethusdt 0.5", "ETH/USDT SHORT - - - - 0.5 market"),
    ("LONG XRPUSDT 100", "XRP/USDT LONG - - - - 100 market"),
    ("BUY BTC/USDT 0.1", "BTC/USDT LONG - - - - 0.1 market"),
    ("BUY 1000PEPEUSDT 5", "1000PEPE/USDT LONG - - - - 5 market"),
    ("ＢＵＹ ＢＴＣＵＳＤＴ ０.１", "BTC/USDT LONG - - - - 0.1 market"),
    (
        "🟢 Long\nName: BTC/USDT\nMargin mode: Cross (50X)\n\n↪️ Entry price(USDT):\n45000\n\nTargets(USDT):\n"
        "1) 46000\n2) 47000\n3) 48000\n4) 49000\n5) 🔝 unlimited",
        "BTC/USDT LONG 45000 46000,47000,48000,49000 - 50 - limit",
    ),
    (
        "🔴 Short\nName: ETH/USDT\nMargin mode: Cross (20X)\n↪️ Entry price(USDT):\n2500.5\nTargets(USDT):\n"
        "1) 2450\n2) 2400\nStop loss: 2600",
        "ETH/USDT SHORT 2500.5 2450,2400 2600 20 - limit",
    ),
    (
        "#KITEUSDT / LONG / 10X-20X\nENTRY: 0.206 - 0.195\nEXIT: 0.21 - 0.22 - 0.23\nSTOPLOSS: 0.18",
        "KITE/USDT LONG 0.206,0.195 0.21,0.22,0.23 0.18 10 - limit",
    ),
    (
        "BTC/USDT\nEntry 43000\nStop 42000\nTargets 44000 45000 46000\nLeverage 10x",
        "BTC/USDT LONG 43000 44000,45000,46000 42000 10 - limit",
    ),
    ("LONG BTC/USDT now SL 42000 TP 45000", "BTC/USDT LONG - 45000 42000 - - market"),
    (
        "Buy BTC/USDT 43,250.50 SL 42,000.00 TP 45,000.00",
        "BTC/USDT LONG 43250.50 45000.00 42000.00 - - limit",
    ),
    ("SHORT SOL/USDT\nEntry above 150\nTP 140\nSL 155", "SOL/USDT SHORT 150 140 155 - - stop"),
    (
        "Long BTC/USDT entry 43000 stop 42000 target 45000 Amount per trade 5%",
        "BTC/USDT LONG 43000 45000 42000 - 5 limit",
    ),
    (
        "LONG BTCUSDT\nEntry: 65000\nTP: 66000\nSL: 64000\nnot financial advice",
        "BTC/USDT LONG 65000 66000 64000 - - limit",
    ),
]

# Habits of writers, in messages of our own: how the pair, the side, a level or a remark is written.
LEVELS = "EUR/USD SHORT 1.1200 1.1100 1.1250 - - limit"
HABITS = [
    *(
        (text, LEVELS)
        for text in (
            "EURUSDsell 1.1200 sl 1.1250 tp 1.1100",
            "SELLEURUSD 1.1200\nsl 1.1250\ntp 1.1100",
            "EUR.USD sell 1.1200 sl 1.1250 tp 1.1100",
            "EUR 🇪🇺 USD 🇺🇸\nsell 1.1200 sl 1.1250 tp 1.1100",
            "EUR | USD sell 1.1200 sl 1.1250 tp 1.1100",
            "Eurusdd\nSell\n1.1200\nSL 1.1250\nTP 1.1100",
            "EURUSDm sell 1.1200 sl 1.1250 tp 1.1100",
            "EURUSD sell 1.1200\nSI 1.1250\nTP 1.1100",
            "EURUSD SELL\nEntry : 1.1200\nTakeProfit : 1.1100\nStop lose : 1.1250",
            "EURUSD sell... 1.1200\nS/L..1.1250\nT/P..1.1100",
            "EURUSD ⬇️ SELL 1.1200 🎯 1.1100 🛑 1.1250",
            "12 May 2019 14:30\nEURUSD Sell at 1.1200\nSL: 1.1250\nTP1: 1.1100",
            "May 12, 2019\nEURUSD Sell at 1.1200\nSL: 1.1250\nTP1: 1.1100\nDate: 12/05/2019",
            "Trade #3: EURUSD Sell at 1.1200\nSL: 1.1250 (50 pips)\nTP1: 1.1100\nRisk/Reward 1:2",
            "Sell EURUSD 1.1200 SL 1.1250 TP 1.1100\nhttps://t.me/joinchat/AAAA12345\n24/7 +4479111234567",
            "Sell EURUSD 1.1200 TP 1.1100 SL (if daily candle close above 1.1250 then exit)",
            "Short EURUSD 1.1200\nTarget 1.1100\nStop: 4h candle closes over 1.1250",
            "SELL EURUSD\n1.1200\nSL\n1.1250\nTP\n1.1100",
            "EURUSD SELL1.1200\nTp.1.1100\nSl.1.1250\nUse 1-2% risk",
        )
    ),
    ("EURUSD sell 1,1200\nSL 1,1250\nTP 1,1100", LEVELS),
    ("BUY EURUSD\n1.12\nTP\n1.13\n1.14\nSL\n1.11", "EUR/USD LONG 1.12 1.13,1.14 1.11 - - limit"),
    ("GBPUSD sell @1.30/1.31 SL 1.32 TP 1.29,1.28", "GBP/USD SHORT 1.30,1.31 1.29,1.28 1.32 - - limit"),
    ("USDJPY buy 108,70 SL 107,50 TP 109,90", "USD/JPY LONG 108.70 109.90 107.50 - - limit"),
    ("DOGE/USDT long 0.2105/0.2110 sl 0.2050 tp 0.22", "DOGE/USDT LONG 0.2105,0.2110 0.22 0.2050 - - limit"),
    ("Buy ETH/USDT at 2500 sell at 2600 stop 2400", "ETH/USDT LONG 2500 2600 2400 - - limit"),
    (
        "Coin: $ADA/BTC\nBuy: 120 - 125\nSell: 130 - 140\nStop: 110",
        "ADA/BTC LONG 120,125 130,140 110 - - limit",
    ),
    ("SOL/USDT long 130 sl 120 tp 140 leverage 1:50", "SOL/USDT LONG 130 140 120 50 - limit"),
    ("GBPUSDT long 1.3 sl 1.2 tp 1.4", "GBP/USDT LONG 1.3 1.4 1.2 - - limit"),
]

# What must never be an order, its kind, and one word of the reason.
REFUSED = [
    ("DO NOT BUY BTCUSDT 0.1", "noise", "NOT"),
    ("Don't buy BTCUSDT 0.1", "noise", "Don"),
    ("Yesterday: BUY BTCUSDT 0.1 hit target ✅", "notice", "Yesterday"),
    ("Buy ETH/USDT 2500 SL 2400 TP 2600?", "noise", "asks"),
    ("Buy ETH/USDT 2500З SL 2400 TP 2600", "noise", "neither"),  # a letter that looks like a 3
    ("Buy ETH/USDT 2'500 SL 2'400 TP 2'600", "noise", "neither"),
    ("Buy ETH/USDT 2500 SL 2400 TP 2600 is over", "notice", "over"),
    ("Should I buy BTCUSDT 0.1?", "noise", "Should"),
    ("BUY BTCUSDT 0.1 ?", "noise", "asks"),
    ("everyone shouts BUY BTCUSDT 0.1", "noise", "might"),
    ("BUY BTCUSDT 1e3", "noise", "number"),
    ("BUY BTCUSDT 1.000", "noise", "more than one way"),
    ("BUY BTCUSDT 1.000,5", "noise", "more than one way"),
    ("BUY BTCUSDT 0,1", "noise", "more than one way"),
    ("BUY BTCUSDT ٠.١", "noise", "script"),
    ("BUY BTCUSDT 10²", "noise", "raised"),
    ("BUY BTCUSDT 0", "noise", "bounds"),
    ("BUY BTCUSDT -1", "noise", "plain number"),
    ("BUY BTCUSDT 99999999999999999999", "noise", "bounds"),
    ("BUY BTCUSDT NaN", "noise", "plain number"),
    ("BUY BTCUSDT", "noise", "entry"),
    ("BUY BTCUSDT 0.1\nSELL ETHUSDT 0.5", "noise", "more than one market"),
    ("BUY BTCUSDT 0.1\nBUY BTCUSDT 0.2", "noise", "might"),
    ("buy now", "noise", "market"),
    ("#BTC/USDT Take-Profit target 1 ✅\nProfit: 2.22%\nPeriod: 1h 30m", "notice", "target"),
    ("Close half of BTCUSDT", "management", "Close"),
    ("Move stop to entry BTC/USDT", "management", "Move"),
    ("Buy BTC/USDT entry 43000 stop 44000 target 45000", "noise", "losing side"),
    ("Buy BTC/USDT entry 43000 stop 42000 target 41000", "noise", "winning side"),
    ("Long BTC/USDT entry 43.000 stop 42.000 target 45.000", "noise", "more than one way"),
    ("Long BTC/USDT entry 43000 stop 42000 target 45000 leverage 500x", "noise", "leverage"),
    ("Long BTC/USDT entry 43000 stop 42000 target 45000 Amount per trade 50%", "noise", "percent"),
    ("Buy ETH/USDT at 2500 sell SL 2400 TP 2600", "noise", "both sides"),
    ("#ETHUSDT Buy 2500 🔻 2600 🔹 2700 🔹 2400", "noise", "without a word"),
    ("Buy ETH/USDT at 2500 or sell at 2600 stop 2400", "noise", "both sides"),
    ("Buy ETH/USDT at 2500\nSell ETH/USDT at 2600\nStop 2700", "noise", "losing side"),
    ("Buy ETH/USDT 2500 SL 2400 TP 2600\nSell ETH/USDT 2650 SL 2700 TP 2600", "noise", "stop"),
    ("Buy ETH/USDT 2500 target 2600 SL if 4h candle closes above 2400", "noise", "above"),
    ("Buy ETH/USDT 2500 target 2600 SL if 4h candle close below 2400 then buy more", "noise", "if"),
    ("Buy ETH/USDT 2500 target 2600 SL 50 pips or if a daily candle close below it", "noise", "if"),
    ("Buy ETH/USDT at 2500 (ref 2450) SL 2400 TP 2600", "noise", "ref"),
    *(
        (f"{words} ETH/USDT 2500 SL 2400 TP 2600", "noise", "sentence")
        for words in (
            "no buy",
            "Skip: buy",
            "Tomorrow buy",
            "old signal: buy",
            "We missed: long",
            "Invalid! Long",
            "No more long",
            "They say buy",
        )
    ),
    ("May I buy ETH/USDT 2500 SL 2400 TP 2600", "noise", "May"),
    ("Long BTC/USDT entry 43,250 stop 42,000 target 45,000 lot 0,01", "noise", "more than one way"),
    ("Long BTC/USDT entry 1.000,5 stop 900,5 target 1.100,5", "noise", "more than one way"),
    ("Long ETH/USDT entry 2500 stop 24 target 2600", "noise", "digits"),
    ("Long ETH/USDT entry 2500 sl ?? target 2600", "noise", "asks"),
    ("Long ETH/USDT entry 2500 sl - target 2600", "noise", "stop without"),
    ("", "noise", "words"),
    ("Good morning", "noise", "market"),
    ("x" * 5000, "noise", "characters"),
]

# Where the oracle's answer is not ours, and why: docs/outside-signals.md has the same table for people.
DAMAGED = {"test_219", "test_23", "test_41", "test_55"}  # a figure of the price became part of `@channel`
NOT_IN_TEXT = {"test_133"}  # no price of the expected answer stands in the message
CONTRADICTS = {
    "test_crypto1": "names no quote currency",
    "test_crypto7": "digits were left away; expected are targets of 2470 at an entry of 0.0000215",
    "test_crypto9": "digits were left away; expected are targets of 1030 at an entry of 0.000086",
    "test_113": "tells that a target was hit",
    "test_122": "the stop is `??`; expected is a support as the stop",
    "test_20": "`NO SL`; expected is a second entry as the stop",
    "test_212": "two orders in one message; expected is the first alone",
    "test_53": "a target on the losing side; expected is the order without it",
    "test_70": "the target is left open; expected is a second entry as the target",
    "test_93": "a target is broken in two; expected is the order without it",
}


def described(text: str, **options: object) -> str:
    found = parse(text, **options)
    assert found.kind == "signal", found.reason
    prices = [",".join(str(price) for price in some) or "-" for some in (found.entries, found.targets)]
    rest = [found.stop_loss, found.leverage, found.amount, found.order_type]
    told = ["-" if one is None else str(one) for one in rest]
    return " ".join([str(found.symbol), str(found.direction), *prices, *told])


def test_orders_are_read_whole():
    for text, expected in [*SIGNALS, *HABITS]:
        assert described(text) == expected, text
    # a mark that a line break of another system left, and emoji, change nothing
    assert described(SIGNALS[0][0] + "\r\n🚀🚀") == SIGNALS[0][1]


def test_what_is_no_order_says_why():
    for text, kind, word in REFUSED:
        found = parse(text)
        assert (found.kind, found.symbol, found.entries, found.amount) == (kind, None, (), None), text
        assert found.reason and word in found.reason, (text, found.reason)


def test_a_symbol_is_a_market_of_the_exchange_or_refused():
    markets = {"BTC/USDT:USDT", "1000PEPE/USDT"}
    assert described("BUY BTCUSDT 0.1", markets=markets).startswith("BTC/USDT")
    assert described("BUY 1000PEPEUSDT 5", markets=markets).startswith("1000PEPE/USDT")
    for text in ("BUY PEPEUSDT 5", "BUY BTCUSDC 0.1"):
        assert "no market" in str(parse(text, markets=markets).reason)
    assert "no market" in str(parse("BUY BTCUSDT 0.1", markets=()).reason)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    long=st.booleans(),
    entry=st.integers(200, 90_000),
    steps=st.lists(st.integers(1, 90), min_size=1, max_size=5, unique=True),
    stop=st.integers(1, 90),
    leverage=st.none() | st.integers(1, 125),
    break_line=st.sampled_from(["\n", " "]),
)
def test_what_is_written_down_is_read_again(long, entry, steps, stop, leverage, break_line):
    sign = 1 if long else -1
    targets = [entry + sign * step for step in sorted(steps)]
    parts = [f"{'LONG' if long else 'SHORT'} SOL/USDT", f"Entry: {entry}"]
    parts += [f"TP{number}: {price}" for number, price in enumerate(targets, 1)]
    parts += [f"SL: {entry - sign * stop}", *([f"Leverage {leverage}x"] if leverage else [])]
    found = parse(break_line.join(parts))
    assert found.kind == "signal", found.reason
    assert (found.entries, found.stop_loss) == ((Decimal(entry),), Decimal(entry - sign * stop))
    assert found.targets == tuple(Decimal(price) for price in targets)
    assert (found.direction, found.leverage) == ("LONG" if long else "SHORT", leverage)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    before=st.text(max_size=30),
    words=st.lists(
        st.sampled_from(
            [
                "BUY",
                "sell",
                "BTCUSDT",
                "0.1",
                "SL",
                "tp1",
                "1.000",
                "@",
                "43000",
                "\n",
                "not",
                "✅",
                "10x",
                "½",
            ]
        ),
        max_size=12,
    ),
    after=st.text(max_size=30),
)
def test_nothing_that_anybody_writes_raises_and_no_order_contradicts_itself(before, words, after):
    found = parse(before + " ".join(words) + after)
    if found.kind != "signal":
        assert found.reason and found.symbol is None and not found.entries
        return
    assert found.reason is None and found.symbol == "BTC/USDT" and "not" not in words
    sign = 1 if found.direction == "LONG" else -1
    for entry in found.entries:
        assert found.stop_loss is None or sign * (entry - found.stop_loss) > 0
        assert all(sign * (target - entry) > 0 for target in found.targets)
    assert found.entries or found.amount or (found.stop_loss and found.targets)


@pytest.mark.skipif(not ORACLE.exists(), reason="the shared messages are not here")
def test_it_agrees_with_a_parser_of_others_but_for_what_is_argued():
    """Of 75 messages, 5 have an answer that does not stand in them; the rules refuse 10 more."""
    oracle = json.loads(ORACLE.read_text())
    cases = [*oracle["crypto"], *oracle["fx"]]
    differs = [case["test"] for case in cases if not agrees(case)]
    assert set(differs) == DAMAGED | NOT_IN_TEXT | set(CONTRADICTS)
    assert (len(cases), len(differs)) == (75, 15)
    # the price as it was before its first figure became part of the name of a channel
    restored = [case | {"text": case["text"].replace("@channel.", "@1.")} for case in cases]
    assert all(agrees(case) for case in restored if case["test"] in DAMAGED)
    # where nothing is ordered but what the oracle has: no deviation is another order
    for case in cases:
        if case["test"] in differs and case["test"] != "test_70":
            assert parse(case["text"]).kind != "signal", case["test"]


def agrees(case: dict) -> bool:
    expected, found = case["expected"], parse(case["text"])
    if isinstance(expected, dict) and "noise" in expected:
        return found.kind != "signal"
    if found.kind != "signal":
        return False
    return all(
        str(found.symbol).replace("/", "") == one["pair"].replace("/", "")
        and found.direction == {"BUY": "LONG", "SELL": "SHORT"}[one["side"]]
        and bool(found.entries)
        and float(found.entries[0]) == one["entry"]
        and found.stop_loss is not None
        and float(found.stop_loss) == one["stop"]
        and (one["target"] is None or one["target"] in map(float, found.targets))
        for one in (expected if isinstance(expected, list) else [expected])
    )
