"""Figures against facts on post-mortems of made-up trades: how many honest ones pass, how many others."""

from pathlib import Path

import pytest
import yaml

from include.analysis.figures import find_invented

TRADES = [
    yaml.safe_load(path.read_text())
    for path in sorted(Path(__file__).with_name("postmortems").glob("*.yaml"))
]
HONEST = [(text, trade["facts"]) for trade in TRADES for text in trade["honest"]]
INVENTED = [(text, trade["facts"]) for trade in TRADES for text in trade["invented"]]


def test_honest_post_mortems_pass():
    refused = {text: found for text, facts in HONEST if (found := find_invented([text], facts))}
    assert len(HONEST) >= 60
    assert len(refused) <= 0.05 * len(HONEST), refused


def test_invented_figures_are_refused():
    passed = [text for text, facts in INVENTED if not find_invented([text], facts)]
    assert len(INVENTED) >= 120
    assert len(passed) <= 0.02 * len(INVENTED), passed


@pytest.mark.parametrize("trade", TRADES, ids=lambda trade: trade["facts"]["symbol"])
def test_an_honest_text_of_another_trade_is_refused(trade):
    """Most sentences with a figure, that is; some figures are those of both trades by chance."""
    others = [text for other in TRADES if other is not trade for text in other["honest"]]
    refused = sum(bool(find_invented([text], trade["facts"])) for text in others)
    assert refused >= 0.8 * len(others)
