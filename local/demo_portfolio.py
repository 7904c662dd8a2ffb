"""The demo's portfolio: the account of the sandbox's IBKR gateway, and its risk over the last weeks."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from include.settings import Endpoint, Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

DAYS = 45  # that are worked out
ASSESSED = "SELECT DISTINCT day FROM risk_assessments WHERE outcome = 'complete'"


def fill_portfolio(engine: "Engine", sandbox_url: str) -> str:
    """Look at the account once, and work out those of the last days that are not yet; say what there is.

    As `sync_portfolio` and `assess_risk` do it, which are paused. Raises PortfolioError if the gateway fails.
    """
    from sqlalchemy import text

    from include.http.client import Client
    from include.portfolio.assess import assess
    from include.portfolio.sync import sync_ibkr
    from include.services import find_service

    settings = Settings.model_construct()
    with Client(find_service("ibkr"), Endpoint(f"{sandbox_url}/ibkr"), engine) as client:
        said = sync_ibkr(engine, client)
    with engine.connect() as connection:
        done = set(connection.execute(text(ASSESSED)).scalars())
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    days = [yesterday - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    for day in days:
        if day not in done:
            assess(engine, day, scenarios=settings.stress_scenarios, benchmark=settings.risk_benchmark)
    return f"{', '.join(said)}; risk worked out for {DAYS} days"
