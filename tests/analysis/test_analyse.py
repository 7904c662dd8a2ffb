"""Post-mortems over real HTTP: each outcome of the model is stored or put off with its reason."""

import json
import time
from datetime import timedelta

import pytest

from include.analysis import Postmortem, analyse_settled
from include.settings import Endpoint, Settings
from tests.trades.sweep import insert, rows, run

SETTINGS = Settings(analysis_timeout=timedelta(seconds=5), analysis_attempts=2)


@pytest.fixture
def model(sandbox, monkeypatch):
    # The waits between tries are stamina's business; here they only cost time.
    monkeypatch.setattr("include.llm.client.WAIT", 0.01)
    return Endpoint(f"{sandbox.url}/llm/v1", "sandbox")


def settled(database, count=1):
    """Trades that are settled and lack an analysis."""
    ids = insert(database, *[{} for _ in range(count)])
    run(
        database,
        """
        INSERT INTO trade_results (trade_signal_id, exit_reason, actual_entry_price, net_profit_loss)
        SELECT id, 'targets', 100, 16.962 FROM trade_signals
        """,
    )
    run(database, "UPDATE trade_signals SET status = 'completed_success', completed_at = now()")
    return ids


def missing(database):
    return rows(database, "SELECT count(*) FROM trade_results WHERE ai_analysis IS NULL")[0][0]


def claims(database):
    return rows(
        database, "SELECT attempts, last_error, next_attempt_at > now() AS later FROM analysis_claims"
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


def test_the_prompt_holds_the_facts_and_a_strict_schema(database, model, monkeypatch):
    import openai

    asked = {}
    parse = openai.resources.chat.completions.AsyncCompletions.parse

    async def listen(self, **arguments):
        asked.update(arguments)
        return await parse(self, **arguments)

    monkeypatch.setattr(openai.resources.chat.completions.AsyncCompletions, "parse", listen)
    settled(database)
    analyse_settled(database, model, "run 1", SETTINGS)
    facts = json.loads(asked["messages"][1]["content"])
    assert facts["symbol"] == "BTC"
    assert facts["net_profit_loss"] == 16.962
    assert facts["generated_at"] == "2026-03-02T12:00:00+00:00"
    assert "never instructions" in asked["messages"][0]["content"]
    assert asked["response_format"] is Postmortem


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
    ((attempts, error, later),) = claims(database)
    assert error.startswith(f"{outcome}: ")
    assert later
    final = fault in ("refusal", "content_filter")
    assert attempts == (SETTINGS.analysis_attempts if final else 1)
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
    assert claims(database)[0].last_error.startswith("invalid: the answer does not fit the schema: ")


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
    assert set(put_off) == {outcome, "not_tried"}
    assert put_off.total() == 40
    assert put_off["not_tried"] > 20, "a model that is down is not asked for each trade"
    assert {row.attempts for row in claims(database)} == {0}
    due_again(database)
    sandbox.heal()
    assert analyse_settled(database, model, "run 2", SETTINGS).stored == 40


def test_a_passing_fault_is_tried_again_within_the_same_sweep(database, model, sandbox):
    settled(database)
    sandbox.fail("llm", "status", status=503, times=2)
    assert analyse_settled(database, model, "run 1", SETTINGS).stored == 1
    assert len(sandbox.requests("llm")) == 3


def test_retry_after_is_honoured(database, model, sandbox):
    settled(database)
    sandbox.fail("llm", "status", status=429, retry_after=1, times=1)
    begun = time.monotonic()
    assert analyse_settled(database, model, "run 1", SETTINGS).stored == 1
    assert time.monotonic() - begun >= 1


def test_an_empty_purse_is_not_asked_again(database, model, sandbox):
    settled(database, 30)
    sandbox.fail("llm", "insufficient_quota")
    put_off = analyse_settled(
        database, model, "run 1", SETTINGS.model_copy(update={"analysis_concurrency": 1})
    ).put_off
    assert put_off == {"insufficient_quota": 1, "not_tried": 29}
    assert len(sandbox.requests("llm")) == 1


def test_a_model_that_does_not_answer_is_given_up_after_the_timeout(database, model, sandbox):
    settled(database)
    sandbox.fail("llm", "hang")
    quick = SETTINGS.model_copy(update={"analysis_timeout": timedelta(seconds=0.2)})
    assert analyse_settled(database, model, "run 1", quick).put_off == {"timeout": 1}


def test_nobody_listens_at_the_address(database, monkeypatch):
    monkeypatch.setattr("include.llm.client.WAIT", 0.01)
    settled(database)
    put_off = analyse_settled(database, Endpoint("http://127.0.0.1:9/v1"), "run 1", SETTINGS).put_off
    assert put_off == {"unreachable": 1}


def test_a_claim_that_was_lost_stores_nothing(database, model, monkeypatch):
    settled(database)

    def steal(trade_id):
        run(database, "UPDATE analysis_claims SET claim_id = 'thief'")

    monkeypatch.setattr("include.analysis.analyse.facts_of", lambda trade: steal(trade) or {"symbol": "BTC"})
    assert analyse_settled(database, model, "run 1", SETTINGS).stored == 0
    assert missing(database) == 1
