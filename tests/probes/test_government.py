"""SEC, FRED, BLS and Census over real HTTP: sound answers, and every trap of their facts."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from include.http.client import Client
from include.probes import Probe, ProbeContext, make_probes, run_round
from include.probes.government import bls, census
from include.probes.government.bls import read_months
from include.probes.government.calendars import CONSUMER_PRICES, look_at
from include.probes.government.fred import read_observations
from include.probes.probe import ServiceDownError
from include.services import find_service
from include.settings import Endpoint, Settings
from tests.probes.conftest import EVERY, KEY, NO_PAUSE, RUN
from tests.support.recorded import load_recorded

ALL = ("sec", "fred", "bls", "census")
YEARS_LATE = 900 * 86_400


def rows(database, query):
    with database.connect() as connection:
        return connection.execute(text(query)).all()


@pytest.mark.parametrize("service", ALL)
def test_a_sound_answer_is_healthy_fresh_and_complete(look, service):
    result = look(service)
    assert (result.status, result.freshness, result.sandbox) == ("healthy", "fresh", True), result.reason
    assert result.completeness > 0.95
    assert result.newest < datetime.now(UTC) < result.expected_by
    assert 0 < result.latency_ms < 5_000
    assert result.asked_at == result.checked_at
    limit = find_service(service).limits[0]
    assert (result.quota_limit, result.quota_window.total_seconds()) == (limit.calls, limit.seconds)
    assert result.quota_used == (3 if service == "fred" else 1)


@pytest.mark.parametrize("service", ALL)
def test_without_a_connection_nobody_is_asked_and_that_is_no_outage(look, connections, sandbox, service):
    connections.keys[service] = None
    result = look(service)
    assert (result.status, result.asked_at) == (None, None)
    assert f"there is no connection `{service}`" in result.reason
    assert sandbox.requests(service) == []


@pytest.mark.parametrize("service", ALL)
@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("status", {"status": 500}, "answered 500"),
        ("reset", {}, "onnection"),
        ("garbage", {}, "no valid JSON"),
        ("empty", {}, "empty body"),
        ("html", {}, "text/html instead of JSON|no valid JSON"),
        ("wrong_schema", {}, "shape|no list of lists"),
    ],
)
def test_no_sound_answer_is_down_after_one_request(look, sandbox, service, kind, options, words):
    sandbox.fail(service, kind, **options)
    result = look(service)
    assert result.status == "down"
    assert any(part in result.reason for part in words.split("|")), result.reason
    assert len(sandbox.requests(service)) == 1


@pytest.mark.parametrize("service", ALL)
def test_late_data_is_degraded_by_the_calendar(look, sandbox, service):
    sandbox.fail(service, "late", seconds=YEARS_LATE if service == "census" else 100 * 86_400)
    result = look(service)
    if service == "census":  # more than a year late: neither of the two surveys is there
        assert result.status == "down"
        return
    assert result.status == "degraded"
    assert result.freshness.startswith("late by")
    assert result.freshness in result.reason


def test_a_census_survey_that_is_late_is_found_by_a_second_request(look, sandbox):
    newest = look("census").newest
    out_since = datetime.now(UTC) - datetime(newest.year + 1, 9, 12, tzinfo=UTC)
    sandbox.fail("census", "late", seconds=out_since.total_seconds() + 86_400)
    sandbox.http.delete("/_requests")
    result = look("census")
    assert (result.status, result.newest.year) == ("degraded", newest.year - 1)
    assert len(sandbox.requests("census")) == 2


@pytest.mark.parametrize("service", ALL)
def test_an_answer_without_rows_is_degraded(look, sandbox, service):
    sandbox.fail(service, "no_rows")
    result = look(service)
    assert result.status == "degraded"
    assert result.completeness < 0.9


# -- SEC -----------------------------------------------------------------------------------------------------


def test_sec_is_not_called_without_a_contact(look, sandbox):
    result = look("sec", Settings())
    assert (result.status, result.asked_at) == (None, None)
    assert "set `contact`" in result.reason
    assert sandbox.requests("sec") == []


def sec_probe(database, connections):
    (probe,) = make_probes(ProbeContext("government", database, Settings(), connections), ["sec"])
    return probe


def test_sec_of_the_sandbox_needs_nobodys_contact(database, connections, sandbox):
    """As in the local stack, whose connections all lead into the sandbox."""

    def of_the_stack(name):
        return Endpoint(sandbox.url) if name == "sandbox" else connections(name)

    probe = sec_probe(database, of_the_stack)
    (result,) = run_round(database, [probe], every=EVERY, quota_share=NO_PAUSE, run_url=RUN)
    assert (result.status, result.sandbox) == ("healthy", True)
    connections.hosts["sec"] = "https://data.sec.gov"
    real = sec_probe(database, of_the_stack)
    assert real.ask is None, "the real one is asked by nobody without a name"


def held_seconds(database):
    (row,) = rows(
        database,
        "SELECT extract(epoch FROM held_until - now()) FROM http_services WHERE service = 'sec'",
    )
    return float(row[0])


def test_sec_throttling_holds_everybody_for_ten_minutes(look, sandbox, database):
    assert look("sec").status == "healthy"
    sandbox.fail("sec", "status", status=403)
    result = look("sec")
    assert result.status == "degraded"
    assert "Request Rate Threshold Exceeded" in result.reason
    assert 595 < held_seconds(database) <= 601
    sandbox.heal()
    asked = len(sandbox.requests("sec"))
    again = look("sec")
    assert len(sandbox.requests("sec")) == asked
    assert again.status == "degraded"
    assert "it asked for a pause" in again.reason
    assert again.asked_at < again.checked_at


def test_sec_refusing_the_agent_is_told_apart_by_its_page_and_holds_too(look, database, monkeypatch):
    monkeypatch.setattr("include.probes.outside.identify", lambda service, _: service)
    sec = replace(find_service("sec"), wants_contact=False)
    monkeypatch.setattr("include.probes.government.sec.find_service", {"sec": sec}.__getitem__)
    result = look("sec")
    assert result.status == "down"
    assert "undeclared automated tool" in result.reason
    assert 595 < held_seconds(database) <= 601


# -- FRED ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "words"), [("0" * 32, "not registered"), ("SHOUTING", "32 character alpha-numeric")]
)
def test_fred_says_what_is_wrong_with_the_key_and_nobody_sees_it(
    look, connections, database, caplog, key, words
):
    connections.keys["fred"] = key
    with caplog.at_level("DEBUG"):
        result = look("fred")
    assert result.status == "down"
    assert words in result.reason
    seen = caplog.text + repr(rows(database, "SELECT * FROM probe_results"))
    assert key not in seen + repr(rows(database, "SELECT * FROM http_services"))


def test_fred_without_a_key_is_not_asked(look, connections, sandbox):
    connections.keys["fred"] = ""
    result = look("fred")
    assert (result.status, sandbox.requests("fred")) == (None, [])
    assert "no key" in result.reason


def test_fred_throttling_is_degraded(look, sandbox):
    sandbox.fail("fred", "status", status=429, retry_after=30)
    result = look("fred")
    assert result.status == "degraded"
    assert "answered 429: Too Many Requests" in result.reason


@pytest.mark.parametrize("name", ["cpi", "employment", "gdp", "fedfunds", "eur_usd_m", "usd_chff"])
def test_fred_recorded_answers_are_read_and_a_point_is_a_missing_value(name):
    recorded = load_recorded(f"fred/{name}.json")
    points = [row["date"] for row in recorded["observations"] if row["value"] == "."]
    found = read_observations(name, recorded)
    assert len(found) == len(recorded["observations"]) - len(points)
    assert not {date.fromisoformat(day) for day in points} & found


@pytest.mark.parametrize("answer", [{}, [], {"observations": [{"date": "soon", "value": "1"}]}, None])
def test_fred_in_another_shape_is_said(answer):
    with pytest.raises(ServiceDownError, match="another shape"):
        read_observations("GDP", answer)


# -- BLS -----------------------------------------------------------------------------------------------------


def test_bls_tells_a_used_up_day_under_status_200(look, sandbox, database):
    sandbox.fail("bls", "error_in_200")
    result = look("bls")
    assert result.status == "degraded"
    assert "daily threshold" in result.reason
    assert rows(database, "SELECT FROM http_services WHERE service = 'bls' AND held_until > now()")


def test_bls_repeats_the_key_and_nobody_sees_it(look, connections, database, caplog):
    key = connections.keys["bls"] = "invalid4b7e5b9d"
    with caplog.at_level("DEBUG"):
        result = look("bls")
    assert result.status == "down"
    assert "provided by the User is invalid" in result.reason
    seen = caplog.text + repr(rows(database, "SELECT * FROM probe_results"))
    assert key not in seen + repr(rows(database, "SELECT * FROM http_services"))


def test_bls_without_a_key_goes_by_25_a_day(look, connections, sandbox):
    connections.keys["bls"] = ""
    connections.hosts["bls"] = f"{sandbox.url}/bls/publicAPI/v1"
    result = look("bls")
    assert (result.status, result.quota_used, result.quota_limit) == ("healthy", 1, 25)
    assert result.quota_window == timedelta(days=1)


@pytest.mark.parametrize(
    ("key", "hours", "asked"), [(KEY, 5.9, 1), (KEY, 6.1, 2), ("", 23.9, 1), ("", 24.1, 2)]
)
def test_bls_is_asked_a_few_times_a_day_at_most(look, connections, sandbox, database, key, hours, asked):
    connections.keys["bls"] = key
    first = look("bls", share=0.04)
    back = text("UPDATE probe_results SET checked_at = checked_at - :by, asked_at = asked_at - :by")
    with database.begin() as connection:
        connection.execute(back, {"by": timedelta(hours=hours)})
    again = look("bls", share=0.04)
    assert len(sandbox.requests("bls")) == asked
    assert (again.status, again.newest, again.completeness, again.sandbox) == (
        first.status,
        first.newest,
        first.completeness,
        True,
    )
    if asked == 1:
        assert again.asked_at == first.asked_at - timedelta(hours=hours)
        assert f"asked {int(hours)} h ago, to spare its quota" in again.reason
    else:
        assert again.asked_at == again.checked_at


def test_bls_cuts_a_long_span_without_a_word_and_it_shows(connections, database):
    """The months that should be there follow from what was asked, not from what came."""
    this_year = datetime.now(UTC).year
    with Client(find_service("bls"), connections("bls"), database) as client:
        whole = bls.ask(client, first_year=this_year - 19, last_year=this_year)
        cut = bls.ask(client, first_year=this_year - 30, last_year=this_year)
    assert whole.completeness > 0.95
    assert cut.completeness < 0.7
    assert cut.expected_by < datetime.now(UTC) < whole.expected_by


def test_bls_counts_neither_a_dash_nor_the_average_of_the_year():
    def row(period, value):
        return {"year": "2025", "period": period, "value": value}

    data = [
        row("M13", "1.5"),
        row("M12", "2"),
        row("M11", "-"),
        row("M10", ""),
        row("Q01", "3"),
        row("A01", "3"),
    ]
    answer = {"Results": {"series": [{"seriesID": "CUUR0000SA0", "data": data}]}}
    assert read_months(answer) == {"CUUR0000SA0": {date(2025, 12, 1)}}
    now = datetime(2026, 1, 20, tzinfo=UTC)
    found = look_at("CUUR0000SA0", CONSUMER_PRICES, {date(2025, 12, 1)}, date(2025, 11, 1), now)
    assert (found.present, found.expected) == (1, 2)


def test_bls_says_of_a_series_that_it_does_not_exist(look, connections, database):
    year = datetime.now(UTC).year
    series = {**bls.BLS_SERIES, "NOSUCH": CONSUMER_PRICES}
    with Client(find_service("bls"), connections("bls"), database) as client:
        asked = partial(bls.ask, client, first_year=year - 1, last_year=year, series=series)
        result = look(Probe("bls", "government", asked))
    assert result.status == "degraded"
    assert "NOSUCH: no value at all" in result.reason
    assert "Series does not exist for Series NOSUCH" in result.reason


def test_bls_recorded_answer_is_read():
    recorded = load_recorded("bls/timeseries_data_APU0000701111_2022.json")
    months = read_months(recorded)["APU0000701111"]
    assert months == {date(2022, month, 1) for month in range(1, 13)}


# -- Census --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "page"), [("invalid-key", "invalid_key.html")])
def test_census_redirects_a_bad_key_to_a_page_under_200_that_is_not_followed(
    look, connections, sandbox, key, page
):
    connections.keys["census"] = key
    result = look("census")
    assert result.status == "down"
    assert page in result.reason
    assert len(sandbox.requests("census")) == 1


def test_census_without_a_key_is_not_asked(look, connections, sandbox):
    connections.keys["census"] = ""
    result = look("census")
    assert (result.status, sandbox.requests("census")) == (None, [])


@pytest.mark.parametrize(
    ("answer", "count"),
    [
        ([["NAME", "B01001_001E", "state"], ["Alabama", "5157699", "01"]], 1),
        ([["NAME", "B01001_001E", "state"], ["Alabama", None, "01"], ["Alaska", "-666666666", "02"]], 0),
    ],
)
def test_census_counts_only_states_with_a_population(answer, count):
    assert census.count_states(answer) == count


@pytest.mark.parametrize("answer", [{}, [], None, [["NAME"], ["x"]], [["B01001_001E"], []], "<html>"])
def test_census_in_another_shape_is_said(answer):
    with pytest.raises(ServiceDownError, match="no list of lists"):
        census.count_states(answer)


# -- who calls -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "contact",
    ["ops@example.com", "Example", "Example ops@", "Ex\nample ops@example.com", "Büro ops@example.com"],
)
def test_a_contact_is_a_name_and_an_email_that_a_header_can_carry(contact):
    with pytest.raises(ValidationError, match="a name and an email"):
        Settings(contact=contact)


def test_a_contact_of_several_words_will_do():
    assert Settings(contact="Example Research Ltd. ops@example.com").contact
