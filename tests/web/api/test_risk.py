"""`/api/risk`: what portfolios hold and may lose, for those who see all users' rows."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import text

from include.portfolio.assess import assess
from include.portfolio.snapshot import store_failure
from tests.support.portfolios import YESTERDAY, give_snapshot, give_values

PATHS = ("/api/risk/portfolio", "/api/risk/metrics")


@pytest.fixture
def operator(api):
    return api.with_key("operate")


def test_who_may_call(api):
    for path in PATHS:
        assert api.client().get(path).status_code == 401
        assert api.with_key("read", "write").get(path).status_code == 403
        assert api.with_key("operate").get(path).json() == {"success": True, "portfolios": []}
        refused = api.with_key("operate").get(path, params={"colour": "red"})
        assert refused.status_code == 422 and "colour" in refused.text
        unknown = api.with_key("operate").get(path, params={"portfolio": "file:none"})
        assert unknown.status_code == 404 and "file:none" in unknown.json()["error"]


def test_what_is_held_and_how_old_it_is(database, operator):
    give_snapshot(database, YESTERDAY, 7)
    give_snapshot(database, YESTERDAY, 8, portfolio="file:b")
    with database.begin() as connection:
        store_failure(connection, "file", "the disk is away")
    shown = operator.get(PATHS[0], params={"portfolio": "file:a"}).json()["portfolios"]
    assert [one["portfolioId"] for one in shown] == ["file:a"]
    assert (shown[0]["value"], shown[0]["currency"], shown[0]["failure"]) == (170, "USD", "the disk is away")
    taken = datetime.fromisoformat(shown[0]["takenAt"])
    assert abs((datetime.now(UTC) - taken) - timedelta(seconds=shown[0]["ageSeconds"])) < timedelta(minutes=5)
    held = {one["instrument"]: one for one in shown[0]["positions"]}
    assert held["X"]["quantity"] == 10 and held["X"]["price"] == 7 and held["USD"]["kind"] == "cash"
    exact = operator.get(PATHS[0], params={"exact": True}).json()["portfolios"]
    assert [one["value"] for one in exact] == ["170", "180"]


def test_what_they_may_lose(database, operator):
    give_snapshot(database, YESTERDAY, 7)
    give_values(database, "file:a", list(np.linspace(-0.03, 0.03, 120)), YESTERDAY)
    assess(database, YESTERDAY, scenarios={"crash": {"*": -0.5}}, benchmark=None)
    (shown,) = operator.get(PATHS[1]).json()["portfolios"]
    with database.connect() as connection:
        var = connection.execute(
            text("SELECT var FROM risk_forecasts WHERE method = 'normal' AND confidence = 0.975")
        ).scalar_one()
    normal = [one for one in shown["forecasts"] if (one["method"], one["confidence"]) == ("normal", 0.975)]
    assert [one["var"] for one in normal] == [var] and len(shown["forecasts"]) == 15
    assert {one["measure"]: one["money"] for one in shown["measures"]}["stress: crash"] == -35
    assert shown["validations"] == []
