"""The page of the probes, through the application that the plugin mounts, over a real database."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from include.probes import Probe, ProbeAnswer, ServiceDownError, run_round
from include.web.rendering import SCRIPTS
from tests.support.pages import Page

NASTY = '<script>alert("x")</script>'
RUN = "http://airflow/dags/probe_government/runs/1"


@pytest.fixture
def store(database):
    def store(*probes: Probe, run_url: str = RUN) -> None:
        run_round(database, probes, every=timedelta(hours=1), quota_share=1, run_url=run_url)

    return store


def words(client: TestClient) -> str:
    answer = client.get("/tradeops/probes")
    assert answer.status_code == 200
    return " ".join(answer.text.partition("</head>")[2].split())


def test_before_the_first_look_the_page_says_what_to_do(client):
    shown = words(client)
    assert "Nothing has been looked at yet" in shown
    assert "probe_government" in shown
    assert "probe_platform" in shown


def test_each_service_is_shown_with_its_reason(client, store):
    now = datetime.now(UTC)

    def fail():
        raise ServiceDownError("no connection to solana")

    late = ProbeAnswer(
        "newest",
        81.4,
        (),
        None,
        datetime(2026, 9, 1, tzinfo=UTC),
        now - timedelta(days=1.5),
        0.97,
        sandbox=True,
    )
    store(
        Probe("fred", "government", lambda: late, limited_by="fred"),
        Probe("sec", "government", None, "sec refuses callers without a contact"),
        Probe("solana", "platform", fail),
    )
    shown = words(client)
    for part in ("degraded", "81 ms", "2026-09-01", "late by 2 days", "97 % complete", "sandbox", "not asked",
                 "refuses callers without a contact", "down", "no connection to solana", RUN):  # fmt: skip
        assert part in shown
    assert "just now (<a" in shown
    assert shown.index("fred") < shown.index("sec") < shown.index("solana")


def test_a_quota_is_a_bar_with_its_figures(client, store, database):
    from include.probes.probe import Quota

    store(Probe("postgres", "platform", lambda: ProbeAnswer("x", quota=Quota(81, 97, None))))
    shown = words(client)
    assert 'value="0.8351"' in shown
    assert "81 of 97" in shown


def test_a_look_that_is_overdue_is_stale(client, store, database):
    store(Probe("x", "platform", lambda: ProbeAnswer("fine")))
    assert "stale" not in words(client)
    with database.begin() as connection:
        back = "UPDATE probe_results SET checked_at = now() - interval '4 h', asked_at = NULL"
        connection.execute(text(back))
    shown = words(client)
    assert '<span class="badge critical">stale</span> was <span class="badge met">healthy</span>' in shown
    assert "looked at 4 h ago" in shown


def test_data_is_shown_as_text_and_leads_nowhere_foreign(client, store):
    store(Probe("x", "platform", lambda: ProbeAnswer(NASTY)), run_url="javascript:alert(1)")
    shown = client.get("/tradeops/probes").text
    assert NASTY not in shown
    assert "&lt;script&gt;" in shown
    assert "javascript:" not in shown
    assert Page(shown).scripts == list(SCRIPTS)


def measure(database, **figures):
    """Two looks at the database, ten minutes apart."""
    counted = {"commits": 1, "rollbacks": 0, "deadlocks": 0, "blocks_hit": 1, "blocks_read": 0}
    for seconds, more in ((610, {}), (10, figures)):
        answer = {
            "figures": counted | {"connections": {"active": 2, "idle": 5}, "slow_statements": None} | more
        }
        with database.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO probe_results (service, kind, status, reason, checked_at, asked_at, "
                    "check_every, answer, own_part, run_url) "
                    "SELECT 'postgres', 'platform', 'healthy', 'x', at, at, '10 minutes', "
                    "CAST(:answer AS jsonb), true, 'x' "
                    "FROM (SELECT now() - make_interval(secs => :seconds)) AS look (at)"
                ),
                {"answer": json.dumps(answer), "seconds": seconds},
            )


def test_the_database_and_the_uptime_are_shown(client, database):
    shown = words(client)
    assert "Nothing was measured in the last hour" in shown
    assert "not known" in shown
    measure(database, commits=6001, deadlocks=2, blocks_hit=91, blocks_read=10)
    shown = words(client)
    for part in ("Sessions: active 2, idle 5", "10.00 transactions a second", "2 deadlocks",
                 "90.00 % of the", "pg_stat_statements is not there", "100.00 %"):  # fmt: skip
        assert part in shown
    measure(database, slow_statements=[{"statement": NASTY, "mean_ms": 1234.5, "calls": 7}])
    shown = words(client)
    assert NASTY not in shown
    assert "1234 ms" in shown
