"""The imitation of the fear & greed index."""

import time


def test_the_newest_value_comes_first(sandbox):
    body = sandbox.http.get("/fng/").json()
    (newest,) = body["data"]
    assert body["metadata"] == {"error": None}
    assert "sandbox" in body["name"]
    assert int(newest["timestamp"]) == int(time.time()) // 86_400 * 86_400
    assert 0 < int(newest["time_until_update"]) <= 86_400


def test_all_values_are_a_row_of_days_in_every_class(sandbox):
    rows = sandbox.http.get("/fng/?limit=0").json()["data"]
    stamps = [int(row["timestamp"]) for row in rows]
    assert stamps == list(range(stamps[0], stamps[-1] - 1, -86_400))
    assert stamps[-1] == 1577836800 + 30 * 86_400  # it looks back 30 days
    assert all(0 <= int(row["value"]) <= 100 for row in rows)
    assert {row["value_classification"] for row in rows} == {
        "Extreme Fear", "Fear", "Neutral", "Greed", "Extreme Greed",
    }  # fmt: skip
    lowest = {"Extreme Fear": 0, "Fear": 25, "Neutral": 47, "Greed": 55, "Extreme Greed": 76}
    for name, bound in lowest.items():
        assert min(int(row["value"]) for row in rows if row["value_classification"] == name) >= bound
    for value in ("25", "47", "55", "76"):
        names = {row["value_classification"] for row in rows if row["value"] == value}
        assert names == {name for name, bound in lowest.items() if bound == int(value)}


def test_a_limit_that_is_no_number_is_refused(sandbox):
    answer = sandbox.http.get("/fng/?limit=all")
    assert answer.status_code == 400
    assert "whole number" in answer.json()["metadata"]["error"]
