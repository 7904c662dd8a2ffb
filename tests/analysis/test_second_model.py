"""Sweeps with a second model: trades do not pay for a dead first, rows say who answered, kills bill once."""

from decimal import Decimal

import pytest
from sqlalchemy import event

from include.analysis import Selection, analyse_batch, analyse_settled, plan_analyses
from include.settings import Endpoint, ModelPrice, Settings
from tests.analysis.test_left_alone import SOUND, KilledError, booked
from tests.support.llm_endpoint import Said, completion, endpoint
from tests.support.settled import settled
from tests.support.trades import rows, run

SETTINGS = Settings(
    llm_prices={
        "m": ModelPrice(prompt=Decimal(3), completion=Decimal(15)),
        "other": ModelPrice(prompt=Decimal(1), completion=Decimal(5)),
    },
    analysis_model="m",
    llm_second_model="other",
)
ANSWERED = Said(completion(SOUND))
DOWN = Said({"error": {"message": "overloaded"}}, 503)
REFUSED = Said(completion(None, refusal="I will not."))


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch):
    monkeypatch.setattr("include.llm.client.FIRST_RETRY_WAIT", 0.01)


def test_a_sweep_goes_on_by_the_second_and_stops_when_both_are_down(database):
    settled(database, 24)
    with (
        endpoint(lambda *_: DOWN) as (first, asked),
        endpoint(lambda _asked, number: ANSWERED if number <= 12 else DOWN) as (second, _),
    ):
        one = SETTINGS.model_copy(update={"analysis_concurrency": 1})
        analysed = analyse_settled(database, Endpoint(first), "run", one, second=Endpoint(second))
        assert analysed.stored == 12 and len(asked) < 12
        assert "the second model, other: paused" in analysed.stopped
    assert rows(database, "SELECT DISTINCT attempts FROM analysis_claims") == [(0,)], "an outage is no try"
    who = (
        "SELECT DISTINCT choice, model, detail ->> 'choice', ai_analysis_detail ->> 'choice' "
        "FROM trade_analyses JOIN trade_results USING (trade_signal_id)"
    )
    assert rows(database, who) == [("second", "local", "second", "second")]


def test_a_model_that_a_person_named_is_not_replaced_and_the_estimate_knows_both(database):
    settled(database, 2)
    run(database, "UPDATE trade_signals SET completed_at = '2026-03-02T12:00Z'")
    form = {"since": "2026-03-01", "until": "2026-03-03"}
    at_most = {}
    with endpoint(lambda *_: DOWN) as (first, _), endpoint(lambda *_: ANSWERED) as (second, asked):
        for number, named in enumerate(("other", None)):
            selection = Selection.read(form | {"model": named})
            plan = plan_analyses(database, str(number), selection, SETTINGS, dry_run=False)
            at_most[named] = Decimal(plan["at_most_usd"])
            analysed = analyse_batch(
                database, Endpoint(first), str(number), 0, SETTINGS, second=Endpoint(second)
            )
            assert (analysed.stored, len(asked)) == ((0, 0) if named else (2, 2))
            run(database, "UPDATE analysis_claims SET next_attempt_at = NULL")
    assert round(at_most[None] / at_most["other"], 2) == 4, "three times its price, and the second's on top"


def test_whenever_a_process_dies_each_answer_is_stored_and_billed_once(database):
    """Death before each statement, with a first that refuses, which costs, and a second that answers."""
    settled(database)
    left = 0

    def die(*_):
        nonlocal left
        left -= 1
        if left < 0:
            raise KilledError

    deaths = 0
    with endpoint(lambda *_: REFUSED) as (first, _), endpoint(lambda *_: ANSWERED) as (second, _):
        while booked(database) == (0, 0, 0):
            left = deaths
            event.listen(database, "before_cursor_execute", die)
            try:
                analyse_settled(database, Endpoint(first), f"run {deaths}", SETTINGS, second=Endpoint(second))
            except KilledError:
                deaths += 1
            finally:
                event.remove(database, "before_cursor_execute", die)
            assert booked(database) in ((0, 0, 0), (1, 1, 1)), deaths
            run(database, "UPDATE analysis_claims SET lease_expires_at = now()")
            run(database, "UPDATE llm_calls SET lapses_at = now() WHERE outcome = 'under_way'")
            run(database, "DELETE FROM llm_endpoints")
        assert deaths >= 6
    calls = rows(
        database,
        "SELECT choice, sum(coalesce(cost_usd, reserved_usd)) FROM llm_calls "
        "WHERE outcome <> 'under_way' GROUP BY 1",
    )
    spent = rows(database, "SELECT choice, spent_usd FROM llm_budget_days")
    assert dict(map(tuple, spent)) == dict(map(tuple, calls)), "each from its own budget, once"
    ((cost,),) = rows(database, "SELECT cost_usd FROM trade_analyses")
    each = (
        "SELECT sum(cost) FROM (SELECT DISTINCT ON (choice) cost_usd AS cost FROM llm_calls "
        "WHERE outcome IN ('answered', 'refusal') ORDER BY choice, at DESC) AS last"
    )
    assert rows(database, each) == [(cost,)], "the refusal that led to it is part of its cost"
