"""Two models: when the second is asked, what a dead first costs, whose budget pays, who has answered."""

import asyncio
import socket
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from decimal import Decimal

import pytest

from include.llm import ModelAnswer, ModelPair, ModelUnavailableError, UnusableAnswerError, cost_of
from include.settings import Endpoint, ModelPrice
from tests.llm.questions import PRICED, TRADE, Verdict
from tests.support.llm_endpoint import Said, completion, endpoint
from tests.support.trades import rows, run

VERDICT = '{"symbol": "BTC", "verdict": "fine"}'
SOUND = Said(completion(VERDICT))
DOWN = Said({"error": {"message": "overloaded"}}, 500)
REFUSED = Said(completion(None, refusal="I will not."))
SECOND_PRICE = ModelPrice(prompt=Decimal(1), completion=Decimal(3))
FIRST_COST, SECOND_COST = (
    cost_of(price, 90, 40) for price in (PRICED.llm_prices["sandbox-analyst"], SECOND_PRICE)
)
SETTINGS = PRICED.model_copy(
    update={
        "llm_prices": {**PRICED.llm_prices, "other": SECOND_PRICE},
        "llm_second_model": "other",
        "llm_second_daily_budget_usd": Decimal(1),
    }
)


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch):
    monkeypatch.setattr("include.llm.client.FIRST_RETRY_WAIT", 0.01)


@contextmanager
def two(first, second):
    """Endpoints of both that say this, and the requests that reach them."""
    with ExitStack() as stack:
        served = [stack.enter_context(endpoint(say)) for say in (first, second)]
        yield [url for url, _ in served], [requests for _, requests in served]


def ask(database, urls, count=1, settings=SETTINGS, *, timeout=10.0, at_once=1, **options):
    """The answers, or what was raised in their place."""

    async def run_all():
        turns = asyncio.Semaphore(at_once)
        async with ModelPair(
            Endpoint(urls[0]),
            "sandbox-analyst",
            Endpoint(urls[1]) if len(urls) > 1 else None,
            engine=database,
            settings=settings,
            purpose="post_mortem",
            timeout=timedelta(seconds=timeout),
        ) as pair:

            async def one():
                async with turns:
                    return await pair.ask(
                        "Judge.", {"symbol": "BTC"}, Verdict, trade_signal_id=TRADE, **options
                    )

            return await asyncio.gather(*(one() for _ in range(count)), return_exceptions=True)

    return asyncio.run(run_all())


def books(database):
    """Choice, model and outcome of each call, in order; and what is spent, by choice."""
    calls = rows(database, "SELECT choice, model_asked, outcome, cost_usd FROM llm_calls ORDER BY at")
    days = rows(database, "SELECT choice, spent_usd FROM llm_budget_days")
    return calls, dict(tuple(day) for day in days)


def forget(database):
    for table in ("llm_calls", "llm_budget_days", "llm_daily_totals", "llm_endpoints", "atge_error_logs"):
        run(database, f"DELETE FROM {table}")


def test_the_second_answers_where_the_first_is_down_refuses_or_is_out_of_budget(database):
    """Who answered is said, a refusal that was paid is part of the cost, and each pays from its own purse."""
    little = SETTINGS.model_copy(update={"llm_daily_budget_usd": Decimal("0.000001")})
    unpriced = SETTINGS.model_copy(update={"llm_prices": {"other": SECOND_PRICE}})
    cases = [
        (DOWN, SETTINGS, ["http_500"] * 3, 0),
        (
            Said({"error": {"message": "pay", "code": "insufficient_quota"}}, 429),
            SETTINGS,
            ["insufficient_quota"],
            0,
        ),
        (REFUSED, SETTINGS, ["refusal"], FIRST_COST),
        (SOUND, little, [], 0),
        (SOUND, unpriced, [], 0),
    ]
    for said, settings, outcomes, paid in cases:
        forget(database)
        kept: list[ModelAnswer[Verdict]] = []
        with two(lambda *_, said=said: said, lambda *_: SOUND) as (urls, requests):
            (answer,) = ask(
                database, urls, settings=settings, keep=lambda _, given, kept=kept: kept.append(given)
            )
        assert (answer.value.verdict, answer.choice) == ("fine", "second"), outcomes
        assert answer.cost_usd == kept[0].cost_usd == SECOND_COST + paid
        calls, spent = books(database)
        assert [call[:3] for call in calls] == [
            *(("first", "sandbox-analyst", outcome) for outcome in outcomes),
            ("second", "other", "answered"),
        ]
        assert spent == {"first": paid, "second": SECOND_COST}
        assert len(requests[0]) == len(outcomes)
        told = rows(database, "SELECT error_message FROM atge_error_logs")
        assert len(told) == (not outcomes), "what the first was not asked is told once, and no call"
    totals = "SELECT model, choice, calls, cost_usd, day_budget_usd FROM llm_daily_costs"
    assert rows(database, totals) == [("other", "second", 1, SECOND_COST, 1)]


def test_a_bad_answer_of_the_first_is_its_answer_and_without_a_second_all_is_as_ever(database):
    prose = Said(completion("It was fine."))
    with two(lambda *_: prose, lambda *_: SOUND) as (urls, requests):
        assert [error.outcome for error in ask(database, urls, 4)] == ["invalid"] * 4
        assert requests[1] == []
        (answer,) = ask(database, urls)
        assert answer.choice == "second", "it is left alone by now"
        forget(database)
    with two(lambda *_: DOWN, lambda *_: SOUND) as (urls, requests):
        assert [error.outcome for error in ask(database, urls[:1], 2)] == ["http_500"] * 2
        assert len(requests[0]) == 6, "nobody leaves it alone"
    assert rows(database, "SELECT paused_until FROM llm_endpoints") == []


def test_a_dead_first_costs_its_time_once_and_one_question_tries_after_each_pause(database):
    dead = True

    def first(*_):
        return DOWN if dead else SOUND

    with two(first, lambda *_: SOUND) as (urls, requests):
        assert {answer.choice for answer in ask(database, urls, 6)} == {"second"}
        assert len(requests[0]) == 3, "the tries of one question"
        for in_row, pause in ((1, 2), (2, 4), (9, 30)):
            run(database, "UPDATE llm_endpoints SET paused_until = now(), down_in_row = :n", n=in_row)
            before = len(requests[0])
            answers = ask(database, urls, 12, at_once=12)
            assert {answer.choice for answer in answers} == {"second"}
            assert len(requests[0]) == before + 1, "one question, one try"
            ((left,),) = rows(
                database, "SELECT extract(epoch FROM paused_until - paused_at) / 60 FROM llm_endpoints"
            )
            assert left == pause
        ((told, reason),) = rows(database, "SELECT count(*), min(error_message) FROM atge_error_logs")
        assert (told, "overloaded" in reason) == (1, True), "an outage is told once"
        dead = False
        run(database, "UPDATE llm_endpoints SET paused_until = now()")
        assert ask(database, urls)[0].choice == "first"
        assert {answer.choice for answer in ask(database, urls, 8, at_once=8)} == {"first"}
    assert rows(database, "SELECT down_in_row, down_since, paused_until FROM llm_endpoints") == [
        (0, None, None)
    ]


def test_a_trial_that_dies_lets_another_question_try_and_one_from_the_future_is_none(database):
    with two(lambda *_: SOUND, lambda *_: SOUND) as (urls, _):
        for tried_until, choice in (
            ("now() + interval '1 minute'", "second"),
            ("now() - interval '1 second'", "first"),
            ("now() + interval '1 day'", "first"),
        ):
            forget(database)
            run(
                database,
                "INSERT INTO llm_endpoints (address, model, down_in_row, tried_until, reason) "
                f"VALUES (:address, 'sandbox-analyst', 1, {tried_until}, 'x')",
                address=urls[0],
            )
            assert ask(database, urls)[0].choice == choice, tried_until


def test_a_first_that_says_nothing_has_half_of_the_time(database):
    """And the second what is left; one that is asked to wait is not waited for."""
    busy = Said({"error": {"message": "slow down"}}, 429, {"retry-after": "5"})
    with two(lambda *_: busy, lambda *_: SOUND) as (urls, requests):
        answers = ask(database, urls, 3)
        assert [answer.choice for answer in answers] == ["second"] * 3
        assert len(requests[0]) == 1
    forget(database)
    with socket.create_server(("127.0.0.1", 0)) as mute, endpoint(lambda *_: SOUND) as (url, _):
        dead = f"http://127.0.0.1:{mute.getsockname()[1]}/v1"
        answers = ask(database, [dead, url], 3, timeout=2.0)
    assert [answer.choice for answer in answers] == ["second"] * 3
    calls, spent = books(database)
    assert [call[2] for call in calls if call[0] == "first"] == ["timeout"]
    assert rows(database, "SELECT reason FROM llm_calls WHERE choice = 'first'") == [
        ("no answer within 1 s",)
    ]
    assert spent["first"] > 0, "it may be billed"


def test_nobody_gives_a_question_up_on_the_word_of_one_of_them(database):
    filtered = Said({"error": {"message": "no", "code": "content_filter"}}, 400)
    for first, second, kind, outcome, final in (
        (REFUSED, filtered, UnusableAnswerError, "content_filter", True),
        (REFUSED, DOWN, UnusableAnswerError, "refusal", False),
        (DOWN, REFUSED, UnusableAnswerError, "refusal", False),
        (REFUSED, Said(completion("prose")), UnusableAnswerError, "invalid", False),
        (DOWN, DOWN, ModelUnavailableError, "http_500", None),
    ):
        forget(database)
        with two(lambda *_, said=first: said, lambda *_, said=second: said) as (urls, _):
            (error,) = ask(database, urls)
        assert (type(error), error.outcome, getattr(error, "final", None)) == (kind, outcome, final)
        if kind is ModelUnavailableError:
            assert error.transient and "the second model, other: http_500" in error.message


def test_neither_spends_the_other_s_budget_however_many_ask_at_once(database):
    """The second's budget lets a few calls through; the rest is refused, entered, and told once."""
    worst = Decimal("0.012")  # about that, of a question below
    poor = SETTINGS.model_copy(update={"llm_second_daily_budget_usd": 3 * worst, "llm_daily_budget_usd": 0})
    nothing_counted = Said(completion(VERDICT, usage=None))
    with two(lambda *_: SOUND, lambda *_: nothing_counted) as (urls, requests):
        answers = ask(database, urls, 30, poor, at_once=10)
    answered = [answer for answer in answers if not isinstance(answer, Exception)]
    assert 0 < len(answered) == len(requests[1]) < 30
    assert {error.outcome for error in answers if isinstance(error, Exception)} == {"budget_spent"}
    calls, spent = books(database)
    assert {call.choice for call in calls} == {"second"}
    assert spent["first"] == 0
    assert 0 < spent["second"] <= 3 * worst
    told = rows(database, "SELECT error_message FROM atge_error_logs ORDER BY 1")
    assert [" the second model's budget of " in message for (message,) in told] == [False, True]
