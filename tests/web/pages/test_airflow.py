"""What Airflow's UI shows of the desk: its icon, and the tabs on DAGs and runs."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from include.actor import Actor, act_as
from include.web.host import RunState
from tests.support.pages import Elements, Page
from tests.support.rows import insert_settled

RUN = "manual__2026-11-27T18:00:00+00:00"


@pytest.mark.parametrize("name", ["icon", "icon-dark"])
def test_the_icon_is_a_picture_without_scripts(client, name):
    answer = client.get(f"/tradeops/{name}.svg")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert {tag for tag, _ in Elements(answer.text).found} == {"svg", "path", "rect"}
    assert client.get("/tradeops/other.svg").status_code == 404


@pytest.mark.parametrize(
    ("dag_id", "page"),
    [("probe_platform", "/probes"), ("audit_data_quality", "/data-docs"), ("nobody_knows", "/alerts")],
)
def test_the_tab_of_a_dag_leads_to_its_page(client, dag_id, page):
    for path in (f"/tradeops/dags/{dag_id}", f"/tradeops/dags/{dag_id}/runs/{RUN}"):
        answer = client.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/tradeops{page}")


def test_the_tab_of_a_sweep_lists_the_trades_that_it_changed(database, client, runs):
    path = f"/tradeops/dags/settle_trades/runs/{RUN}"
    assert client.get(path).status_code == 404
    now = datetime.now(UTC)
    runs.states[RUN] = RunState("running", now - timedelta(minutes=1), None)
    assert "It has changed no trade so far" in client.get(path).text
    with database.begin() as connection:
        act_as(connection, Actor("task", "settle_trades.settle", RUN))
        trade = insert_settled(connection, "completed_success", 12.5, galaxy=7)
    with database.begin() as connection:
        act_as(connection, Actor("task", "settle_trades.settle", "another"))
        insert_settled(connection, "completed_failure", -1, galaxy=8)
    shown = Page(client.get(path).text)
    assert [link for link in shown.links if "/trades/" in link] == [f"/tradeops/trades/{trade}"]
    assert "12.50" in shown.words
    with database.begin() as connection:
        connection.execute(text("DELETE FROM trade_signals"))
    assert "deleted" in client.get(path).text
    runs.states[RUN] = RunState("queued", None, None)
    assert "It has not begun" in client.get(path).text
