"""What an endpoint's error says: every vendor's wrapping, under any status, over real HTTP."""

from pathlib import Path

import pytest
import yaml

from include.llm import ModelUnavailableError, UnusableAnswerError
from include.llm.faults import judge, read_fault
from tests.llm.questions import ask
from tests.support.llm_endpoint import Said, completion, endpoint
from tests.support.trades import rows

VERDICT = '{"symbol": "BTC", "verdict": "fine"}'


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch):
    monkeypatch.setattr("include.llm.client.FIRST_RETRY_WAIT", 0.01)


@pytest.mark.parametrize("said", yaml.safe_load(Path(__file__).with_name("errors.yaml").read_text()))
def test_the_words_of_every_vendor_are_found_and_decide(said):
    fault = read_fault(said["body"].encode())
    error = judge(said["status"], fault, f"HTTP {said['status']}: {fault.message or 'it says nothing'}")
    assert error.outcome == said["outcome"]
    assert said["words"] in error.message
    assert not error.billable


def test_bytes_that_are_no_text_are_no_trouble():
    assert judge(400, read_fault(b"\xff\xfe"), "HTTP 400").outcome == "http_400"


@pytest.mark.parametrize(
    ("body", "outcome", "tries"),
    [
        ({"choices": None, "error": {"message": "Not enough money here", "code": 402}}, "http_402", 1),
        ({"error": {"message": "slow down", "code": "429"}}, "http_429", 3),
        (
            {"choices": [], "error": {"message": "upstream", "code": 503}, "usage": {"prompt_tokens": 0}},
            "http_503",
            3,
        ),
        ({"error": {"message": "who are you", "type": "authentication_error"}}, "http_401", 1),
        ({"detail": "the model wakes up"}, "error_in_answer", 3),
        ([{"error": {"message": "no such model", "status": "NOT_FOUND"}}], "http_404", 1),
        ({"object": "error", "message": "bad", "code": 400}, "http_400", 1),
        ({"base_resp": {"status_msg": "insufficient balance"}, "choices": None}, "insufficient_quota", 1),
        ({"choices": None, "error_code": 17, "error_msg": "try later"}, "error_in_answer", 3),
        ({"success": False, "errors": [{"code": 7003, "message": "no route"}]}, "error_in_answer", 3),
        (
            {**completion(""), "error": {"message": "provider away", "code": 502}, "usage": None},
            "http_502",
            3,
        ),
    ],
)
def test_an_error_under_200_is_that_error_and_costs_nothing(database, body, outcome, tries):
    with endpoint(lambda *_: Said(body)) as (url, requests), pytest.raises(ModelUnavailableError) as caught:
        ask(database, url)
    assert caught.value.outcome == outcome
    assert len(requests) == tries
    assert rows(database, "SELECT spent_usd FROM llm_budget_days") == [(0,)]
    assert {row.reason for row in rows(database, "SELECT reason FROM llm_calls")} == {caught.value.message}


def test_an_error_that_counts_its_tokens_is_paid(database):
    usage = {"prompt_tokens": 90, "completion_tokens": 10, "total_tokens": 100}
    body = {**completion("", finish="error", usage=usage), "error": {"message": "broke off", "code": 400}}
    with endpoint(lambda *_: Said(body)) as (url, _), pytest.raises(ModelUnavailableError, match="http_400"):
        ask(database, url)
    assert rows(database, "SELECT cost_usd > 0 FROM llm_calls") == [(True,)]


def test_an_answer_stands_though_something_calls_itself_an_error_beside_it(database):
    with endpoint(lambda *_: Said({**completion(VERDICT), "error": {}, "detail": "cached"})) as (url, _):
        assert ask(database, url).value.verdict == "fine"


def test_a_question_that_is_too_long_is_not_the_service_s_fault_under_200_either(database):
    body = {"error": {"message": "context window exceeded", "code": 400}}
    with (
        endpoint(lambda *_: Said(body)) as (url, _),
        pytest.raises(UnusableAnswerError, match="too_long") as caught,
    ):
        ask(database, url)
    assert caught.value.final
    assert caught.value.cost_usd == 0


def test_words_are_redacted_and_cut(database):
    key = "word-of-nobody-else"
    body = {"detail": f"{key} " * 1000}
    with (
        endpoint(lambda *_: Said(body, 400)) as (url, _),
        pytest.raises(ModelUnavailableError) as caught,
    ):
        ask(database, url, secret=key)
    assert key not in caught.value.message
    assert len(caught.value.message) <= 500


def test_a_redirect_is_not_followed_and_its_place_is_said(database):
    with endpoint(lambda *_: Said(completion(VERDICT))) as (other, stolen):
        place = f"{other}/chat/completions?key=hidden"
        for status in (301, 302, 307, 308):
            with (
                endpoint(lambda *_, s=status: Said(b"", s, {"location": place})) as (url, requests),
                pytest.raises(
                    ModelUnavailableError, match=f"http_{status}: .*redirects to {other}/chat"
                ) as caught,
            ):
                ask(database, url)
            assert len(requests) == 1
            assert "hidden" not in caught.value.message
    assert stolen == [], "the facts went to another host"


def test_used_up_credit_ends_the_questions_of_a_client_at_once(database):
    from tests.llm.questions import PRICED, ask_many

    def say(_asked, number):
        return Said(completion(VERDICT)) if number == 1 else Said({"error": "no credits left"}, 403)

    with endpoint(say) as (url, requests):
        answers = ask_many(database, url, PRICED, 30, at_once=1)
    assert len(requests) == 2
    assert {getattr(answer, "outcome", "answered") for answer in answers} == {
        "answered",
        "insufficient_quota",
    }
