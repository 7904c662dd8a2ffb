"""What an endpoint's error says: every vendor's wrapping, under any status, by real HTTP where the books count."""

import pytest

from include.llm import AnswerUnusable, ModelUnavailable
from include.llm.faults import judge, read_fault
from tests.llm.endpoint import Said, completion, endpoint
from tests.llm.questions import ask
from tests.trades.sweep import rows

VERDICT = '{"symbol": "BTC", "verdict": "fine"}'


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch):
    monkeypatch.setattr("include.llm.client.WAIT", 0.01)


@pytest.mark.parametrize(
    ("status", "body", "outcome", "words"),
    [
        # Gemini: a list around it
        (400, b'[{"error": {"code": 400, "message": "Key expired.", "status": "INVALID_ARGUMENT"}}]', "http_400", "Key expired."),
        (400, b'[{"error": {"code": "invalid_json_schema", "message": "No unions."}}]', "schema_refused", "No unions."),
        (400, b'[{"error": {"message": "Unknown name \\"additionalProperties\\" at schema"}}]', "schema_refused", "Unknown name"),
        (429, b'[{"error": {"code": 429, "message": "Quota of a minute.", "status": "RESOURCE_EXHAUSTED"}}]', "http_429", "Quota of a minute."),
        # FastAPI
        (503, b'{"detail": "still loading weights"}', "http_503", "still loading weights"),
        (422, b'{"detail": [{"loc": ["body", "n"], "msg": "not a number", "type": "int"}]}', "http_422", "body.n: not a number"),
        # LM Studio, Ollama
        (404, b'{"error": "model q not found"}', "http_404", "model q not found"),
        # vLLM
        (500, b'{"object": "error", "message": "engine died", "code": 500}', "http_500", "engine died"),
        # text and HTML
        (502, b"upstream is away", "http_502", "upstream is away"),
        (502, b"<!DOCTYPE html><html><head><title>Bad gateway</title><style>a{}</style></head><body><h1>No &amp; no</h1></body>", "http_502", "Bad gateway No & no"),
        (400, b"", "http_400", "it says nothing"),
        (400, b'{"error": {}}', "http_400", '{"error": {}}'),
        (400, b"\xff\xfe", "http_400", "HTTP 400"),
        # credit
        (402, b'{"message": "pay"}', "http_402", "pay"),
        (429, b'{"error": {"message": "no", "type": "insufficient_quota"}}', "insufficient_quota", "no"),
        (403, b'{"error": "You have run out of credits."}', "insufficient_quota", "run out of credits"),
        (400, b'{"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low to go on"}}', "insufficient_quota", "credit balance"),
        # the question's own
        (400, b'{"error": {"message": "This model\'s maximum context length is 4096 tokens.", "code": 400}}', "too_long", "4096"),
        (400, b'{"object": "error", "message": "maximum context length is 100 tokens", "code": 400}', "too_long", "100"),
        (500, b'{"error": {"type": "exceed_context_size_error", "message": "too big"}}', "too_long", "too big"),
        (400, b'{"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 8 maximum"}}', "too_long", "prompt"),
        (400, b'[{"error": {"message": "The input token count (9) exceeds the maximum number of tokens allowed (8)."}}]', "too_long", "exceeds"),
        (422, b'{"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8"}', "too_long", "inputs"),
        (413, b"", "too_long", "413"),
        # a limit of the minute is none of the question
        (429, b'{"error": {"message": "Too many tokens per minute", "code": "rate_limit_exceeded"}}', "http_429", "per minute"),
    ],
)  # fmt: skip
def test_the_words_of_every_vendor_are_found_and_decide(status, body, outcome, words):
    fault = read_fault(body)
    error = judge(status, fault, f"HTTP {status}: {fault.words or 'it says nothing'}")
    assert error.outcome == outcome
    assert words in error.words
    assert not error.billable


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
        ({"success": False, "errors": [{"code": 7003, "message": "no route"}]}, "error_in_answer", 3),
        (
            {**completion(""), "error": {"message": "provider away", "code": 502}, "usage": None},
            "http_502",
            3,
        ),
    ],
)
def test_an_error_under_200_is_that_error_and_costs_nothing(database, body, outcome, tries):
    with endpoint(lambda *_: Said(body)) as (url, requests), pytest.raises(ModelUnavailable) as caught:
        ask(database, url)
    assert caught.value.outcome == outcome
    assert len(requests) == tries
    assert rows(database, "SELECT spent_usd FROM llm_budget_days") == [(0,)]
    assert {row.reason for row in rows(database, "SELECT reason FROM llm_calls")} == {caught.value.words}


def test_an_error_that_counts_its_tokens_is_paid(database):
    usage = {"prompt_tokens": 90, "completion_tokens": 10, "total_tokens": 100}
    body = {**completion("", finish="error", usage=usage), "error": {"message": "broke off", "code": 400}}
    with endpoint(lambda *_: Said(body)) as (url, _), pytest.raises(ModelUnavailable, match="http_400"):
        ask(database, url)
    assert rows(database, "SELECT cost_usd > 0 FROM llm_calls") == [(True,)]


def test_an_answer_stands_though_something_calls_itself_an_error_beside_it(database):
    with endpoint(lambda *_: Said({**completion(VERDICT), "error": {}, "detail": "cached"})) as (url, _):
        assert ask(database, url).value.verdict == "fine"


def test_a_question_that_is_too_long_is_not_the_service_s_fault_under_200_either(database):
    body = {"error": {"message": "context window exceeded", "code": 400}}
    with (
        endpoint(lambda *_: Said(body)) as (url, _),
        pytest.raises(AnswerUnusable, match="too_long") as caught,
    ):
        ask(database, url)
    assert caught.value.final
    assert caught.value.cost_usd == 0


def test_words_are_redacted_and_cut(database):
    key = "word-of-nobody-else"
    body = {"detail": f"{key} " * 1000}
    with (
        endpoint(lambda *_: Said(body, 400)) as (url, _),
        pytest.raises(ModelUnavailable) as caught,
    ):
        ask(database, url, secret=key)
    assert key not in caught.value.words
    assert len(caught.value.words) <= 500


def test_a_redirect_is_not_followed_and_its_place_is_said(database):
    with endpoint(lambda *_: Said(completion(VERDICT))) as (other, stolen):
        place = f"{other}/chat/completions?key=hidden"
        for status in (301, 302, 307, 308):
            with (
                endpoint(lambda *_, s=status: Said(b"", s, {"location": place})) as (url, requests),
                pytest.raises(
                    ModelUnavailable, match=f"http_{status}: .*redirects to {other}/chat"
                ) as caught,
            ):
                ask(database, url)
            assert len(requests) == 1
            assert "hidden" not in caught.value.words
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
