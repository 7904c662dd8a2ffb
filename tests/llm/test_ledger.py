"""The daily budget over all processes, and the books that one view adds up."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from include.llm import ModelUnavailableError, cost_of, worst_case
from include.llm.ledger import Ledger, Usage
from include.settings import ModelPrice, Settings
from tests.llm.questions import PRICED, ask, ask_many
from tests.support.trades import rows, run

PRICE = ModelPrice(prompt=Decimal(2), completion=Decimal(8))
MINUTE = timedelta(minutes=1)
WORST = worst_case(PRICE, 1000, 3000)  # of each reservation below


@pytest.fixture
def url(sandbox):
    return f"{sandbox.url}/llm/v1"


def ledger(database, budget, **changes):
    settings = Settings(llm_prices={"m": PRICE}, llm_daily_budget_usd=budget, **changes)
    return Ledger(database, settings, "post_mortem", "m")


def reserve(books):
    return books.reserve(1000, MINUTE, None, None)


def told(database):
    return rows(database, "SELECT error_type, severity, error_message, context FROM atge_error_logs")


def test_prices_are_for_a_million_tokens():
    assert cost_of(PRICE, 1_000_000, 500_000) == 6
    assert worst_case(PRICE, 1000, 3000) == (1200 * 2 + 3000 * 8) / Decimal(1_000_000)


def test_reservations_count_until_the_true_cost_takes_their_place(database):
    books = ledger(database, 2 * WORST)
    first, _ = reserve(books), reserve(books)
    with pytest.raises(ModelUnavailableError) as caught:
        reserve(books)
    assert caught.value.outcome == "budget_spent"
    assert "the budget of 0.0528 US dollars for" in caught.value.message
    assert "0 are spent, 0.0528 reserved" in caught.value.message
    assert not caught.value.transient
    cost = books.settle(first, Usage("m", 100, 10), 1.0)
    assert cost == Decimal("0.00028")
    with pytest.raises(ModelUnavailableError, match="budget_spent"):
        reserve(books)  # what was spent is missing
    books = ledger(database, 2 * WORST + cost)
    reserve(books)


def test_processes_together_never_overspend(database):
    """Many callers at once, some of whose calls are settled meanwhile at their worst case."""
    books = ledger(database, 10 * WORST)

    def call(number):
        try:
            call_id = reserve(books)
        except ModelUnavailableError as error:
            return error.outcome
        if number % 2:
            books.settle(call_id, Usage(), 0.1, outcome="timeout")
        return "go"

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(call, range(60)))
    assert outcomes.count("go") == 10
    assert outcomes.count("budget_spent") == 50
    ((counted,),) = rows(database, "SELECT sum(coalesce(cost_usd, reserved_usd)) FROM llm_calls")
    assert counted == 10 * WORST


def test_a_spent_budget_stops_calls_before_they_are_made_and_says_so_once(database, url, sandbox):
    first = ask(database, url)
    little = PRICED.model_copy(update={"llm_daily_budget_usd": first.cost_usd})
    answers = ask_many(database, url, little, 20)
    assert {getattr(answer, "outcome", None) for answer in answers} == {"budget_spent"}
    assert len(sandbox.requests("llm")) == 1
    ((kind, severity, message, context),) = told(database)
    assert (kind, severity) == ("analysis", "medium")
    assert message.startswith("language model: the budget of ")
    assert Decimal(str(context["spent_usd"])) == first.cost_usd
    with pytest.raises(ModelUnavailableError, match="budget_spent"):
        ask(database, url, little, purpose="signal")
    assert len(told(database)) == 1, "the budget is one for all purposes"


def test_a_model_without_a_price_is_told_once_too(database, url):
    ask_many(database, url, Settings(llm_prices={}), 5)
    ((_, _, message, _),) = told(database)
    assert "add it to llm_prices" in message


def test_a_new_day_has_a_new_budget(database):
    books = ledger(database, WORST)
    reserve(books)
    run(database, "UPDATE llm_calls SET day = day - 1")
    reserve(books)
    run(database, "UPDATE llm_budget_days SET day = day - 1, spent_usd = 100")
    run(database, "UPDATE llm_calls SET day = day - 1")
    reserve(books)


def test_a_call_is_settled_on_the_day_on_which_it_was_made(database):
    books = ledger(database, WORST)
    call = reserve(books)
    run(database, "UPDATE llm_calls SET day = day - 1")
    run(database, "UPDATE llm_budget_days SET day = day - 1")
    reserve(books)
    books.settle(call, Usage("m", 100, 10), 1.0)
    days = rows(database, "SELECT spent_usd FROM llm_budget_days ORDER BY day")
    assert [day.spent_usd for day in days] == [Decimal("0.00028"), 0]


def lapse(database):
    run(database, "UPDATE llm_calls SET lapses_at = now() - interval '1 second' WHERE outcome = 'under_way'")


def until_a_session_waits(database):
    for _ in range(500):
        sessions = "SELECT wait_event_type FROM pg_stat_activity WHERE datname = current_database()"
        if ("Lock",) in rows(database, sessions):
            return
        time.sleep(0.01)
    raise AssertionError("nobody waits for a lock")


def test_a_worker_that_dies_again_and_again_does_not_overspend(database):
    books = ledger(database, 3 * WORST)
    dead = reserve(books)
    for _ in range(2):
        lapse(database)
        reserve(books)
    lapse(database)
    with pytest.raises(ModelUnavailableError, match="budget_spent") as caught:
        reserve(books)
    assert "0.0792 are spent, 0 reserved" in caught.value.message
    ((outcome, reason),) = rows(database, "SELECT outcome, reason FROM llm_calls WHERE id = :id", id=dead)
    assert (outcome, reason) == ("lost", "the process ended before the answer came")


@pytest.mark.parametrize("budget", [5, None])
def test_a_lost_call_is_spent_on_its_own_day(database, budget):
    books = ledger(database, budget)
    reserve(books)
    reserve(books)
    run(database, "UPDATE llm_calls SET day = day - 1")
    run(database, "UPDATE llm_budget_days SET day = day - 1")
    lapse(database)
    reserve(books)
    days = rows(database, "SELECT spent_usd FROM llm_budget_days ORDER BY day")
    assert [day.spent_usd for day in days] == [2 * WORST, 0]


def test_a_call_that_was_thought_lost_is_settled_after_all_and_once(database):
    books = ledger(database, 5)
    call = reserve(books)
    lapse(database)
    reserve(books)
    for _ in range(2):
        books.settle(call, Usage("m", 100, 10), 1.0)
    ((spent,),) = rows(database, "SELECT spent_usd FROM llm_budget_days")
    assert spent == Decimal("0.00028")


def test_a_call_of_yesterday_is_settled_while_it_is_found_lost(database):
    """Both change the call and its day: in different orders, one would be ended as a deadlock."""
    books = ledger(database, 5)
    call = reserve(books)
    run(database, "UPDATE llm_calls SET day = day - 1")
    run(database, "UPDATE llm_budget_days SET day = day - 1")
    lapse(database)
    with ThreadPoolExecutor(1) as pool:
        with database.begin() as settling:
            settling.execute(text("SELECT FROM llm_budget_days FOR UPDATE"))
            reserved = pool.submit(reserve, books)
            until_a_session_waits(database)
            settling.execute(text("UPDATE llm_calls SET seconds = 1 WHERE id = :id"), {"id": call})
        reserved.result()
    books.settle(call, Usage("m", 100, 10), 1.0)
    days = rows(database, "SELECT spent_usd FROM llm_budget_days ORDER BY day")
    assert [day.spent_usd for day in days] == [Decimal("0.00028"), 0]


def test_without_a_budget_nothing_is_refused_and_the_cost_is_counted(database):
    books = ledger(database, None)
    for _ in range(3):
        books.settle(reserve(books), Usage("m", 100_000, 100_000), 1.0)
    assert rows(database, "SELECT spent_usd, budget_usd FROM llm_budget_days") == [(3, None)]


def test_one_view_shows_what_a_day_cost(database, url, sandbox):
    answers = ask_many(database, url, PRICED, 3)
    sandbox.fail("llm", "refusal", times=1)
    ask_many(database, url, PRICED, 1, purpose="signal")
    sandbox.fail("llm", "hang", times=1)
    ask_many(database, url, PRICED, 1, timeout=timedelta(seconds=0.2))
    ask_many(database, url, PRICED.model_copy(update={"llm_daily_budget_usd": 0}), 1)
    post_mortems, signals = rows(database, "SELECT * FROM llm_daily_costs")
    assert (post_mortems.purpose, post_mortems.model) == ("post_mortem", "sandbox-analyst")
    assert post_mortems.outcomes == {"answered": 3, "timeout": 1, "budget_spent": 1}
    assert post_mortems.calls == 4
    assert post_mortems.cost_usd == sum(answer.cost_usd for answer in answers)
    assert post_mortems.prompt_tokens == sum(answer.prompt_tokens for answer in answers)
    assert post_mortems.unknown_usd > 0
    assert (signals.purpose, signals.outcomes) == ("signal", {"refusal": 1})
    spent = post_mortems.cost_usd + post_mortems.unknown_usd + signals.cost_usd
    assert post_mortems.day_spent_usd == signals.day_spent_usd == spent
    run(database, "UPDATE llm_budget_days SET budget_usd = 10 * spent_usd")
    assert rows(database, "SELECT DISTINCT day_budget_used_percent FROM llm_daily_costs") == [(10,)]
