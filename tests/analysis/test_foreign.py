"""What plain sentences do not hold."""

import pytest

from include.analysis.foreign import find_foreign


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://evil.example/x", "a link"),
        ("see HTTP://EVIL", "a link"),
        ("visit www.evil", "a link"),
        ("visit evil-site.com now", "a link"),
        ("click javascript:alert", "a link"),
        ("write to me@evil", "a mention or an address"),
        ("thanks, @channel", "a mention or an address"),
        ("<!channel> attention", "markup"),
        ("<@U123>", "markup"),
        ("<script>", "markup"),
        ("< img src", "markup"),
        ("[click](here)", "markup"),
        ("&lt;script", "markup"),
        ("```code```", "markup"),
        ("{{ config }}", "markup"),
        ("zero\u200bwidth", "characters that cannot be seen"),
        ("right\u202eto left", "characters that cannot be seen"),
        ("bell\x07", "characters that cannot be seen"),
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
    ],
)
def test_plain_sentences_pass(text):
    assert find_foreign([text]) == []
