"""The pages on reports."""

import json
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from include.reports import find_period
from include.reports.build import build_report, read_report
from include.reports.store import store_report
from include.settings import Settings
from include.storage import open_storage
from include.web.pages.reports import LISTED
from tests.support.pages import page

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DAY = date(2026, 11, 20)
NASTY = "<script>alert(1)</script>"


def make(database, day=DAY, kind="daily"):
    period = find_period(kind, day, NOW)
    return build_report(
        database, period, Settings.model_construct(), free_bytes=None, run_url="http://airflow/run"
    )


@pytest.fixture
def stored(database, tmp_path):
    """A report with a picture, stored below a folder."""
    key = make(database)
    storage = open_storage(str(tmp_path))
    period = read_report(database, key).period
    storage.write(f"daily/{period.start}/v1/equity.png", [b"picture"])
    store_report(database, storage, key, ["equity.png"], desk_url="http://airflow/tradeops")
    return key


def test_without_a_report_the_page_says_what_to_do_and_what_is_missing(client):
    words = page(client, "/tradeops/reports").words
    assert "There is no report yet" in words and "report_location" in words


def test_past_reports_stand_newest_first_and_page_by_page(client, database):
    days = [DAY - timedelta(days=number) for number in range(LISTED + 5)]
    with database.begin() as connection:
        for kind, length in (("daily", 1), ("weekly", 7)):
            connection.execute(
                text(
                    "INSERT INTO reports (kind, period_start, period_end, known_until, figures, run_url) "
                    "SELECT :kind, day, day + CAST(:length AS integer), now(), '{}', 'run' "
                    "FROM unnest(CAST(:days AS date[])) AS day"
                ),
                {"kind": kind, "days": days if kind == "daily" else days[:3], "length": length},
            )
    seen, address = [], "/tradeops/reports"
    while address:
        shown = page(client, address)
        seen += [link for link in shown.links if link.startswith("/tradeops/reports/")]
        following = [link for link in shown.links if "after=" in link]
        address = following[0] if following else None
    assert len(seen) == len(set(seen)) == LISTED + 8
    only = page(client, "/tradeops/reports?kind=weekly")
    assert len([link for link in only.links if link.startswith("/tradeops/reports/")]) == 3
    assert [link for link in only.links if "/start/report_weekly" in link]


@pytest.mark.parametrize(
    "query",
    [
        "kind=hourly",
        "after=12026-01-01",
        "after=%00",
        "after=1999-01-01",
        "after=" + "9" * 10_000,
        "after_kind=x",
    ],
)
def test_a_wrong_filter_is_refused_and_not_a_fault(client, query):
    assert client.get(f"/tradeops/reports?{query}").status_code == 422


def test_a_report_shows_its_figures_and_what_was_sent_where(client, database, stored):
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO report_deliveries "
                "(report_id, version, channel, state, reason, run_url, sent_at, sent_to) "
                "VALUES (:id, 1, 'mail', 'failed', :reason, 'run', NULL, NULL), "
                "(:id, 1, 'slack', 'sent', NULL, 'run', now(), 'C0123456')"
            ),
            {"id": stored.id, "reason": NASTY},
        )
    answer = client.get(f"/tradeops/reports/{stored.id}")
    assert answer.status_code == 200
    for word in ("20 November 2026", "failed", "C0123456", "roll_up_stats", "version 1".capitalize()):
        assert word in answer.text
    assert NASTY not in answer.text
    assert (
        f'src="/tradeops/reports/{stored.id}/stored"' in answer.text
        and 'sandbox="allow-popups' in answer.text
    )
    assert "frame-src 'self'" in answer.headers["content-security-policy"]
    assert "/start/report_daily?day=2026-11-20" in answer.text


def test_the_stored_page_runs_and_loads_nothing(client, stored):
    answer = client.get(f"/tradeops/reports/{stored.id}/stored")
    assert answer.status_code == 200 and "data:image/png;base64,cGljdHVyZQ==" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src" not in policy and "sandbox" in policy
    assert "allow-scripts" not in policy and "allow-same-origin" not in policy


def test_figures_are_handed_out_as_they_are_stored(client, stored, tmp_path):
    answer = client.get(f"/tradeops/reports/{stored.id}/figures.json")
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.json() == json.loads((tmp_path / f"daily/{DAY}/v1/report.json").read_text())


def test_a_report_without_files_or_with_files_elsewhere_says_so(client, database, stored, tmp_path):
    (tmp_path / f"daily/{DAY}/v1/report.html").unlink()
    assert "cannot be read" in client.get(f"/tradeops/reports/{stored.id}/stored").text
    unstored = make(database, DAY - timedelta(days=1))
    assert "no files yet" in page(client, f"/tradeops/reports/{unstored.id}").words
    assert "not stored yet" in client.get(f"/tradeops/reports/{unstored.id}/stored").text


def test_an_unknown_report_is_not_found(client):
    for path in ("", "/stored", "/figures.json"):
        assert client.get(f"/tradeops/reports/{uuid4()}{path}").status_code == 404
    assert client.get("/tradeops/reports/no-id").status_code == 422
