"""Reading a completion: what is taken out of its wrapping, which answers are unusable, what is counted."""

import json

import pytest

from include.llm import UnusableAnswerError
from include.llm.answers import read_choice, read_usage
from tests.llm.questions import PRICED, Verdict, ask
from tests.support.llm_endpoint import Said, completion, endpoint
from tests.support.trades import rows

VERDICT = '{"symbol": "BTC", "verdict": "a ``` fence and </think> in a text"}'
STRICT = PRICED.model_copy(update={"llm_unwrap_answers": False})


def read(content, *, unwrap=True, finish="stop", **message):
    choice = completion(content, finish=finish, **message)["choices"][0]
    return read_choice(choice, Verdict, unwrap=unwrap, most=300)


@pytest.mark.parametrize(
    "content",
    [
        VERDICT,
        f" \n{VERDICT}\n",
        f"```json\n{VERDICT}\n```",
        f"```\n{VERDICT}```\n",
        f"~~~JSON\n{VERDICT}\n~~~",
        f"<think>\nIs it {{fine}}?\n</think>\n\n{VERDICT}",
        f"so it is fine</think>{VERDICT}",
        f"<thinking>hm</thinking>\n```json\n{VERDICT}\n```",
        f"\ufeff{VERDICT}",
    ],
)
def test_what_is_wrapped_around_the_whole_of_an_answer_is_taken_off(content):
    assert read(content) == Verdict.model_validate_json(VERDICT)


@pytest.mark.parametrize(
    ("content", "alike"),
    [
        (f"Here you are:\n```json\n{VERDICT}\n```", "no JSON"),
        (f"```json\n{VERDICT}\n```\nBut I am not sure of it.", "no JSON"),
        (f"{VERDICT} That is all.", "no JSON"),
        ("It was fine.", "no JSON"),
        ('{"symbol": "BTC"}', "schema"),
        (json.dumps(VERDICT), "schema"),
        ("", "empty"),
        ("<think>only that</think>", "no JSON"),
    ],
)
def test_words_around_it_are_not(content, alike):
    with pytest.raises(UnusableAnswerError) as caught:
        read(content)
    assert (caught.value.outcome, caught.value.alike) == ("invalid", alike)


def test_the_setting_refuses_what_is_wrapped_and_names_itself(database):
    with endpoint(lambda *_: Said(completion(f"```json\n{VERDICT}\n```"))) as (url, _):
        assert ask(database, url).value.symbol == "BTC"
        with pytest.raises(UnusableAnswerError, match=r"in a Markdown fence; llm_unwrap_answers"):
            ask(database, url, STRICT)


def test_an_answer_of_thoughts_only_is_said_to_be_that():
    with pytest.raises(UnusableAnswerError, match=r"cut off at 300 tokens .*, all of them thinking"):
        read("", finish="length", reasoning_content="hm")
    with pytest.raises(UnusableAnswerError, match="empty, but for its thinking"):
        read(None, reasoning="hm")
    with pytest.raises(UnusableAnswerError, match="it calls a tool"):
        read(None, tool_calls=[{"id": "1"}])
    with pytest.raises(UnusableAnswerError, match="is no text"):
        read([{"type": "text", "text": VERDICT}])


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        {"prompt_tokens": 90, "completion_tokens": 0, "total_tokens": 90},
        {"prompt_tokens": 90, "total_tokens": 90},
        {"prompt_tokens": 0, "completion_tokens": 40, "total_tokens": 40},
    ],
)
def test_zeros_beside_an_answer_were_not_counted(database, usage):
    with endpoint(lambda *_: Said(completion(VERDICT, usage=usage))) as (url, _):
        assert ask(database, url).cost_usd is None
    ((spent, reserved),) = rows(
        database, "SELECT spent_usd, (SELECT reserved_usd FROM llm_calls) FROM llm_budget_days"
    )
    assert spent == reserved > 0, "the worst case"


def test_no_answer_may_take_no_tokens():
    filtered = completion("", finish="content_filter", usage={"prompt_tokens": 90, "completion_tokens": 0})
    usage = read_usage(json.dumps(filtered).encode())
    assert (usage.prompt_tokens, usage.completion_tokens) == (90, 0)
