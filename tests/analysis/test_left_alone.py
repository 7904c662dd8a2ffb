"""Sweeps whose model fails every question alike, or some question alone; and what a kill leaves."""

import json
from decimal import Decimal

import pytest
from sqlalchemy import event

from include.analysis import analyse_settled
from include.llm.ledger import MAX_ALIKE_ANSWERS
from include.settings import Endpoint, ModelPrice, Settings
from tests.support.llm_endpoint import Said, completion, endpoint
from tests.support.settled import settled
from tests.support.trades import rows, run

SOUND = json.dumps({
    "what_happened": "The targets were reached.", "why": "The price rose.", "signal_got_right": "",
    "signal_got_wrong": "", "lessons": ["Wait."], "confidence": "high", "tags": [],
})  # fmt: skip
PRICED = {"llm_prices": {"m": ModelPrice(prompt=Decimal(3), completion=Decimal(15))}, "analysis_model": "m"}
SETTINGS = Settings(**PRICED)
STRICT = Settings(**PRICED, llm_unwrap_answers=False)


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch):
    monkeypatch.setattr("include.llm.client.FIRST_RETRY_WAIT", 0.01)


def states(database):
    return dict(rows(database, "SELECT state, count(*) FROM missing_analyses GROUP BY 1"))


def due_again(database):
    run(database, "UPDATE analysis_claims SET next_attempt_at = NULL")


@pytest.mark.parametrize(
    "body",
    [
        completion(f"```\n{SOUND}\n```"),
        completion(f"<think>hm</think>{SOUND}"),
        completion("", finish="length", reasoning_content="hm"),
        completion("I cannot do JSON."),
    ],
    ids=["fences", "thinking first", "thinking only", "prose"],
)
@pytest.mark.parametrize("attempts", [1, 5])
def test_a_model_that_fails_every_question_is_asked_a_few_and_no_trade_pays_for_it(database, body, attempts):
    settled(database, 30)
    settings = STRICT.model_copy(update={"analysis_attempts": attempts})
    with endpoint(lambda *_: Said(body)) as (url, requests):
        for number in range(3):
            analysed = analyse_settled(database, Endpoint(url), f"run {number}", settings)
            assert analysed.stopped.startswith(
                "paused: the model m failed the last 4 questions in the same way"
            )
            due_again(database)
        assert len(requests) == MAX_ALIKE_ANSWERS
        run(database, "UPDATE llm_endpoints SET paused_until = now() - interval '1 second'")
        for number in range(3, 6):
            analyse_settled(database, Endpoint(url), f"run {number}", settings)
            due_again(database)
        assert len(requests) == MAX_ALIKE_ANSWERS + 1
    assert states(database) == {"due": 30}
    assert rows(database, "SELECT DISTINCT attempts FROM analysis_claims") == [(0,)]
    assert len(rows(database, "SELECT FROM atge_error_logs")) == 2, "told once for each pause"
    run(database, "UPDATE llm_endpoints SET paused_until = now() - interval '1 second'")
    with endpoint(lambda *_: Said(completion(SOUND))) as (well, _):
        run(database, "UPDATE llm_endpoints SET address = :well", well=well)
        assert analyse_settled(database, Endpoint(well), "at last", settings).stored == 30


def test_what_is_wrapped_is_stored_by_default(database):
    settled(database, 3)
    with endpoint(lambda *_: Said(completion(f"```json\n{SOUND}\n```"))) as (url, requests):
        assert analyse_settled(database, Endpoint(url), "run", SETTINGS).stored == 3
        assert len(requests) == 3


def test_one_trade_whose_answers_are_unusable_is_given_up_and_the_others_are_stored(database):
    """Its failures stand alone: the model works."""
    ids = settled(database, 12)
    run(
        database,
        "UPDATE trade_signals SET ai_reasoning = 'the odd one' WHERE id = CAST(:id AS uuid)",
        id=ids[4],
    )

    def say(asked, _number):
        odd = "the odd one" in asked["messages"][1]["content"]
        return Said(completion("prose" if odd else SOUND))

    with endpoint(say) as (url, _):
        assert analyse_settled(database, Endpoint(url), "run 0", SETTINGS).stored == 11
        for number in range(1, 5):
            due_again(database)
            settled(database, 1)
            analyse_settled(database, Endpoint(url), f"run {number}", SETTINGS)
    assert states(database) == {"given_up": 1}


TOO_LONG = [
    {"object": "error", "message": "This model's maximum context length is 2048 tokens.", "code": 400},
    {"error": {"code": 400, "message": "it exceeds the context", "type": "exceed_context_size_error"}},
    {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"}},
]  # fmt: skip


@pytest.mark.parametrize("body", TOO_LONG, ids=["vllm", "llama.cpp", "anthropic"])
def test_a_question_that_is_too_long_is_given_up_and_the_others_go_on(database, body):
    ids = settled(database, 20)
    for at in (0, 9, 19):
        run(
            database,
            "UPDATE trade_signals SET ai_reasoning = repeat('long ', 400) WHERE id = CAST(:id AS uuid)",
            id=ids[at],
        )

    def say(asked, _number):
        return Said(body, 400) if "long long" in asked["messages"][1]["content"] else Said(completion(SOUND))

    with endpoint(say) as (url, requests):
        analysed = analyse_settled(database, Endpoint(url), "run", SETTINGS)
        assert (analysed.stored, analysed.put_off, analysed.stopped) == (17, {"too_long": 3}, None)
        assert len(requests) == 20
    assert states(database) == {"given_up": 3}


def test_used_up_credit_in_the_middle_ends_the_sweep_at_once(database):
    settled(database, 40)

    def say(_asked, number):
        broke = {"choices": None, "error": {"message": "Insufficient credits", "code": 402}}
        return Said(completion(SOUND) if number <= 5 else broke)

    one = SETTINGS.model_copy(update={"analysis_concurrency": 1})
    with endpoint(say) as (url, requests):
        analysed = analyse_settled(database, Endpoint(url), "run", one)
        assert (analysed.stored, len(requests)) == (5, 6)
    assert analysed.stopped == "http_402: HTTP 402: Insufficient credits"
    assert not analysed.transient
    assert rows(database, "SELECT DISTINCT attempts FROM analysis_claims") == [(0,)]


class KilledError(BaseException):
    """The process dies here."""


def booked(database):
    """Calls whose cost is known, analyses, and what was spent."""
    ((answered,),) = rows(database, "SELECT count(*) FROM llm_calls WHERE outcome = 'answered'")
    ((analyses,),) = rows(database, "SELECT count(*) FROM trade_analyses")
    ((current,),) = rows(database, "SELECT count(ai_analysis) FROM trade_results")
    return answered, analyses, current


def test_a_paid_answer_is_stored_with_its_booking_whenever_the_process_dies(database):
    """Death before each statement in turn: books and analysis know of the answer together or not at all."""
    settled(database)
    left = 0

    def die(*_):
        nonlocal left
        left -= 1
        if left < 0:
            raise KilledError

    deaths = 0
    with endpoint(lambda *_: Said(completion(SOUND))) as (url, requests):
        while booked(database) == (0, 0, 0):
            left = deaths
            event.listen(database, "before_cursor_execute", die)
            try:
                analyse_settled(database, Endpoint(url), f"run {deaths}", SETTINGS)
            except KilledError:
                deaths += 1
            finally:
                event.remove(database, "before_cursor_execute", die)
            assert booked(database) in ((0, 0, 0), (1, 1, 1)), deaths
            run(database, "UPDATE analysis_claims SET lease_expires_at = now()")
            run(database, "UPDATE llm_calls SET lapses_at = now() WHERE outcome = 'under_way'")
        assert deaths >= 4
        assert len(requests) >= 2, "some deaths came after the answer"
    ended = (
        "SELECT outcome, coalesce(cost_usd, reserved_usd) AS usd FROM llm_calls WHERE outcome <> 'under_way'"
    )
    calls = rows(database, ended)
    assert {call.outcome for call in calls} == {"answered", "lost"}
    ((spent,),) = rows(database, "SELECT spent_usd FROM llm_budget_days")
    assert spent == sum(call.usd for call in calls), "a killed call is booked at what it can have cost"
