"""The pages of Data Docs, through the application that the plugin mounts, over a real database."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from fastapi import Depends, HTTPException
from fastapi.testclient import TestClient

from include.database import DatabaseError
from include.quality import Check, Validation
from include.quality.results import write_results
from include.web import build_app
from include.web.rendering import SCRIPTS
from tests.support.pages import Page, page
from tests.support.web import desk_host, find_person

DAY = date(2026, 3, 3)
RUN = "http://airflow/dags/audit_data_quality/runs/manual__2026-03-04"
NASTY = '<script>alert("x")</script>'


def said(batch: str, *checks: Check, notes: tuple[str, ...] = ()) -> Validation:
    met = Check("high is at or above low", "high below low", "critical", True, 0, ())
    return Validation("candles", batch, 1440, "candles", (met, *checks), notes)


def unmet(severity: str, fault: str = "a negative volume", *examples: str) -> Check:
    return Check("volume is 0 or more", fault, severity, False, 3, examples or ("BTC 03:00, volume -1",))


@pytest.fixture
def write(database):
    def write(*validations: Validation, day: date = DAY, run_url: str = RUN) -> None:
        with database.begin() as connection:
            write_results(connection, day, validations, run_url)

    return write


def test_before_the_first_audit_the_page_says_what_to_do(client):
    shown = page(client, "/tradeops/data-docs")
    assert "Nothing has been audited yet" in shown.words
    assert "audit_data_quality" in shown.words


def test_the_newest_day_is_shown_the_worst_first(client, write):
    write(said("BTC/1m/2026-03-02", unmet("critical")), day=DAY - timedelta(days=1))
    write(
        said("AAA/1m/2026-03-03"),
        said("BTC/1m/2026-03-03", unmet("warning")),
        said("ETH/1m/2026-03-03", unmet("critical")),
    )
    shown = page(client, "/tradeops/data-docs")
    places = [
        shown.words.index(name) for name in ("ETH/1m/2026-03-03", "BTC/1m/2026-03-03", "AAA/1m/2026-03-03")
    ]
    assert places == sorted(places)
    assert "BTC/1m/2026-03-02" not in shown.words
    assert "a negative volume (3 of 1,440 candles, first BTC 03:00, volume -1)" in shown.words
    assert "/tradeops/data-docs?day=2026-03-02" in shown.links


def test_another_day_and_a_day_without_an_audit(client, write):
    write(said("BTC/1m/2026-03-03"))
    assert "BTC/1m/2026-03-03" in page(client, "/tradeops/data-docs?day=2026-03-03").words
    assert "2026-03-09 has not been audited" in page(client, "/tradeops/data-docs?day=2026-03-09").words
    assert client.get("/tradeops/data-docs?day=yesterday").status_code == 422


def test_a_batch_shows_every_expectation_and_the_run(client, write):
    write(said("BTC/1m/2026-03-03", unmet("critical"), notes=("60 candles compared with kraken",)))
    (link,) = [link for link in page(client, "/tradeops/data-docs").links if "data-docs/" in link]
    shown = page(client, link)
    for words in (
        "volume is 0 or more",
        "BTC 03:00, volume -1",
        "high is at or above low",
        "compared with kraken",
    ):
        assert words in shown.words
    assert "1 of 2 expectations not met" in " ".join(shown.words.split())
    assert RUN in shown.links
    assert "/tradeops/data-docs?day=2026-03-03" in shown.links


def test_an_unknown_batch_is_not_found(client):
    assert "No such batch" in page(client, f"/tradeops/data-docs/{uuid4()}", 404).words


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/secrets.json", "x'--"]
)
def test_a_path_leads_to_nothing_but_batches(client, path):
    answer = client.get(f"/tradeops/data-docs/{path}")
    assert answer.status_code in (404, 422)
    assert "root:" not in answer.text


def test_data_is_shown_as_text_and_nothing_foreign_is_run_or_loaded(client, write):
    write(said(NASTY, unmet("critical", NASTY, NASTY), notes=(NASTY,)), run_url="javascript:alert(1)")
    day = page(client, "/tradeops/data-docs")
    (link,) = [link for link in day.links if "data-docs/" in link]
    for shown in (day, page(client, link)):
        assert shown.scripts == list(SCRIPTS)
        assert NASTY in shown.words
        assert shown.loaded == []
        assert not any(link.startswith("javascript") for link in shown.links)


def test_without_its_guard_s_consent_nobody_sees_anything(database):
    def refuse():
        raise HTTPException(401)

    def open_database():
        raise AssertionError("the database was opened for a stranger")

    client = TestClient(build_app(open_database, [Depends(refuse)], find_person, desk_host()))
    for path in ("/data-docs", f"/data-docs/{uuid4()}", "/data-docs?day=x", "/docs", "/"):
        assert client.get(path).status_code == 401
    for path in ("/openapi.json", "/redoc"):
        assert client.get(path).status_code == 404


def test_a_database_that_is_down_is_said():
    def open_database():
        raise DatabaseError("The database 'tradeops' at db:5432 cannot be reached.")

    answer = TestClient(build_app(open_database, [], find_person, desk_host())).get("/data-docs")
    assert answer.status_code == 503
    assert "The database 'tradeops' at db:5432 cannot be reached." in Page(answer.text).words
