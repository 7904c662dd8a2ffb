from datetime import timedelta
from decimal import Decimal

import pytest

from include.humanize import (
    age_text,
    ago_text,
    count_text,
    decimal_text,
    duration_text,
    figure_text,
    money_text,
    number_text,
    price_text,
)


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (timedelta(seconds=-5), "0 min"),
        (timedelta(seconds=59), "0 min"),
        (timedelta(minutes=119), "119 min"),
        (timedelta(hours=2), "2 h"),
        (timedelta(hours=47, minutes=59), "47 h"),
        (timedelta(days=2), "2 days"),
    ],
)
def test_an_age_is_said_roughly(age, said):
    assert age_text(age) == said


def test_a_number_takes_its_word():
    assert count_text(1, "batch", "batches") == "1 batch"
    assert count_text(2, "batch", "batches") == "2 batches"
    assert count_text(0, "row") == "0 rows"


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=-59), "just now"),
        (timedelta(minutes=3), "3 min ago"),
        (timedelta(hours=-5), "in 5 h"),
    ],
)
def test_a_moment_lies_back_or_ahead(age, said):
    assert ago_text(age) == said


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0.00 USD"), ("1234.5", "1,234.50 USD"), ("-3.456", "-3.46 USD"), ("0.5", "0.50 USD"),
        ("0.00123", "0.0012 USD"), ("1e-12", "0.00 USD"), ("NaN", "NaN USD"), ("Infinity", "Infinity USD"),
    ],
)  # fmt: skip
def test_money(amount, text):
    assert money_text(Decimal(amount)) == text


def test_numbers():
    assert number_text(1_234_567) == "1,234,567"


@pytest.mark.parametrize(
    ("number", "unit", "limit", "said"),
    [
        (44.0299, "%", 45, "44.0 %"),
        (44.96, "%", 45, "44.96 %"),
        (45, "%", 45, "45.0 %"),
        (99.9963, "%", None, "100.0 %"),
        (1234.567, "ms", 500, "1,235 ms"),
        (97, "", None, "97"),
        (15.25, "", None, "15.2"),
        (0.012345, "", None, "0.0123"),
        (1e-300, "", None, "0"),
        (-3.5, "s", None, "-3.5 s"),
        (0, "", 0, "0"),
        (float("nan"), "%", 1, "nan %"),
        (float("inf"), "", None, "inf"),
        (1e22, "", None, "10,000,000,000,000,000,000,000"),
    ],
)
def test_a_figure_has_the_digits_that_people_need(number, unit, limit, said):
    assert figure_text(number, unit, limit) == said


@pytest.mark.parametrize(
    ("price", "said"),
    [
        ("64123.5", "64,123.50"),
        ("1.23456", "1.2346"),
        ("12.3456", "12.346"),
        ("100", "100.00"),
        ("0.0000123456", "0.000012346"),
        ("0.5", "0.50"),
        ("0", "0.00"),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("1e400", "1.000e+400"),
        ("1e-30", "1.000e-30"),
    ],
)
def test_a_price_has_the_digits_of_its_size(price, said):
    assert price_text(Decimal(price)) == said


def test_money_of_any_size():
    assert money_text(Decimal("1234.4967")) == "1,234.50 USD"
    assert money_text(Decimal("-0.75"), "") == "-0.75"
    assert money_text(Decimal("1e400")) == "1.000e+400 USD"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.84, "0.8 s"), (45, "45 s"), (210, "3.5 min"), (93_600, "26.0 h"), (362_880, "4.2 days")],
)
def test_durations(seconds, text):
    assert duration_text(seconds) == text
    assert duration_text(float("inf")) == "inf s"


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.5, "1,234.50"), (-0.001, "0.00"), (None, "–"), (Decimal("NaN"), "no number")],
)
def test_a_number_or_none(value, text):
    assert decimal_text(value) == text
