"""Analyses by hand: what the form may ask for, the plan and its price, the work list and its batches."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from include.analysis import Selection, analyse_batch, analyse_settled, plan_analyses, read_outcomes
from include.analysis.requests import _claim_id
from include.settings import Endpoint, ModelPrice, Settings
from include.trades.trade_filter import TradeRequestError
from tests.support.rows import insert
from tests.support.settled import settled
from tests.support.trades import USER, rows, run

PRICE = ModelPrice(prompt=Decimal(1), completion=Decimal(2))
PRICED = Settings(llm_prices={"sandbox-analyst": PRICE, "sandbox-trader": PRICE}, analysis_attempts=2)
RUN = "manual__2026-03-04"
FORM = {"ids": None, "since": "2026-01-01", "until": None, "symbols": None, "users": None,
        "redo": False, "model": None, "limit": 1000, "dry_run": False}  # fmt: skip


@pytest.fixture
def model(sandbox, monkeypatch):
    monkeypatch.setattr("include.llm.client.FIRST_RETRY_WAIT", 0.01)
    return Endpoint(f"{sandbox.url}/llm/v1", "sandbox")


def plan(database, run_id=RUN, *, dry_run=False, settings=PRICED, **form):
    return plan_analyses(database, run_id, Selection.read(FORM | form), settings, dry_run=dry_run)


def requests(database):
    return rows(
        database,
        "SELECT trade_signal_id::text AS id, batch, outcome, reason, finished_at FROM analysis_requests "
        "ORDER BY batch, id",
    )


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"since": None}, "name the trades: ids, or a window of settlement"),
        ({"ids": ["42"]}, "ids: '42' is no UUID (like 0f8fad5b-"),
        ({"ids": "all"}, "ids is no list of texts"),
        ({"users": ["me"]}, "users: 'me' is no UUID"),
        ({"since": "yesterday"}, "since: 'yesterday' is no time; write 2026-03-02T12:00 (UTC)"),
        ({"since": "2026-03-02", "until": "2026-03-01"}, "since (2026-03-02 00:00) must be before until"),
        ({"limit": 0}, "limit must be a whole number from 1 to 10000, not 0"),
        ({"limit": True}, "limit must be"),
        ({"limit": 10_001}, "limit must be"),
        ({"limit": 1, "ids": [str(USER), str(USER).replace("1", "2")]}, "2 ids are more than the limit of 1"),
    ],
)
def test_bad_input_is_refused_in_words(form, words):
    with pytest.raises(TradeRequestError) as caught:
        Selection.read(FORM | form)
    assert words in str(caught.value)


def test_the_form_is_read_kindly():
    selection = Selection.read(
        FORM
        | {
            "ids": [f" {str(USER).upper()} ", str(USER)],
            "since": "2026-03-02T12:00:00+02:00",
            "until": "2026-03-03T00:00",
            "symbols": [" BTC ", ""],
            "model": " ",
        }
    )
    assert selection.trades.trade_ids == (USER,)
    assert selection.since == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert selection.until == datetime(2026, 3, 3, tzinfo=UTC)
    assert selection.trades.symbols == ("BTC",)
    assert selection.model is None


def test_a_dry_run_counts_and_estimates_and_writes_nothing(database, model):
    settled(database, 3)
    analyse_settled(database, model, "sweep", PRICED.model_copy(update={"analysis_limit": 1}))
    report = plan(database, dry_run=True, redo=True)
    ((cost,),) = rows(database, "SELECT cost_usd FROM llm_calls")
    assert (report["trades"], report["without_analysis"], report["to_replace"]) == (3, 2, 1)
    assert abs(Decimal(report["estimated_usd"]) - 3 * cost) < cost / 10
    assert Decimal(report["at_most_usd"]) > Decimal(report["estimated_usd"])
    assert (report["batches"], report["dry_run"]) == ([], True)
    assert requests(database) == []


def test_without_calls_to_learn_from_only_the_bound_is_known(database):
    settled(database, 2)
    report = plan(database, dry_run=True)
    assert report["estimated_usd"] is None
    assert Decimal(report["at_most_usd"]) > 0


@pytest.mark.parametrize(
    ("form", "found"),
    [
        ({}, 4),
        ({"symbols": ["ETH"]}, 1),
        ({"users": ["00000000-0000-0000-0000-000000000002"]}, 1),
        ({"until": "2026-01-02"}, 0),
        ({"limit": 2}, 2),
        ({"symbols": ["DOGE"]}, 0),
    ],
)
def test_trades_are_chosen_by_window_symbol_and_user(database, form, found):
    settled(database, 2)
    settled(database, 1, symbol="ETH")
    settled(database, 1, user_id="00000000-0000-0000-0000-000000000002")
    assert plan(database, dry_run=True, **form)["trades"] == found


def test_ids_must_be_settled_trades(database):
    (known,) = settled(database)
    with pytest.raises(ValueError, match="1 of the ids are no settled trades: 00000000-"):
        plan(database, ids=[known, "00000000-0000-0000-0000-00000000000f"], since=None)
    run(database, "UPDATE trade_signals SET status = 'active'")
    with pytest.raises(ValueError, match="no settled trades"):
        plan(database, ids=[known], since=None)


def test_a_model_without_a_price_is_refused_where_there_is_a_budget(database):
    settled(database)
    with pytest.raises(ValueError, match="the model 'gpt-9' has no price"):
        plan(database, model="gpt-9")
    free = PRICED.model_copy(update={"llm_daily_budget_usd": None})
    assert plan(database, model="gpt-9", settings=free, dry_run=True)["at_most_usd"] is None


def test_a_list_is_worked_off_in_batches_and_kept_for_people(database, model, monkeypatch):
    monkeypatch.setattr("include.analysis.requests.BATCH_SIZE", 4)
    settled(database, 10)
    assert plan(database)["batches"] == [0, 1, 2]
    for batch, trades in ((0, 4), (1, 4), (2, 2)):
        analysed = analyse_batch(database, model, RUN, batch, PRICED)
        assert (analysed.stored, analysed.stopped) == (trades, None)
    assert read_outcomes(database, RUN) == {"stored": 10}
    assert all(request.finished_at for request in requests(database))
    assert rows(database, "SELECT DISTINCT requested_by FROM trade_analyses") == [(_claim_id(RUN),)]
    assert rows(database, "SELECT count(*) FROM analysis_claims") == [(0,)]


def test_done_again_a_run_does_only_what_is_left(database, model, sandbox, monkeypatch):
    monkeypatch.setattr("include.analysis.requests.BATCH_SIZE", 2)
    settled(database, 4)
    plan(database)
    analyse_batch(database, model, RUN, 0, PRICED)
    settled(database, 3)
    assert plan(database)["batches"] == [1], "the list stays what it was"
    for batch in (0, 1):
        analyse_batch(database, model, RUN, batch, PRICED)
    assert len(sandbox.requests("llm")) == 4
    assert read_outcomes(database, RUN) == {"stored": 4}


def test_a_redo_by_another_model_keeps_the_old_analysis(database, model):
    (id_,) = settled(database)
    analyse_settled(database, model, "sweep", PRICED)
    assert plan(database)["trades"] == 0, "it has one"
    plan(database, "redo", redo=True, model="sandbox-trader")
    assert analyse_batch(database, model, "redo", 0, PRICED).stored == 1
    old, new = rows(
        database, "SELECT model, superseded_at IS NULL AS current FROM trade_analyses ORDER BY created_at"
    )
    assert (old.model, old.current) == ("sandbox-analyst", False)
    assert (new.model, new.current) == ("sandbox-trader", True)
    ((detail,),) = rows(database, "SELECT ai_analysis_detail FROM trade_results")
    assert detail["model"] == "sandbox-trader"
    assert requests(database)[0].id == id_


def test_a_redo_that_fails_keeps_the_analysis_that_was_there(database, model, sandbox):
    settled(database)
    analyse_settled(database, model, "sweep", PRICED)
    before = rows(database, "SELECT ai_analysis FROM trade_results")
    plan(database, redo=True)
    sandbox.fail("llm", "refusal")
    analysed = analyse_batch(database, model, RUN, 0, PRICED)
    assert (analysed.put_off, analysed.stopped) == ({"refusal": 1}, None)
    ((_, _, outcome, reason, _),) = requests(database)
    assert outcome == "refusal"
    assert reason.startswith("refusal: Sandbox")
    assert rows(database, "SELECT ai_analysis FROM trade_results") == before
    assert rows(database, "SELECT count(*) FROM analysis_claims") == [(0,)]
    assert rows(database, "SELECT superseded_at FROM trade_analyses") == [(None,)]


def test_what_the_sweep_gave_up_is_tried_again_by_hand(database, model, sandbox):
    settled(database)
    sandbox.fail("llm", "refusal")
    analyse_settled(database, model, "sweep", PRICED)
    assert rows(database, "SELECT state FROM missing_analyses") == [("given_up",)]
    sandbox.heal()
    plan(database)
    assert analyse_batch(database, model, RUN, 0, PRICED).stored == 1


def test_an_outage_leaves_the_list_for_the_next_try(database, model, sandbox):
    settled(database, 3)
    plan(database)
    sandbox.fail("llm", "status", status=500)
    analysed = analyse_batch(database, model, RUN, 0, PRICED)
    assert analysed.stopped.startswith("http_500: ")
    assert analysed.transient
    assert read_outcomes(database, RUN) == {"unfinished": 3}
    sandbox.heal()
    assert analyse_batch(database, model, RUN, 0, PRICED).stored == 3
    assert read_outcomes(database, RUN) == {"stored": 3}


def test_a_spent_budget_stops_the_batch_and_no_try_in_a_moment_helps(database, model):
    settled(database, 3)
    plan(database)
    poor = PRICED.model_copy(update={"llm_daily_budget_usd": Decimal(0)})
    analysed = analyse_batch(database, model, RUN, 0, poor)
    assert analysed.stopped.startswith("budget_spent: ")
    assert not analysed.transient


def test_a_trade_that_a_sweep_works_on_is_left_to_it(database, model):
    first, _ = settled(database, 2)
    plan(database)
    run(
        database,
        "INSERT INTO analysis_claims (trade_signal_id, claim_id, lease_expires_at) "
        "VALUES (CAST(:id AS uuid), 'sweep', now() + interval '1 minute')",
        id=first,
    )
    analysed = analyse_batch(database, model, RUN, 0, PRICED)
    assert (analysed.stored, analysed.stopped) == (1, "other runs work on them")
    run(database, "UPDATE analysis_claims SET lease_expires_at = now()")
    analyse_settled(database, model, "sweep", PRICED)
    analysed = analyse_batch(database, model, RUN, 0, PRICED)
    assert (analysed.stored, analysed.stopped) == (0, None)
    assert read_outcomes(database, RUN) == {"not_needed": 1, "stored": 1}


def test_a_trade_that_is_active_again_is_left_out(database, model):
    settled(database)
    plan(database)
    run(database, "UPDATE trade_signals SET status = 'active'")
    analysed = analyse_batch(database, model, RUN, 0, PRICED)
    assert (analysed.stored, analysed.stopped) == (0, None)
    (request,) = requests(database)
    assert (request.outcome, request.reason) == ("not_needed", "it is not settled any more")


def test_a_batch_that_is_not_there_is_said(database, model):
    with pytest.raises(LookupError, match="analyse_trades manual__2026-03-04 has no batch 7"):
        analyse_batch(database, model, RUN, 7, PRICED)


def test_the_estimate_counts_what_rejected_answers_cost(database):
    settled(database)
    for outcome in ("invented_figures", "answered"):
        with database.begin() as connection:
            insert(
                connection, "llm_calls", purpose="post_mortem", model_asked="m", outcome=outcome,
                prompt_tokens=1_000_000, completion_tokens=0, lapses_at=datetime.now(UTC),
                at=datetime.now(UTC) - timedelta(days=1),
            )  # fmt: skip
    assert Decimal(plan(database, dry_run=True)["estimated_usd"]) == 2
