"""The imitations of SEC, FRED, BLS, Census, BingX, the IBKR gateway and Solana: shapes and manners."""

import json

import pytest
import yaml

from tests.sandbox.asking import ASK, BODIES, ask
from tests.support.recorded import DATA, assert_same_shape, load_recorded


def bls(sandbox, **changes):
    body = {**BODIES["bls"], **changes}
    return sandbox.http.post(ASK["bls"][1], json=body).json()


def test_fred_answers_in_the_recorded_shape(sandbox):
    recorded = load_recorded("fred/gdp.json")
    assert_same_shape(ask(sandbox, "fred").json(), recorded)


def test_fred_refuses_as_transcribed(sandbox):
    answer = sandbox.http.get(ASK["fred"][1].replace("k" * 32, "0" * 32))
    expected = load_recorded("transcribed/gov.json")["fred_bad_key"]
    assert (answer.status_code, answer.json()) == (expected["status_code"], expected["body"])


@pytest.mark.parametrize("series", ["DEXUSEU", "CPIAUCSL"])
def test_fred_writes_a_missing_value_as_a_point(sandbox, series):
    rows = sandbox.http.get(ASK["fred"][1].replace("GDP", series)).json()["observations"]
    assert {row["value"] for row in rows if row["date"] in ("2025-10-01", "2025-12-25")} >= {"."}
    assert [row["date"] for row in rows] == sorted(row["date"] for row in rows)


def test_bls_answers_in_the_recorded_shape(sandbox):
    recorded = load_recorded("bls/timeseries_data_APU0000701111_2022.json")
    assert_same_shape(bls(sandbox), recorded)


def test_bls_refuses_under_status_200_as_transcribed(sandbox):
    sandbox.fail("bls", "error_in_200")
    expected = load_recorded("transcribed/gov.json")["bls_threshold"]
    answer = ask(sandbox, "bls")
    assert (answer.status_code, answer.json()) == (expected["status_code"], expected["body"])


@pytest.mark.parametrize(("key", "years"), [("k", 20), ("", 10)])
def test_bls_cuts_a_long_span_without_a_word(sandbox, key, years):
    answer = bls(sandbox, startyear="1990", endyear="2024", registrationkey=key)
    assert answer["message"] == []
    found = {int(row["year"]) for row in answer["Results"]["series"][0]["data"]}
    assert found == set(range(1990, 1990 + years))


def test_bls_has_dashes_averages_and_repeats_a_bad_key(sandbox):
    data = bls(sandbox, annualaverage=True)["Results"]["series"][0]["data"]
    by_period = {(row["year"], row["period"]): row["value"] for row in data}
    assert by_period["2025", "M10"] == "-"
    assert ("2024", "M13") in by_period
    assert "invalid123" in bls(sandbox, registrationkey="invalid123")["message"][0]


def test_census_answers_as_transcribed(sandbox):
    rows = ask(sandbox, "census").json()
    expected = load_recorded("transcribed/gov.json")["census_ok_acs1_2024"]["body"]
    assert rows[0] == expected[0]
    assert [type(value) for value in rows[1]] == [type(value) for value in expected[1]]
    assert len(rows) == 53


def test_census_redirects_without_a_key_to_a_page_under_200(sandbox):
    expected = load_recorded("transcribed/gov.json")["census_missing_key"]
    answer = sandbox.http.get(ASK["census"][1].replace("&key=k", ""))
    assert answer.status_code == expected["status_code"]
    assert answer.headers["location"].endswith("/data/missing_key.html")
    page = sandbox.http.get(answer.headers["location"])
    assert page.status_code == expected["then"]["status_code"]
    assert page.headers["content-type"].startswith(expected["then"]["content_type"])
    for words in expected["then"]["contains"]:
        assert words in page.text


def test_sec_refuses_two_ways_with_one_title(sandbox):
    title = load_recorded("transcribed/gov.json")["sec_403"]["contains"][0]
    nameless = sandbox.http.get(ASK["sec"][1], headers={"user-agent": "bot"})
    sandbox.fail("sec", "status", status=403)
    throttled = ask(sandbox, "sec")
    for answer in (nameless, throttled):
        assert answer.status_code == 403
        assert title in answer.text
    assert "Undeclared Automated Tool" in nameless.text
    assert "Undeclared Automated Tool" not in throttled.text


def test_sec_lists_filings_in_columns_of_one_length(sandbox):
    recent = ask(sandbox, "sec").json()["filings"]["recent"]
    assert len({len(column) for column in recent.values()}) == 1
    assert recent["filingDate"] == sorted(recent["filingDate"], reverse=True)


def test_the_gateway_and_the_node_answer_as_transcribed(sandbox):
    said = load_recorded("transcribed/solana_ibkr_bingx.json")
    assert_same_shape(ask(sandbox, "ibkr").json(), said["ibkr_auth_status"])
    sandbox.fail("solana", "behind")
    assert_same_shape(ask(sandbox, "solana").json(), said["solana_behind"])
    assert ask(sandbox, "bingx").json().keys() == said["bingx_balance"].keys()


def test_the_node_answers_as_recorded(sandbox):
    path = DATA / "solana" / "test_solana_balances.yaml"
    if not path.exists():
        pytest.skip(f"no recorded answers here: {path} is absent")
    first = yaml.safe_load(path.read_text())["interactions"][0]
    assert json.loads(first["request"]["body"]) == {"jsonrpc": "2.0", "id": 0, "method": "getHealth"}
    assert ask(sandbox, "solana").json() == json.loads(first["response"]["body"]["string"])


@pytest.mark.parametrize(("body", "code"), [({}, -32600), ({"id": 1, "method": "getSlot"}, -32601)])
def test_the_node_knows_one_method(sandbox, body, code):
    assert sandbox.http.post("/solana/", json=body).json()["error"]["code"] == code


def test_coinmarketcap_tells_of_a_key_to_those_who_have_one(sandbox):
    assert sandbox.http.get("/coinmarketcap/v1/key/info").status_code == 401
    answer = sandbox.http.get("/coinmarketcap/v1/key/info", headers={"x-cmc_pro_api_key": "k"})
    assert answer.json()["data"]["plan"]
