import json
import math
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pandas as pd
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


ODD_KEYS = [
    (date(2026, 1, 2), "2026-01-02"),
    (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02 00:00:00+00:00"),
    (pd.Timestamp("2026-01-02", tz="UTC"), "2026-01-02 00:00:00+00:00"),
    (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    (Decimal("1.50"), "1.50"),
    (("BTC", "1h"), "('BTC', '1h')"),
    (7, "7"),
    (None, "null"),
    (True, "true"),
    (math.nan, "NaN"),
]


@pytest.mark.parametrize(("key", "text"), ODD_KEYS, ids=str)
def test_details_under_keys_of_any_type_are_kept(key, text):
    assert error_record("api", "x", context={"by": {key: 1}}).row["context"] == {"by": {text: 1}}


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (math.nan, "NaN"),
        ([math.inf, -math.inf], ["Infinity", "-Infinity"]),
        (Decimal("NaN"), "NaN"),
        (10**4000, "a number of 13288 bits"),
        (10**20, 10**20),
        (pd.NaT, "NaT"),
        ("half \udc80", "half ?"),
        (2 + 1j, "(2+1j)"),
    ],
    ids=["nan", "infinities", "decimal", "huge", "large", "nat", "half", "complex"],
)
def test_details_of_any_value_are_valid_json(value, kept):
    row = error_record("api", "x", context={"value": value}).row
    assert row["context"] == {"value": kept}
    json.dumps(row, allow_nan=False).encode()


def test_details_nested_without_end_are_kept_as_far_as_possible():
    deep = {}
    for _ in range(5_000):
        deep = {"a": deep}
    json.dumps(error_record("api", "x", context=deep).row)
