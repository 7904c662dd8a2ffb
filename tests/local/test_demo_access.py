"""What the demo shows of token access: holders in several states, by prices and balances of the sandbox."""

from sqlalchemy import text

from include.settings import Settings
from include.telemetry.exporters import EndedRuns, read_metrics, write_metrics
from local.demo_access import HOLDERS, MINT, fill_access
from tests.support.prometheus import without_data


def test_the_demo_fills_the_page_and_again_adds_no_holder(database, sandbox):
    first = fill_access(database, sandbox.url)
    assert sum(first.values()) == HOLDERS and first["full"] and first["none"] and not first["unknown"]
    again = fill_access(database, sandbox.url)
    assert sum(again.values()) == HOLDERS
    with database.connect() as connection:
        history = connection.execute(
            text("SELECT count(*), count(average_price), count(DISTINCT requirement) FROM token_requirements")
        ).one()
        graces = connection.execute(
            text("SELECT count(*) FROM access_grants WHERE state = 'grace'")
        ).scalar_one()
    assert history[0] == history[1] >= 121 and history[2] >= 2
    assert graces, "the swing of the price raises the requirement in any five days"
    assert Settings(access_mint=MINT).access_mint == MINT
    shown, _ = write_metrics(read_metrics(database, lambda since: EndedRuns([], [])), "", {})
    assert without_data(shown.decode(), "tradeops_token", "tradeops_access", "tradeops_balance") == set()
