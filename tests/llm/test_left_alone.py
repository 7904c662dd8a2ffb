"""Models that are left alone for a while: those that ask for it, and those that fail every question alike."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from include.llm import ModelUnavailableError, UnusableAnswerError
from include.llm.client import _retry_after, _without_secrets
from include.llm.ledger import MAX_ALIKE_ANSWERS
from tests.llm.questions import PRICED, ask, ask_many
from tests.support.llm_endpoint import Said, completion, endpoint
from tests.support.trades import rows, run

VERDICT = '{"symbol": "BTC", "verdict": "fine"}'
BUSY = {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch):
    monkeypatch.setattr("include.llm.client.FIRST_RETRY_WAIT", 0.01)


def fails(database, url, match, kind=UnusableAnswerError, **options):
    with pytest.raises(kind, match=match):
        ask(database, url, **options)


def test_nobody_asks_before_the_service_said(database):
    """Neither the question that was told, nor the others that are under way at the same time."""
    at = []

    def say(_asked, number):
        at.append(time.monotonic())
        return Said(BUSY, 429, {"retry-after": "2"}) if number == 1 else Said(completion(VERDICT))

    with endpoint(say) as (url, _):
        answers = ask_many(database, url, PRICED, 3, at_once=1)
        assert [answer.value.verdict for answer in answers] == ["fine"] * 3
    assert at[1] - at[0] >= 2


@pytest.mark.parametrize("as_date", [False, True])
def test_a_longer_wait_than_the_question_s_time_gives_it_up_and_holds_for_the_next_ones(database, as_date):
    value = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True) if as_date else "90"
    with endpoint(lambda *_: Said(BUSY, 503, {"retry-after": value})) as (url, requests):
        fails(database, url, "http_503", ModelUnavailableError)
        fails(
            database,
            url,
            r"paused: the service .* \(Retry-After\).*slow down; not asked before ",
            ModelUnavailableError,
        )
        fails(database, url, "paused", ModelUnavailableError, purpose="signal")
        assert len(requests) == 1
        assert len(rows(database, "SELECT FROM atge_error_logs")) == 1, "told once"
        run(database, "DELETE FROM llm_endpoints")
        fails(database, url, "http_503", ModelUnavailableError)
        assert len(requests) == 2
    assert {row.cost_usd for row in rows(database, "SELECT cost_usd FROM llm_calls")} == {0}


def test_a_pause_from_the_future_stops_nobody(database):
    """A clock that was wrong for a minute has written it."""
    with endpoint(lambda *_: Said(completion(VERDICT))) as (url, _):
        run(
            database,
            "INSERT INTO llm_endpoints (address, model, paused_for, paused_at, paused_until, reason) VALUES "
            "(:address, 'sandbox-analyst', 'alike', now() + interval '1 d', now() + interval '2 d', 'x')",
            address=url,
        )
        assert ask(database, url).value.verdict == "fine"


@pytest.mark.parametrize(
    "body",
    [
        completion("It was fine."),
        completion('{"other": "shape"}'),
        completion("", finish="length", reasoning_content="hm"),
        completion(None, reasoning="hm"),
    ],
    ids=["prose", "shape", "cut thoughts", "thoughts"],
)
def test_a_model_that_fails_every_question_alike_is_left_alone_after_a_few(database, body):
    with endpoint(lambda *_: Said(body)) as (url, requests):
        for _ in range(MAX_ALIKE_ANSWERS):
            fails(database, url, "^(invalid|length)")
        for _ in range(3):
            fails(
                database,
                url,
                "paused: .* failed the last 4 questions in the same way.*the answer",
                ModelUnavailableError,
            )
        assert len(requests) == MAX_ALIKE_ANSWERS
        run(database, "UPDATE llm_endpoints SET paused_until = now()")
        fails(database, url, "^(invalid|length)")
        fails(database, url, "paused: .* last 5 questions", ModelUnavailableError)
        assert len(requests) == MAX_ALIKE_ANSWERS + 1, "one question tries whether it works again"


def test_a_usable_answer_in_between_or_another_kind_begins_the_count_anew(database):
    bodies = (
        [completion("prose")] * 3
        + [completion(VERDICT)]
        + [completion("prose")] * 3
        + [completion('{"a": 1}')] * 3
    )

    with endpoint(lambda _asked, number: Said(bodies[number - 1])) as (url, requests):
        for _ in bodies:
            with_error = ask_many(database, url, PRICED, 1)
            assert getattr(with_error[0], "outcome", "answered") != "paused"
        assert len(requests) == len(bodies)
    assert rows(database, "SELECT alike, alike_in_row, paused_until FROM llm_endpoints") == [
        ("schema", 3, None)
    ]


def test_refusals_tell_of_the_questions_before_they_tell_of_the_model(database):
    body = completion(None, refusal="I will not.")
    with endpoint(lambda *_: Said(body)) as (url, requests):
        for _ in range(12):
            fails(database, url, "refusal")
        fails(database, url, "paused", ModelUnavailableError)
        assert len(requests) == 12


def test_another_address_or_model_is_asked(database):
    with (
        endpoint(lambda *_: Said(completion("prose"))) as (url, _),
        endpoint(lambda *_: Said(completion(VERDICT))) as (well, _),
    ):
        ask_many(database, url, PRICED, MAX_ALIKE_ANSWERS + 1, at_once=1)
        assert ask(database, well).value.verdict == "fine"
        unpriced = PRICED.model_copy(update={"llm_daily_budget_usd": None})
        fails(database, url, "invalid", settings=unpriced, model="another")


def test_addresses_are_kept_without_what_may_be_secret():
    assert _without_secrets("https://me:pw@host.example:8443/v1/?key=abc#x") == "https://host.example:8443/v1"


@pytest.mark.parametrize("value", ["", "soon", "-5", "0", "nan", "inf", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_what_is_no_wait_is_none(value):
    assert _retry_after({"retry-after": value}) is None
