import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.telemetry import error_record, feedback_record, metric_record
from include.telemetry.records import DETAILS_LIMIT, MESSAGE_LIMIT, STACK_LIMIT


def test_an_exception_brings_its_words_and_its_stack():
    try:
        raise KeyError("BTC")
    except KeyError as error:
        row = error_record("api", error).row
    assert row["error_message"] == "KeyError: 'BTC'"
    assert "test_records.py" in row["error_stack"]


def test_secrets_and_personal_data_stay_out():
    row = error_record(
        "database",
        "cannot reach postgresql://tradeops:hunter22@db/x for ann@example.org",
        context={"api_key": "abcdefgh", "card": "4111 1111 1111 1111", "nested": [{"password": "hunter22"}]},
    ).row
    assert not any(secret in json.dumps(row) for secret in ("hunter22", "ann@", "abcdefgh", "4111"))


def test_a_megabyte_is_cut_and_says_so():
    row = error_record("api", "x" * 1_000_000, stack="y" * 1_000_000, context={"z": "z" * 1_000_000}).row
    assert len(row["error_message"]) < MESSAGE_LIMIT + 100 and "1000000 characters" in row["error_message"]
    assert len(row["error_stack"]) < STACK_LIMIT + 100
    assert len(json.dumps(row["context"])) < DETAILS_LIMIT


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_measurement_is_a_number(value):
    with pytest.raises(ValueError, match="no number"):
        metric_record("api_response", "http.kraken", value, "ms")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: error_record("nonsense", "x"), "error_type 'nonsense'"),
        (lambda: error_record("api", "x", severity="loud"), "severity 'loud'"),
        (lambda: error_record("api", "x", user_id="7"), "user_id '7' is no UUID"),
        (lambda: metric_record("speed", "x", 1, "ms"), "metric_type 'speed'"),
        (lambda: metric_record("api_response", "x", 1, "hours"), "unit 'hours'"),
        (lambda: feedback_record(None, "praise"), "feedback_type 'praise'"),
        (lambda: feedback_record(None, "bug_report", rating=6), "1 to 5"),
        (lambda: feedback_record(None, "bug_report", rating=True), "1 to 5"),
    ],
)
def test_what_the_tables_do_not_take_is_refused_in_words(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@given(st.text(), st.dictionaries(st.text(), st.text() | st.floats() | st.binary() | st.lists(st.text())))
def test_any_text_and_details_become_what_postgresql_can_hold(message, context):
    row = error_record("api", message, context=context).row
    text = json.dumps(row, allow_nan=False, ensure_ascii=False)
    assert "\x00" not in text and "\\u0000" not in text
    text.encode()  # no half characters
