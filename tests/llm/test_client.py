"""The client over real HTTP: each way in which a model answers or fails, and what the books say of it."""

import json
import threading
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from include.llm import LanguageModel, ModelUnavailableError, UnusableAnswerError
from include.settings import Endpoint, Settings
from tests.llm.questions import PRICED, TRADE, USER, Verdict, ask, ask_many
from tests.support.trades import rows

UNPRICED = Settings(llm_prices={}, llm_daily_budget_usd=None)


@pytest.fixture
def url(sandbox, monkeypatch):
    # The waits between tries are stamina's business; here they only cost time.
    monkeypatch.setattr("include.llm.client.FIRST_RETRY_WAIT", 0.01)
    return f"{sandbox.url}/llm/v1"


def calls(database):
    return rows(database, "SELECT * FROM llm_calls ORDER BY at")


@contextmanager
def endpoint_that_says(status, body):
    """An endpoint with one answer, for what the sandbox has no fault for."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()


def completion(content, **changes):
    """A chat completion as OpenAI shapes it."""
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-9-2030-01-01",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150},
        **changes,
    }


def test_an_answer_is_checked_counted_priced_and_on_the_books(database, url):
    answer = ask(database, url)
    assert answer.value.symbol == "BTC"
    assert answer.prompt_tokens > 10 < answer.completion_tokens
    assert answer.cost_usd == (2 * answer.prompt_tokens + 8 * answer.completion_tokens) / Decimal(1_000_000)
    (call,) = calls(database)
    assert (call.outcome, call.reason, call.purpose) == ("answered", None, "post_mortem")
    assert (call.model_asked, call.model_answered) == ("sandbox-analyst", "sandbox-analyst")
    assert (call.prompt_tokens, call.completion_tokens) == (answer.prompt_tokens, answer.completion_tokens)
    assert call.cost_usd == answer.cost_usd <= call.reserved_usd
    assert (str(call.trade_signal_id), str(call.user_id)) == (TRADE, USER)
    assert 0 < call.seconds <= answer.seconds + 0.001


@pytest.mark.parametrize(
    ("fault", "outcome", "final"),
    [
        ("length", "length", False),
        ("wrong_schema", "invalid", False),
        ("refusal", "refusal", True),
        ("content_filter", "content_filter", True),
    ],
)
def test_an_unusable_answer_was_paid_all_the_same(database, url, sandbox, fault, outcome, final):
    sandbox.fail("llm", fault)
    with pytest.raises(UnusableAnswerError) as caught:
        ask(database, url)
    assert (caught.value.outcome, caught.value.final) == (outcome, final)
    (call,) = calls(database)
    assert call.outcome == outcome
    assert call.reason == caught.value.message
    assert call.prompt_tokens > 0
    assert call.cost_usd == caught.value.cost_usd > 0


@pytest.mark.parametrize(
    ("fault", "outcome", "tries", "transient"),
    [
        ({"kind": "status", "status": 500}, "http_500", 3, True),
        ({"kind": "status", "status": 429}, "http_429", 3, True),
        ({"kind": "status", "status": 409}, "http_409", 3, True),
        ({"kind": "status", "status": 401}, "http_401", 1, False),
        ({"kind": "status", "status": 403}, "http_403", 1, False),
        ({"kind": "status", "status": 404}, "http_404", 1, False),
        ({"kind": "status", "status": 400}, "http_400", 1, False),
        ({"kind": "insufficient_quota"}, "insufficient_quota", 1, False),
    ],
)
def test_retries_where_they_help_and_none_where_they_never_will(
    database, url, sandbox, fault, outcome, tries, transient
):
    sandbox.fail("llm", **fault)
    with pytest.raises(ModelUnavailableError) as caught:
        ask(database, url)
    assert (caught.value.outcome, caught.value.transient) == (outcome, transient)
    assert len(sandbox.requests("llm")) == tries
    booked = calls(database)
    assert [call.outcome for call in booked] == [outcome] * tries, "each try is a row"
    assert {call.cost_usd for call in booked} == {0}, "an error in place of an answer costs nothing"


@pytest.mark.parametrize("kind", ["reset", "garbage", "html", "truncated", "empty"])
def test_what_may_have_been_answered_counts_as_the_worst_case(database, url, sandbox, kind):
    sandbox.fail("llm", kind, times=1)
    assert ask(database, url).value.symbol == "BTC"
    failed, answered = calls(database)
    assert failed.outcome == ("unreachable" if kind in ("reset", "truncated") else "garbled")
    assert failed.cost_usd is None
    ((spent,),) = rows(database, "SELECT spent_usd FROM llm_budget_days")
    assert spent == failed.reserved_usd + answered.cost_usd


def test_nobody_listens_and_nothing_is_owed(database, monkeypatch):
    monkeypatch.setattr("include.llm.client.FIRST_RETRY_WAIT", 0.01)
    with pytest.raises(ModelUnavailableError, match="unreachable: no connection to the model") as caught:
        ask(database, "http://127.0.0.1:9/v1")
    assert caught.value.transient
    assert {(call.outcome, call.cost_usd) for call in calls(database)} == {("unreachable", 0)}


def test_a_passing_fault_is_healed_by_a_retry(database, url, sandbox):
    sandbox.fail("llm", "status", status=503, times=2)
    assert ask(database, url).value.symbol == "BTC"
    assert [call.outcome for call in calls(database)] == ["http_503", "http_503", "answered"]


def test_retry_after_is_honoured_within_the_time_of_the_question(database, url, sandbox):
    sandbox.fail("llm", "status", status=429, retry_after=1, times=1)
    assert ask(database, url).seconds >= 1
    sandbox.fail("llm", "status", status=429, retry_after=5, times=1)
    with pytest.raises(ModelUnavailableError, match="http_429"):
        ask(database, url, timeout=timedelta(seconds=2))


@pytest.mark.parametrize("fault", [{"kind": "hang"}, {"kind": "slow_drip", "seconds": 5}])
def test_the_timeout_is_hard_however_the_answer_dawdles(database, url, sandbox, fault):
    sandbox.fail("llm", **fault)
    with pytest.raises(ModelUnavailableError, match=r"timeout: no answer within 0\.3 s"):
        ask(database, url, timeout=timedelta(seconds=0.3))
    (call,) = calls(database)
    assert call.outcome == "timeout"
    assert call.seconds < 3
    assert call.cost_usd is None, "it may have been answered to nobody"


def test_a_check_may_reject_an_answer(database, url):
    def check(verdict: Verdict) -> None:
        raise UnusableAnswerError("invented", f"{verdict.symbol} is made up")

    with pytest.raises(UnusableAnswerError, match="invented: BTC is made up") as caught:
        ask(database, url, check=check)
    assert [(call.outcome, call.reason) for call in calls(database)] == [("invented", "BTC is made up")]
    assert caught.value.cost_usd > 0


def test_the_request_bounds_the_answer_and_demands_a_strict_schema(database, url, monkeypatch):
    import openai

    asked = {}
    parse = openai.resources.chat.completions.AsyncCompletions.parse

    async def listen(self, **arguments):
        asked.update(arguments)
        return await parse(self, **arguments)

    monkeypatch.setattr(openai.resources.chat.completions.AsyncCompletions, "parse", listen)
    ask(database, url)
    assert asked["max_completion_tokens"] == PRICED.llm_answer_length
    assert asked["response_format"] is Verdict
    assert json.loads(asked["messages"][1]["content"]) == {"symbol": "BTC"}


def test_an_answer_longer_than_allowed_is_cut_and_said_so(database, url):
    short = PRICED.model_copy(update={"llm_answer_length": 5})
    with pytest.raises(UnusableAnswerError, match=r"length: the answer was cut off at 5 tokens"):
        ask(database, url, short)


@pytest.mark.parametrize(
    ("code", "param", "outcome"),
    [
        ("content_filter", None, "content_filter"),
        ("context_length_exceeded", "messages", "too_long"),
        ("invalid_json_schema", "response_format", "schema_refused"),
        (None, "response_format.json_schema", "schema_refused"),
        ("unsupported_parameter", "max_completion_tokens", "http_400"),
    ],
)
def test_a_400_says_whether_the_question_or_the_service_is_wrong(database, code, param, outcome):
    error = {"message": "no", "type": "invalid_request_error", "param": param, "code": code}
    of_the_question = outcome in ("content_filter", "too_long")
    with (
        endpoint_that_says(400, {"error": error}) as url,
        pytest.raises(UnusableAnswerError if of_the_question else ModelUnavailableError) as caught,
    ):
        ask(database, url)
    assert caught.value.outcome == outcome
    ((cost, tries),) = rows(database, "SELECT sum(cost_usd), count(*) FROM llm_calls")
    assert (cost, tries) == (0, 1)


def test_thinking_that_is_left_out_of_the_completion_is_counted(database):
    usage = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 900}
    text = '{"symbol": "BTC", "verdict": "fine"}'
    with endpoint_that_says(200, completion(text, usage=usage)) as url:
        answer = ask(database, url)
    assert (answer.model, answer.prompt_tokens, answer.completion_tokens) == ("gpt-9-2030-01-01", 100, 800)


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # the library's, of such an answer
@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": -1}, {"prompt_tokens": "many"}, []])
def test_a_provider_that_does_not_count_leaves_the_cost_unknown(database, usage):
    text = '{"symbol": "BTC", "verdict": "fine"}'
    with endpoint_that_says(200, completion(text, usage=usage)) as url:
        assert ask(database, url).cost_usd is None
    assert calls(database)[0].cost_usd is None


@pytest.mark.parametrize(
    ("content", "choices"),
    [("no JSON", None), ("", None), ('{"symbol": "BTC"}', None), (None, None), (None, [])],
)
def test_what_is_no_answer_is_invalid(database, content, choices):
    body = completion(content) if choices is None else completion(content, choices=choices)
    with endpoint_that_says(200, body) as url, pytest.raises(UnusableAnswerError, match=r"^invalid: "):
        ask(database, url)
    assert calls(database)[0].cost_usd > 0


UNSTORABLE = "no\x00 \ud800"  # PostgreSQL takes neither the zero byte nor half a character


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, {"message": {"role": "assistant", "content": None, "refusal": UNSTORABLE}}, "refusal"),
        (200, {"message": {"role": "assistant", "content": UNSTORABLE}}, "invalid"),
        (200, {"message": {"role": "assistant", "content": json.dumps({"\x00": 1})}}, "invalid"),
        (500, {"error": {"message": UNSTORABLE}}, "http_500"),
        (401, {"error": {"message": UNSTORABLE}}, "http_401"),
        (400, {"error": {"message": UNSTORABLE, "code": "content_filter"}}, "content_filter"),
    ],
)
def test_what_postgresql_cannot_hold_is_an_outcome_with_its_reason(
    database, monkeypatch, status, body, outcome
):
    monkeypatch.setattr("include.llm.client.FIRST_RETRY_WAIT", 0.01)
    if status == 200:
        body = completion(None, choices=[{"index": 0, "finish_reason": "stop", **body}])
    with (
        endpoint_that_says(status, body) as url,
        pytest.raises((UnusableAnswerError, ModelUnavailableError)) as caught,
    ):
        ask(database, url)
    assert caught.value.outcome == outcome
    assert {(call.outcome, call.reason) for call in calls(database)} == {(outcome, caught.value.message)}
    assert "\x00" not in str(caught.value) and "\ud800" not in str(caught.value)


def test_the_name_of_a_model_may_hold_what_postgresql_cannot(database):
    text = '{"symbol": "BTC", "verdict": "fine"}'
    with endpoint_that_says(200, completion(text, model="m" + UNSTORABLE)) as url:
        assert ask(database, url).model == "mno� ?"
    assert calls(database)[0].model_answered == "mno� ?"


def test_secrets_stay_out_of_the_books(database):
    key = "plain-looking-secret-of-someone"
    body = {"error": {"message": f"Incorrect API key provided: {key}", "code": "invalid_api_key"}}
    with endpoint_that_says(401, body) as url, pytest.raises(ModelUnavailableError) as caught:
        ask(database, url, secret=key)
    assert key not in str(caught.value)
    assert key not in calls(database)[0].reason


def test_a_model_without_a_price_is_asked_only_without_a_budget(database, url, sandbox):
    with pytest.raises(
        ModelUnavailableError, match="unpriced: the model sandbox-analyst has no price"
    ) as caught:
        ask(database, url, Settings(llm_prices={}))
    assert not caught.value.transient
    assert sandbox.requests("llm") == []
    assert ask(database, url, UNPRICED).cost_usd is None
    refused, answered = calls(database)
    assert (refused.outcome, refused.cost_usd) == ("unpriced", 0)
    assert (answered.outcome, answered.cost_usd, answered.reserved_usd) == ("answered", None, None)


def test_a_free_model_costs_nothing_even_when_the_budget_is_spent(database, url):
    free = Settings(llm_daily_budget_usd=0)
    assert ask(database, url, free).cost_usd == 0


def test_the_client_can_be_opened_without_any_key(database, url, sandbox):
    assert ask(database, url, secret=None).value.symbol == "BTC"
    assert isinstance(
        LanguageModel(
            Endpoint(url), "sandbox", engine=database, settings=PRICED, purpose="probe", timeout=timedelta(1)
        ),
        LanguageModel,
    )


def test_answers_do_not_wait_for_each_other(database, url, sandbox):
    sandbox.fail("llm", "latency", seconds=0.3)
    answers = ask_many(database, url, PRICED, 12)
    assert {answer.value.symbol for answer in answers} == {"BTC"}
    ((together,),) = rows(
        database,
        "SELECT EXISTS (SELECT FROM llm_calls AS one JOIN llm_calls AS other "
        "ON other.at > one.at AND other.at < one.at + make_interval(secs => one.seconds::float))",
    )
    assert together, "one began before another ended"
