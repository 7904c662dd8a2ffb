"""The imitated model, read by the openai package: facts into the schema, every way of failing."""

import json
from typing import Literal

import openai
import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

PROMPT = [
    {"role": "system", "content": 'Not these facts: {"symbol": "ETH"}'},
    {"role": "user", "content": 'An older question {"symbol": "SOL"}'},
    {"role": "assistant", "content": "An older answer"},
    {
        "role": "user",
        "content": 'Facts {as said}:\n{"trade": {"symbol": "BTC", "verdict": "bad"}, "confidence": 0.25} Go.',
    },
]


class Lesson(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str = Field(max_length=30)
    weight: int = Field(ge=1, le=5)


class Analysis(BaseModel):
    model_config = ConfigDict(extra="forbid")

    symbol: str
    verdict: Literal["good", "bad", "unclear"]
    mood: Literal["calm", "wild"]
    confidence: float = Field(ge=0, le=1)
    score: float = Field(gt=0, lt=100)
    summary: str
    lessons: list[Lesson] = Field(min_length=2)
    remark: str | None


@pytest.fixture
def client(sandbox):
    with openai.OpenAI(base_url=f"{sandbox.url}/llm/v1", api_key="k", max_retries=0, timeout=10) as connected:
        yield connected


def ask_chat(client, **options):
    return client.chat.completions.parse(
        model="sandbox-analyst", messages=PROMPT, response_format=Analysis, **options
    )


def ask_responses(client, **options):
    return client.responses.parse(model="sandbox-analyst", input=PROMPT, text_format=Analysis, **options)


def check(analysis):
    assert analysis.symbol == "BTC"
    assert analysis.verdict == "bad"
    assert analysis.confidence == 0.25
    assert 0 < analysis.score < 100
    assert len(analysis.lessons) == 2
    texts = [analysis.summary, analysis.remark, *(lesson.title for lesson in analysis.lessons)]
    assert all(text.startswith("Sandbox: ") for text in texts)
    assert not any(character.isdigit() for text in texts for character in text)


def test_chat_completions_parse(client):
    answer = ask_chat(client)
    check(answer.choices[0].message.parsed)
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "sandbox-analyst"
    assert answer.usage.prompt_tokens > 50 < answer.usage.completion_tokens
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert "sandbox" in answer.id


def test_responses_parse(client):
    answer = ask_responses(client)
    check(answer.output_parsed)
    assert (answer.status, answer.model, answer.error) == ("completed", "sandbox-analyst", None)
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert answer.usage.output_tokens > 50


def test_both_apis_give_the_same_answer_every_time(client):
    chat = [ask_chat(client).choices[0].message.parsed for _ in range(2)]
    assert chat[0] == chat[1] == ask_responses(client).output_parsed
    other = [*PROMPT[:-1], {"role": "user", "content": '{"symbol": "BTC", "day": 2}'}]
    answers = {
        client.chat.completions.parse(model="sandbox-analyst", messages=messages, response_format=Analysis)
        .choices[0]
        .message.parsed.score
        for messages in (PROMPT, other)
    }
    assert len(answers) == 2  # it is no constant


def test_parts_of_a_message_are_read(client):
    parts = [{"type": "text", "text": "Look:"}, {"type": "text", "text": '{"symbol": "DOT"}'}]
    answer = client.chat.completions.parse(
        model="sandbox-analyst", messages=[{"role": "user", "content": parts}], response_format=Analysis
    )
    assert answer.choices[0].message.parsed.symbol == "DOT"


def test_without_a_schema_it_talks(client):
    chat = client.chat.completions.create(model="sandbox-analyst", messages=PROMPT)
    assert chat.choices[0].message.content.startswith("Sandbox: ")
    spoken = client.responses.create(model="sandbox-trader", input="Hello", instructions="Be brief.")
    assert spoken.output_text.startswith("Sandbox: ")


def test_models_say_sandbox(client):
    assert all("sandbox" in model.id for model in client.models.list())
    with pytest.raises(openai.NotFoundError, match="gpt-5"):
        client.chat.completions.create(model="gpt-5", messages=PROMPT)


def test_refusal(client, sandbox):
    sandbox.fail("llm", "refusal")
    message = ask_chat(client).choices[0].message
    assert (message.parsed, message.content) == (None, None)
    assert message.refusal.startswith("Sandbox: ")
    answer = ask_responses(client)
    assert answer.output_parsed is None
    assert answer.output[0].content[0].type == "refusal"


def test_length(client, sandbox):
    sandbox.fail("llm", "length")
    with pytest.raises(openai.LengthFinishReasonError):
        ask_chat(client)
    raw = client.responses.create(model="sandbox-analyst", input=PROMPT)
    assert (raw.status, raw.incomplete_details.reason) == ("incomplete", "max_output_tokens")


def test_length_by_the_limit_of_the_request(client):
    with pytest.raises(openai.LengthFinishReasonError):
        ask_chat(client, max_completion_tokens=5)
    assert ask_chat(client, max_completion_tokens=5_000).choices[0].finish_reason == "stop"
    raw = client.responses.create(model="sandbox-analyst", input=PROMPT, max_output_tokens=3)
    assert raw.incomplete_details.reason == "max_output_tokens"
    assert raw.usage.output_tokens == 3


def test_content_filter(client, sandbox):
    sandbox.fail("llm", "content_filter")
    with pytest.raises(openai.ContentFilterFinishReasonError):
        ask_chat(client)
    raw = client.responses.create(model="sandbox-analyst", input=PROMPT)
    assert (raw.status, raw.incomplete_details.reason) == ("incomplete", "content_filter")


def test_wrong_schema(client, sandbox):
    sandbox.fail("llm", "wrong_schema")
    for ask in (ask_chat, ask_responses):
        with pytest.raises(ValidationError, match="symbol"):
            ask(client)


def test_insufficient_quota_is_a_429_that_the_client_retries(sandbox):
    sandbox.fail("llm", "insufficient_quota")
    with (
        openai.OpenAI(base_url=f"{sandbox.url}/llm/v1", api_key="k", max_retries=1) as client,
        pytest.raises(openai.RateLimitError) as caught,
    ):
        ask_chat(client)
    assert caught.value.code == "insufficient_quota"
    assert [request["status"] for request in sandbox.requests("llm")] == [429, 429]
    assert [request["fault"] for request in sandbox.requests("llm")] == ["insufficient_quota"] * 2


def test_faults_can_be_for_one_symbol(client, sandbox):
    sandbox.fail("llm", "refusal", match={"symbol": "ETH"})
    assert ask_chat(client).choices[0].message.refusal is None
    sandbox.fail("llm", "refusal", match={"symbol": "BTC"})
    assert ask_chat(client).choices[0].message.refusal


def test_the_client_recovers_from_429_and_500(sandbox):
    sandbox.fail("llm", "status", status=429, retry_after=0, times=1)
    sandbox.fail("llm", "status", status=500, times=1)
    with openai.OpenAI(base_url=f"{sandbox.url}/llm/v1", api_key="k", max_retries=2) as client:
        check(ask_chat(client).choices[0].message.parsed)
    assert [request["status"] for request in sandbox.requests("llm")] == [429, 500, 200]


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"model": None}, 400, "model"),
        ({"messages": []}, 400, "messages"),
        ({"stream": True}, 400, "no streams"),
        ({"tools": [{}]}, 400, "no tools"),
        ({"n": 2}, 400, "n > 1"),
        ({"response_format": {"type": "json_object"}}, 400, "json_schema"),
        ({"response_format": "text"}, 400, "json_schema"),
        ({"response_format": {"type": "json_schema"}}, 400, "needs its schema"),
    ],
)
def test_what_it_cannot_do_is_refused(sandbox, change, status, words):
    body = {"model": "sandbox-analyst", "messages": PROMPT, **change}
    answer = sandbox.http.post("/llm/v1/chat/completions", json=body, headers={"Authorization": "Bearer k"})
    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]


def test_a_key_is_demanded(sandbox):
    answer = sandbox.http.post("/llm/v1/responses", json={"model": "sandbox-analyst", "input": "hi"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize("spoil", ["additionalProperties", "required"])
def test_a_schema_that_is_not_strict_is_refused_as_by_openai(client, spoil):
    schema = Analysis.model_json_schema()
    schema["$defs"]["Lesson"].pop(spoil)
    form = {"name": "analysis", "strict": True, "schema": schema}
    with pytest.raises(openai.BadRequestError, match="Invalid schema for 'analysis'"):
        client.chat.completions.create(
            model="sandbox-analyst",
            messages=PROMPT,
            response_format={"type": "json_schema", "json_schema": form},
        )
    loose = client.chat.completions.create(
        model="sandbox-analyst",
        messages=PROMPT,
        response_format={"type": "json_schema", "json_schema": {**form, "strict": False}},
    )
    assert json.loads(loose.choices[0].message.content)["symbol"] == "BTC"
