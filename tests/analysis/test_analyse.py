"""Post-mortems over real HTTP: each outcome of the model is stored or put off with its reason."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy.exc import OperationalError

from include.analysis import Postmortem, analyse_settled
from include.llm import LanguageModel, ModelUnavailableError
from include.llm.workers import ITEMS_PER_WORKER
from include.settings import Endpoint, ModelPrice, Settings
from include.telemetry import writing_to
from tests.support.settled import settled
from tests.support.trades import rows, run

SETTINGS = Settings(analysis_timeout=timedelta(seconds=5), analysis_attempts=2)


@pytest.fixture
def model(sandbox, monkeypatch):
    # The waits between tries are stamina's business; here they only cost time.
    monkeypatch.setattr("include.llm.client.FIRST_RETRY_WAIT", 0.01)
    return Endpoint(f"{sandbox.url}/llm/v1", "sandbox")


def missing(database):
    return rows(database, "SELECT count(*) FROM trade_results WHERE ai_analysis IS NULL")[0][0]


def claims(database):
    return rows(
        database,
        "SELECT attempts, failures, given_up_at, last_error, next_attempt_at > now() AS later "
        "FROM analysis_claims",
    )


def due_again(database):
    run(database, "UPDATE analysis_claims SET next_attempt_at = now() - interval '1 second'")


def test_an_analysis_is_stored_as_text_for_people_and_as_detail(database, model):
    settled(database)
    assert analyse_settled(database, model, "run 1", SETTINGS).stored == 1
    ((analysis, detail, at),) = rows(
        database, "SELECT ai_analysis, ai_analysis_detail, ai_analysis_generated_at FROM trade_results"
    )
    answer = Postmortem.model_validate({name: detail[name] for name in Postmortem.model_fields})
    assert answer.what_happened in analysis
    assert f"Why: {answer.why}" in analysis
    assert detail["model"] == "sandbox-analyst"
    assert detail["prompt_tokens"] > 0
    assert detail["completion_tokens"] > 0
    assert at is not None
    assert claims(database) == []


def test_many_are_asked_at_once_and_each_is_stored(database, model, sandbox):
    settled(database, 60)
    assert analyse_settled(database, model, "run 1", SETTINGS).stored == 60
    assert missing(database) == 0
    assert len(sandbox.requests("llm")) == 60


def test_the_limit_bounds_one_sweep_and_the_next_goes_on(database, model):
    settled(database, 5)
    few = Settings(analysis_limit=3)
    assert analyse_settled(database, model, "run 1", few).stored == 3
    assert analyse_settled(database, model, "run 2", few).stored == 2
    assert analyse_settled(database, model, "run 3", few).stored == 0


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("length", "length"),
        ("wrong_schema", "invalid"),
        ("refusal", "refusal"),
        ("content_filter", "content_filter"),
    ],
)
def test_an_unusable_answer_counts_as_a_try_and_is_put_off_with_its_reason(
    database, model, sandbox, fault, outcome
):
    settled(database)
    sandbox.fail("llm", fault)
    assert analyse_settled(database, model, "run 1", SETTINGS).put_off == {outcome: 1}
    (claim,) = claims(database)
    assert claim.last_error.startswith(f"{outcome}: ")
    assert claim.later
    assert (claim.attempts, claim.failures) == (1, 1)
    final = fault in ("refusal", "content_filter")
    assert (claim.given_up_at is not None) == final
    due_again(database)
    sandbox.heal()
    assert analyse_settled(database, model, "run 2", SETTINGS).stored == (0 if final else 1)


def test_tries_end_and_the_reason_stays_to_be_seen(database, model, sandbox):
    settled(database)
    sandbox.fail("llm", "wrong_schema")
    for number in range(SETTINGS.analysis_attempts):
        due_again(database)
        assert analyse_settled(database, model, f"run {number}", SETTINGS).put_off == {"invalid": 1}
    due_again(database)
    sandbox.heal()
    assert analyse_settled(database, model, "later", SETTINGS).stored == 0
    ((state, attempts, reason),) = rows(database, "SELECT state, attempts, reason FROM missing_analyses")
    assert (state, attempts) == ("given_up", 2)
    assert reason.startswith("invalid: the answer does not fit the schema: ")


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"kind": "status", "status": 500}, "http_500"),
        ({"kind": "status", "status": 429}, "http_429"),
        ({"kind": "reset"}, "unreachable"),
        ({"kind": "garbage"}, "garbled"),
        ({"kind": "html"}, "garbled"),
    ],
)
def test_an_outage_is_no_try_of_the_trade_and_stops_the_sweep_early(database, model, sandbox, fault, outcome):
    settled(database, 40)
    sandbox.fail("llm", **fault)
    put_off = analyse_settled(database, model, "run 1", SETTINGS).put_off
    assert put_off == {outcome: 1, "not_tried": ITEMS_PER_WORKER * SETTINGS.analysis_concurrency - 1}, (
        "a model that is down is asked for one trade"
    )
    assert {row.attempts for row in claims(database)} == {0}
    assert sum(row.failures for row in claims(database)) == 1
    due_again(database)
    sandbox.heal()
    assert analyse_settled(database, model, "run 2", SETTINGS).stored == 40


def test_an_outage_in_the_middle_ends_the_sweep_too(database, model, sandbox, monkeypatch):
    settled(database, 40)
    monkeypatch.setattr("include.llm.client.MAX_ATTEMPTS", 1)
    calls = 0

    async def fail_later(self, *arguments, **named):
        nonlocal calls
        calls += 1
        if calls == 6:
            await asyncio.to_thread(sandbox.fail, "llm", "status", status=500)
        return await ask(self, *arguments, **named)

    ask = LanguageModel.ask
    monkeypatch.setattr(LanguageModel, "ask", fail_later)
    analysed = analyse_settled(database, model, "run 1", SETTINGS)
    assert analysed.stopped.startswith("http_500: ")
    assert 1 <= analysed.stored < 20
    assert 10 <= analysed.put_off["http_500"] < 20
    assert missing(database) == 40 - analysed.stored


def test_one_trade_that_the_service_rejects_does_not_block_the_others(database, model, monkeypatch):
    """A failure of the service is no try, so this trade would come first in every sweep."""
    settled(database, 3)
    ((poison,),) = rows(
        database,
        "SELECT signal.id::text FROM trade_signals AS signal ORDER BY completed_at DESC, id LIMIT 1",
    )
    ask = LanguageModel.ask

    async def trip(self, *arguments, trade_signal_id, **named):
        if trade_signal_id == poison:
            raise ModelUnavailableError("http_400", "something about this trade", transient=False)
        return await ask(self, *arguments, trade_signal_id=trade_signal_id, **named)

    monkeypatch.setattr(LanguageModel, "ask", trip)
    for number in range(3):
        analyse_settled(database, model, f"run {number}", SETTINGS)
        due_again(database)
    assert missing(database) == 1


def test_the_wait_grows_with_each_failure(database, model, sandbox):
    settled(database)
    sandbox.fail("llm", "status", status=401)
    waits = []
    for number in range(7):
        analyse_settled(database, model, f"run {number}", SETTINGS)
        waits += rows(database, "SELECT next_attempt_at - now() FROM analysis_claims")[0]
        due_again(database)
    assert [round(wait / timedelta(minutes=5)) for wait in waits] == [1, 2, 4, 8, 16, 16, 16]


def test_a_passing_fault_is_tried_again_within_the_same_sweep(database, model, sandbox):
    settled(database)
    sandbox.fail("llm", "status", status=503, times=2)
    assert analyse_settled(database, model, "run 1", SETTINGS).stored == 1
    assert len(sandbox.requests("llm")) == 3


def test_an_empty_purse_is_not_asked_again(database, model, sandbox):
    settled(database, 30)
    sandbox.fail("llm", "insufficient_quota")
    put_off = analyse_settled(
        database, model, "run 1", SETTINGS.model_copy(update={"analysis_concurrency": 1})
    ).put_off
    assert put_off == {"insufficient_quota": 1, "not_tried": ITEMS_PER_WORKER - 1}
    assert len(sandbox.requests("llm")) == 1


def test_a_model_that_does_not_answer_is_given_up_after_the_timeout(database, model, sandbox):
    settled(database)
    sandbox.fail("llm", "hang")
    quick = SETTINGS.model_copy(update={"analysis_timeout": timedelta(seconds=0.2)})
    assert analyse_settled(database, model, "run 1", quick).put_off == {"timeout": 1}


def test_nobody_listens_at_the_address(database, monkeypatch):
    monkeypatch.setattr("include.llm.client.FIRST_RETRY_WAIT", 0.01)
    settled(database)
    put_off = analyse_settled(database, Endpoint("http://127.0.0.1:9/v1"), "run 1", SETTINGS).put_off
    assert put_off == {"unreachable": 1}


def test_a_claim_that_was_lost_stores_nothing(database, model, monkeypatch):
    settled(database)
    ask = LanguageModel.ask

    async def steal(self, *arguments, **named):
        await asyncio.to_thread(run, database, "UPDATE analysis_claims SET claim_id = 'thief'")
        return await ask(self, *arguments, **named)

    monkeypatch.setattr(LanguageModel, "ask", steal)
    assert analyse_settled(database, model, "run 1", SETTINGS).stored == 0
    assert missing(database) == 1
    assert rows(database, "SELECT * FROM trade_analyses") == []


def test_a_sweep_that_died_holds_its_trades_until_the_lease_lapses(database, model):
    settled(database)
    run(
        database,
        "INSERT INTO analysis_claims (trade_signal_id, claim_id, lease_expires_at) "
        "SELECT id, 'dead', now() + interval '1 minute' FROM trade_signals",
    )
    assert analyse_settled(database, model, "run 1", SETTINGS).stored == 0
    assert rows(database, "SELECT state FROM missing_analyses") == [("under_way",)]
    run(database, "UPDATE analysis_claims SET lease_expires_at = now() - interval '1 second'")
    assert analyse_settled(database, model, "run 2", SETTINGS).stored == 1


def test_a_database_that_goes_away_fails_the_task_with_its_own_words(database, model, monkeypatch):
    settled(database, 20)

    def fail(*_):
        raise OperationalError("store", {}, Exception("the server closed the connection"))

    monkeypatch.setattr("include.analysis.writing.PostmortemWriter._store", fail)
    with pytest.raises(OperationalError, match="the server closed the connection"):
        analyse_settled(database, model, "run 1", SETTINGS)


def test_no_question_is_begun_when_the_time_is_up(database, model):
    settled(database, 3)
    analysed = analyse_settled(database, model, "run 1", SETTINGS, working_time=timedelta(0))
    assert (analysed.stored, analysed.stopped) == (0, "its time was up")
    assert claims(database) == []


def test_what_was_claimed_when_the_time_was_up_is_given_back(database, model, sandbox):
    settled(database, 10)
    sandbox.fail("llm", "latency", seconds=0.6)
    analysed = analyse_settled(database, model, "run 1", SETTINGS, working_time=timedelta(seconds=0.5))
    assert analysed.stored == 1
    assert analysed.put_off == {"not_tried": 9}
    assert {row.last_error for row in claims(database)} == {"not tried: its time was up"}


def test_an_analysis_stands_in_the_history_with_its_cost(database, model):
    settled(database)
    priced = SETTINGS.model_copy(
        update={"llm_prices": {"sandbox-analyst": ModelPrice(prompt=Decimal(1), completion=Decimal(2))}}
    )
    analyse_settled(database, model, "run 1", priced)
    ((analysis, by, cost, superseded, current),) = rows(
        database,
        "SELECT analysis, requested_by, cost_usd, superseded_at, ai_analysis "
        "FROM trade_analyses JOIN trade_results USING (trade_signal_id)",
    )
    assert (analysis, by, superseded) == (current, "settle_trades run 1", None)
    assert rows(database, "SELECT sum(cost_usd), count(*) FROM llm_calls") == [(cost, 1)]
    assert cost > 0


def test_the_budget_ends_the_sweep_and_tomorrow_goes_on(database, model):
    settled(database, 5)
    poor = SETTINGS.model_copy(
        update={
            "llm_prices": {"sandbox-analyst": ModelPrice(prompt=Decimal(1), completion=Decimal(2))},
            "llm_daily_budget_usd": Decimal("0.000001"),
        }
    )
    analysed = analyse_settled(database, model, "run 1", poor)
    assert analysed.put_off == {"budget_spent": 1, "not_tried": 4}
    assert {row.attempts for row in claims(database)} == {0}
    assert "does not allow another call" in claims(database)[0].last_error
    due_again(database)
    assert analyse_settled(database, model, "tomorrow", SETTINGS).stored == 5


def test_a_trade_that_is_settled_anew_is_analysed_anew_whatever_was_before(database, model, sandbox):
    settled(database, 2)
    sandbox.fail("llm", "refusal", times=1)
    assert analyse_settled(database, model, "run 1", SETTINGS).stored == 1
    run(database, "UPDATE trade_results SET net_profit_loss = 5, ai_analysis = NULL")  # as settling does it
    assert rows(database, "SELECT count(*) FROM trade_analyses WHERE superseded_at IS NULL") == [(0,)]
    assert rows(database, "SELECT DISTINCT state, failures FROM missing_analyses") == [("due", 0)]
    assert analyse_settled(database, model, "run 2", SETTINGS).stored == 2
    assert rows(
        database, "SELECT superseded_at IS NULL, count(*) FROM trade_analyses GROUP BY 1 ORDER BY 1"
    ) == [
        (False, 1),
        (True, 2),
    ]


def test_each_analysis_is_timed(database, model, sandbox):
    settled(database, 2)
    sandbox.fail("llm", "refusal", times=1)
    with writing_to(database):
        analyse_settled(database, model, "run 1", SETTINGS)
    measured = rows(
        database,
        "SELECT metric_type, metric_name, unit, metadata ->> 'outcome', trade_signal_id IS NOT NULL "
        "FROM atge_performance_metrics ORDER BY 4",
    )
    assert measured == [
        ("analysis_time", "post_mortem", "seconds", "UnusableAnswerError", True),
        ("analysis_time", "post_mortem", "seconds", "ok", True),
    ]
