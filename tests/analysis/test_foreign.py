"""What plain sentences do not hold."""

import random
import time

import pytest

from include.analysis.foreign import find_foreign


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://evil.example/x", "a link"),
        ("see HTTP://EVIL", "a link"),
        ("visit www.evil", "a link"),
        ("visit evil[.]example", "a link"),
        ("visit evil-site.com now", "a link"),
        ("click javascript:alert", "a link"),
        # domains of any registered ending, with and without a path
        ("wa.me/12 is the group", "a link"),
        ("g.page", "a link"),
        ("read vip-signals.finance.", "a link"),
        ("ask support-kraken.de", "a link"),
        ("see sub.shop.co.uk:8443", "a link"),
        ("at Evil.Com", "a link"),
        ("at EVIL.IO", "a link"),
        ("xn--e1afmkfd.xn--p1ai", "a link"),
        ("пример.рф", "a link"),
        ("t．me", "a link"),
        ("evil。org", "a link"),
        ("hidden.onion", "a link"),
        ("no.suchending/but-a-path", "a link"),
        # addresses without a name
        ("go to 203.0.113.9", "a link"),
        ("go to 203.0.113.9:8080/x", "a link"),
        ("[2001:db8::9]", "a link"),
        ("2001:db8:1:2:3:4:5:6", "a link"),
        ("localhost:5000", "a link"),
        ("\\\\host\\share", "a link"),
        ("tg://join?invite=x", "a link"),
        ("tg:resolve", "a link"),
        ("MailTo:x", "a link"),
        ("//cdn.example", "a link"),
        ("write to me@evil", "a mention or an address"),
        ("thanks, @channel", "a mention or an address"),
        ("<!channel> attention", "markup"),
        ("<@U123>", "markup"),
        ("<script>", "markup"),
        ("< img src", "markup"),
        ("<IMG SRC", "markup"),
        ("<b>bold", "markup"),
        ("<x-y z", "markup"),
        ("</td", "markup"),
        ("<custom>", "markup"),
        ("[click](here)", "markup"),
        ("&lt;script", "markup"),
        ("```code```", "markup"),
        ("{{ config }}", "markup"),
        ("zero\u200bwidth", "characters that cannot be seen"),
        ("right\u202eto left", "characters that cannot be seen"),
        ("bell\x07", "characters that cannot be seen"),
        ("a lonely\rreturn", "characters that cannot be seen"),
        ("a line\u2028separator", "characters that cannot be seen"),
        ("a filler\u3164", "characters that cannot be seen"),
    ],
)
def test_it_is_found(text, found):
    assert found in find_foreign(["Plain.", text])


@pytest.mark.parametrize(
    "text",
    [
        "The price fell below the stop, i.e. the trade was lost.",
        "It rose from < 100 to > 103; R&D & costs: 50 % [of all].",
        "The U.S. session.The next day.",
        "Two lines.\nOf text: with a colon.",
        "A 2:1 ratio @ 100",
        "Data: none. Tel: none.",
        "The close was < EMA20, and EMA20 <EMA50.",
        "RSI < MACD is no comparison; a < b, close<open.",
        "It was stopped.\r\nIt then recovered.\r\n\tSo it goes.",
        "E.g. BTC/USDT at 1.5x, i.e. 2.5bn vs. 1.2m in the U.S.A. at 3 p.m. UTC.",
        "The stop was hit.It then rose.In the end it fell.",
        "TP1/TP2 and/or TP3 from 09:40:00 to 10:15, at 1:2:3.",
        "St. Louis, No.5, approx.5, 1.234.567 and 0.5.",
        "result.fees_usd and candles.path are names of facts.",
    ],
)
def test_plain_sentences_pass(text):
    assert find_foreign([text]) == []


LONG = 60_000
PARTS = [
    "a-", "step-by-step-", "a.", "x.y", "t.me", "a:", "data:", "://", "<", "<a", "a<b ", "&a", "]", "] (",
    "@", "1.", "1.1.1.1", "::", "1:1:", "www", "localhos", "xn--", "-.", "_.", "é.", "。", "\\n", " ", "a",
    "\r", "\\\\",
]  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_whoever_repeats_himself_holds_nobody_up(part):
    assert quickest(part * (LONG // len(part))) < 0.05


def test_any_other_long_text_is_read_at_once_too():
    letters = random.Random(7)
    assert quickest("".join(letters.choice("ab.:/<>@&-1 \n") for _ in range(LONG))) < 0.05


def quickest(text):
    """Seconds of the quickest of several tries: the machine may be busy."""
    taken = []
    for _ in range(5):
        began = time.thread_time()
        find_foreign([text])
        taken.append(time.thread_time() - began)
    return min(taken)
