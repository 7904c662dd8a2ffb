"""From a request to its rows, over real HTTP: every outcome, and every step twice."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from include.settings import Endpoint, Settings
from include.signals.attempts import open_attempts
from include.telemetry import writing_to
from tests.signals.generation import OTHER, SETTINGS, URL, USER, Generation, request

TABLES = ("trade_signals", "trade_technical_indicators", "trade_market_snapshot")


@pytest.fixture
def generation(database, sandbox, monkeypatch):
    monkeypatch.setattr("include.llm.client.FIRST_RETRY_WAIT", 0.01)
    return Generation.on(database, sandbox)


def stored(generation):
    return [generation.rows(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES]


def to_proposal(generation, *requests):
    """Everything up to the question to the model."""
    generation.open(*requests)
    for name in ("collect", "snapshot", "compute"):
        generation.step(name)


@pytest.mark.parametrize(
    ("timeframe", "lives"),
    [("15m", timedelta(hours=4)), ("1h", timedelta(hours=24)), ("1w", timedelta(days=28))],
)
def test_a_signal_with_its_indicators_and_its_snapshot(generation, timeframe, lives):
    attempt = generation.all_steps(request(timeframe=timeframe))
    assert (attempt.outcome, attempt.reason, attempt.asked) == ("stored", None, 1)
    assert 0 < attempt.seconds < 60
    assert stored(generation) == [1, 1, 1]
    (trade,) = generation.rows("SELECT * FROM vw_complete_trades")
    (signal,) = generation.rows("SELECT * FROM trade_signals")
    assert signal.id == trade.id == attempt.trade_signal_id
    assert (signal.user_id, signal.symbol, signal.timeframe, signal.status) == (
        USER,
        "BTC",
        timeframe,
        "active",
    )
    assert signal.ai_model == "sandbox-trader"
    assert float(signal.risk_reward_ratio) == pytest.approx(1.9, abs=1e-3)
    assert signal.expires_at - signal.generated_at == lives
    assert signal.allocation_1 + signal.allocation_2 + signal.allocation_3 == 100
    (indicators,) = generation.rows("SELECT * FROM trade_technical_indicators")
    assert (indicators.data_source, indicators.timeframe) == ("sandbox", timeframe)
    assert indicators.candle_count == (250 if timeframe == "1w" else 500)
    assert indicators.ema_200 > 0
    assert (indicators.volume_24h is None) == (timeframe == "1w")
    (snapshot,) = generation.rows("SELECT * FROM trade_market_snapshot")
    assert snapshot.data_quality_score == 100
    assert snapshot.fear_greed_index is not None
    assert {part["source"].partition(":")[0] for part in snapshot.data_sources.values()} == {"sandbox"}
    assert abs(signal.entry_price - snapshot.current_price) <= indicators.atr_14


def test_a_run_can_be_followed_line_by_line(generation):
    attempt = generation.all_steps()
    (name,) = generation.lines["store"]
    assert name == "BTC 1h for 0000…0001"
    assert " USD from sandbox:coinmarketcap, " in generation.lines["snapshot"][name]
    assert "500 of 500 candles from sandbox, rsi_14 " in generation.lines["compute"][name]
    assert "risk/reward 1.9" in generation.lines["propose"][name]
    assert str(attempt.trade_signal_id) in generation.lines["store"][name]
    report = generation.report()
    assert (report.stored, report.failed) == (1, False)
    assert report.lines[name].startswith(f"stored: signal {attempt.trade_signal_id}: LONG at ") or (
        report.lines[name].startswith(f"stored: signal {attempt.trade_signal_id}: SHORT at ")
    )


@pytest.mark.parametrize(
    ("kind", "options", "outcome", "asked", "said"),
    [
        ("refusal", {}, "model_failed", 1, "refusal: "),
        ("content_filter", {}, "model_failed", 1, "content_filter: "),
        ("insufficient_quota", {}, "model_failed", 1, "insufficient_quota: "),
        ("status", {"status": 500}, "model_failed", 1, "http_500: "),
        ("status", {"status": 401}, "model_failed", 1, "http_401: "),
        ("garbage", {}, "model_failed", 1, "garbled: "),
        ("length", {}, "invalid_answer", 2, "length: "),
        ("wrong_schema", {}, "invalid_answer", 2, "invalid: the answer does not fit the schema"),
        ("wrong_side", {}, "invalid_answer", 2, "off_market: stop_loss"),
        ("absurd_levels", {}, "invalid_answer", 2, "off_market: "),
        ("no_trade", {}, "no_trade", 1, "Sandbox: a placeholder for the reasoning"),
    ],
)
def test_each_outcome_of_the_model_is_written_down(generation, sandbox, kind, options, outcome, asked, said):
    sandbox.fail("llm", kind, **options)
    attempt = generation.all_steps()
    assert (attempt.outcome, attempt.asked) == (outcome, asked)
    assert said in attempt.reason
    assert attempt.finished_at is not None
    assert stored(generation) == [0, 0, 0]
    assert attempt.snapshot["current_price"] > 0, "what was known stays, to be looked at"
    assert generation.report().failed == (outcome != "no_trade")
    calls = generation.rows("SELECT purpose, user_id FROM llm_calls")
    assert calls and {(call.purpose, call.user_id) for call in calls} == {("signal", USER)}


def test_the_second_model_proposes_where_the_first_refuses_and_the_signal_says_so(generation, sandbox):
    generation.settings = Settings(candle_sources=("sandbox",), llm_second_model="sandbox-second")
    generation.endpoints["llm_second"] = Endpoint(f"{sandbox.url}/llm_second/v1", "sandbox-key")
    sandbox.fail("llm", "refusal")
    assert generation.all_steps().outcome == "stored"
    assert generation.rows("SELECT ai_model FROM trade_signals") == [("sandbox-second",)]


@pytest.mark.parametrize("kind", ["wrong_side", "absurd_levels", "length", "wrong_schema"])
def test_an_answer_that_does_not_fit_is_asked_for_once_more(generation, sandbox, kind):
    sandbox.fail("llm", kind, times=1)
    attempt = generation.all_steps()
    assert (attempt.outcome, attempt.asked) == ("stored", 2)
    assert stored(generation) == [1, 1, 1]


def test_a_model_that_hangs_is_not_waited_for(generation, sandbox):
    generation.settings = Settings(candle_sources=("sandbox",), signal_timeout=timedelta(seconds=0.3))
    sandbox.fail("llm", "hang")
    attempt = generation.all_steps()
    assert (attempt.outcome, attempt.reason) == ("model_failed", "timeout: no answer within 0.3 s")


def test_without_a_price_it_stops_and_says_why(generation, sandbox):
    for service in ("coinmarketcap", "coingecko"):
        sandbox.fail(service, "status", status=429, retry_after=120)
    attempt = generation.all_steps()
    assert attempt.outcome == "refused"
    assert attempt.reason.startswith("no price: sandbox:coinmarketcap: answered 429")
    assert "; sandbox:coingecko: answered 429" in attempt.reason
    assert sandbox.requests("llm") == []
    assert stored(generation) == [0, 0, 0]
    report = generation.report()
    assert report.failed
    assert attempt.reason in next(iter(report.lines.values()))


def test_a_missing_source_lowers_the_score_of_the_stored_signal(generation, sandbox):
    sandbox.fail("lunarcrush", "status", status=429, retry_after=120)
    sandbox.fail("fng", "garbage")
    attempt = generation.all_steps()
    assert attempt.outcome == "stored"
    (snapshot,) = generation.rows("SELECT * FROM trade_market_snapshot")
    assert snapshot.data_quality_score == 80
    assert snapshot.galaxy_score is snapshot.fear_greed_index is None
    assert snapshot.data_sources["social"]["status"] == "missing"
    assert snapshot.data_sources["social"]["reason"].startswith("sandbox:lunarcrush: answered 429")
    assert "no valid JSON" in snapshot.data_sources["fear_greed"]["reason"]


def test_without_candles_it_stops_with_the_sources_words(generation, sandbox):
    sandbox.fail("market", "status", status=403)
    attempt = generation.all_steps()
    assert attempt.outcome == "refused"
    assert attempt.reason.startswith("0 unbroken 1h candles up to now, 50 are needed; sandbox: answered 403")
    assert attempt.snapshot["data_sources"]["candles"]["status"] == "missing"
    assert attempt.snapshot["data_quality_score"] == 60


def test_candles_that_are_late_are_no_market(generation, sandbox):
    sandbox.fail("market", "late", seconds=5 * 3600)
    attempt = generation.all_steps()
    assert attempt.outcome == "refused"
    assert "too long ago" in attempt.reason


def test_few_candles_give_less_and_say_so(generation):
    generation.open()
    generation.step("collect")
    generation.execute("DELETE FROM market_candles WHERE timestamp < now() - interval '100 hours'")
    for name in ("snapshot", "compute", "propose", "store"):
        generation.step(name)
    (indicators,) = generation.rows("SELECT * FROM trade_technical_indicators")
    assert indicators.ema_200 is None
    assert indicators.ema_50 is not None
    assert 98 <= indicators.candle_count <= 100
    (snapshot,) = generation.rows("SELECT * FROM trade_market_snapshot")
    assert 67 < snapshot.data_quality_score < 69


def test_a_price_that_the_candles_contradict_stops_it(generation):
    generation.open()
    generation.step("collect")
    generation.execute("UPDATE market_candles SET open = open/9, high = high/9, low = low/9, close = close/9")
    generation.step("snapshot")
    generation.step("compute")
    attempt = generation.attempt()
    assert attempt.outcome == "refused"
    assert "ATR from the newest candle's close" in attempt.reason
    assert generation.step("propose") == {}


def test_a_repeated_step_does_nothing_twice(generation, sandbox):
    generation.open()
    for name in ("collect", "snapshot", "compute", "propose", "store"):
        generation.step(name)
        generation.step(name)
        assert generation.open() == ([] if name == "store" else [0])
    assert stored(generation) == [1, 1, 1]
    assert len(sandbox.requests("llm")) == 1
    assert generation.attempt().outcome == "stored"


def test_a_signal_that_cannot_be_stored_leaves_nothing(generation):
    to_proposal(generation)
    generation.step("propose")
    generation.execute("UPDATE signal_attempts SET proposal = proposal - 'entry_price'")
    with pytest.raises(IntegrityError, match="entry_price"):
        generation.step("store")
    assert stored(generation) == [0, 0, 0]
    assert generation.attempt().outcome == "working"
    assert generation.rows("SELECT * FROM signal_slots") == []


def test_a_proposal_on_an_old_snapshot_is_not_stored(generation):
    to_proposal(generation)
    generation.step("propose")
    generation.execute(
        "UPDATE signal_attempts SET snapshot = jsonb_set(snapshot, '{snapshot_at}', "
        "to_jsonb(now() - interval '20 minutes'))"
    )
    generation.step("store")
    attempt = generation.attempt()
    assert (attempt.outcome, attempt.reason) == ("refused", "the snapshot is 20 minutes old: run it again")
    assert stored(generation) == [0, 0, 0]


def test_a_cleared_run_takes_up_what_ended_without_a_signal(generation, sandbox):
    sandbox.fail("llm", "refusal")
    generation.all_steps(request(), request(OTHER, "ETH"))
    sandbox.heal()
    assert generation.all_steps(request(), request(OTHER, "ETH")).outcome == "stored"
    assert stored(generation) == [2, 2, 2]
    assert generation.open(request(), request(OTHER, "ETH")) == []


def test_a_generation_that_begins_anew_is_measured_anew(generation, sandbox):
    sandbox.fail("llm", "refusal")
    generation.all_steps()
    sandbox.heal()
    generation.execute("UPDATE signal_attempts SET seconds = 1000")
    assert generation.all_steps().seconds < 60


def test_one_signal_a_minute_for_each_user(generation, sandbox):
    generation.all_steps()
    asked = len(sandbox.requests("llm"))
    generation.run = "run 2"
    second = generation.all_steps(request(symbol="ETH"))
    assert second.outcome == "rate_limited"
    assert second.reason.startswith("one signal a minute for each user: the last one is ")
    assert len(sandbox.requests("llm")) == asked, "nothing is spent on it"
    assert not generation.report().failed
    generation.execute("UPDATE signal_slots SET taken_at = taken_at - interval '1 minute'")
    assert generation.all_steps(request(symbol="ETH")).outcome == "stored"


def test_the_minute_that_was_taken_meanwhile_is_respected(generation):
    """By another program that stores at the same moment: the database's word is the last."""
    to_proposal(generation)
    generation.step("propose")
    generation.execute("INSERT INTO signal_slots VALUES (:user, now(), gen_random_uuid())", user=USER)
    generation.step("store")
    assert generation.attempt().outcome == "rate_limited"
    assert stored(generation) == [0, 0, 0]


def test_a_user_with_an_attempt_under_way_is_put_off(generation):
    generation.open()
    opened = open_attempts(generation.engine, [request(symbol="ETH")], "run 2", URL, SETTINGS)
    assert opened.batches == []
    assert opened.put_off == f"ETH 1h: another attempt of this user is under way: BTC 1h, see {URL}"


def test_an_attempt_whose_run_died_is_given_up_when_its_lease_lapses(generation):
    generation.open()
    generation.execute("UPDATE signal_attempts SET lease_expires_at = now() - interval '1 second'")
    assert open_attempts(generation.engine, [request(symbol="ETH")], "run 2", URL, SETTINGS).batches == [0]
    assert (generation.attempt().outcome, generation.attempt().reason) == (
        "abandoned",
        "its run died or was stopped: the lease lapsed",
    )


def test_of_a_users_several_requests_each_run_takes_the_next(generation):
    wanted = [request(symbol=symbol) for symbol in ("BTC", "ETH", "SOL")]
    ended = "UPDATE signal_attempts SET outcome = 'no_trade', reason = 'x', finished_at = now()"
    taken = []
    for number in range(4):
        run = f"run {number}"
        opened = open_attempts(generation.engine, wanted, run, URL, SETTINGS)
        assert opened.batches == [0]
        assert open_attempts(generation.engine, wanted, run, URL, SETTINGS) == opened
        (row,) = generation.rows("SELECT symbol FROM signal_attempts WHERE run_id = :run", run=run)
        taken.append(row.symbol)
        generation.execute(ended)
    assert taken == ["BTC", "ETH", "SOL", "BTC"]


def test_many_users_are_a_few_batches_and_each_market_is_asked_about_once(generation, sandbox):
    import uuid

    users = [uuid.UUID(int=number) for number in range(1, 121)]
    wanted = [request(user, ("BTC", "ETH")[number % 2]) for number, user in enumerate(users)]
    assert generation.open(*wanted) == [0, 1, 2]
    for name in ("collect", "snapshot", "compute", "propose", "store"):
        told = generation.step(name, 1)
    assert len(told) == 21, "twenty lines and how many more"
    assert told["…"] == "30 more, see signal_attempts"
    assert stored(generation) == [50, 50, 50]
    assert len(sandbox.requests("coinmarketcap")) == 2
    assert len(sandbox.requests("lunarcrush")) == 4
    assert len(sandbox.requests("fng")) == 1


def test_old_attempts_are_forgotten(generation):
    generation.open()
    generation.execute(
        "UPDATE signal_attempts SET outcome = 'no_trade', reason = 'x', finished_at = now(), "
        "requested_at = now() - interval '91 days'"
    )
    generation.run = "run 2"
    generation.open(request(OTHER))
    assert [row.run_id for row in generation.rows("SELECT run_id FROM signal_attempts")] == ["run 2"]


def test_the_time_of_a_generation_is_measured(generation):
    with writing_to(generation.engine):
        attempt = generation.all_steps()
    metrics = "SELECT * FROM atge_performance_metrics WHERE metric_type = 'generation_time'"
    (metric,) = generation.rows(metrics)
    assert (metric.metric_name, metric.unit, metric.user_id) == ("generate_signal", "seconds", USER)
    assert metric.trade_signal_id == attempt.trade_signal_id
    assert metric.metadata == {"symbol": "BTC", "timeframe": "1h", "outcome": "ok"}
    assert 0 < metric.value < 60


def test_the_time_of_a_generation_that_failed_is_measured_too(generation, sandbox):
    """The KPI is about all that was tried: failures and slow answers would otherwise never spoil it."""
    sandbox.fail("llm", "refusal", match={"symbol": "ETH"})
    with writing_to(generation.engine):
        generation.all_steps(request(), request(OTHER, "ETH"))
        generation.step("propose")  # again: what has ended is not measured twice
    metrics = "SELECT * FROM atge_performance_metrics WHERE metric_type = 'generation_time'"
    failed, stored = sorted(generation.rows(metrics), key=lambda metric: metric.metadata["outcome"])
    assert (failed.metadata["outcome"], stored.metadata["outcome"]) == ("model_failed", "ok")
    assert (failed.user_id, failed.trade_signal_id) == (OTHER, None)
    assert 0 < failed.value < 60
    generation.execute("SELECT roll_up_kpis(CAST(now() AT TIME ZONE 'UTC' AS date))")
    (kpis,) = generation.rows("SELECT generation_measured, generation_within FROM daily_kpis")
    assert kpis == (2, 50)


def test_advice_against_a_trade_is_a_generation_that_went_well(generation, sandbox):
    sandbox.fail("llm", "no_trade")
    with writing_to(generation.engine):
        assert generation.all_steps().outcome == "no_trade"
    metrics = (
        "SELECT metadata ->> 'outcome' FROM atge_performance_metrics WHERE metric_type = 'generation_time'"
    )
    assert generation.rows(metrics) == [("ok",)]


def test_a_part_of_a_run_that_came_to_nothing_is_an_error_row(generation, sandbox):
    sandbox.fail("llm", "refusal", match={"symbol": "ETH"})
    with writing_to(generation.engine):
        generation.all_steps(request(), request(OTHER, "ETH"))
        assert not generation.report().failed
    (error,) = generation.rows("SELECT * FROM atge_error_logs")
    assert (error.error_type, error.severity) == ("generation", "low")
    assert error.error_message.startswith(
        "1 of 2 requests came to nothing, the first one: model_failed: refusal"
    )


def test_without_a_connection_to_a_model_the_task_says_so(generation):
    to_proposal(generation)
    del generation.endpoints["llm"]
    with pytest.raises(LookupError, match="no connection llm"):
        generation.step("propose")


def test_a_model_nobody_answers_at(generation):
    generation.endpoints["llm"] = Endpoint("http://127.0.0.1:9/v1", "a-key")
    attempt = generation.all_steps()
    assert attempt.outcome == "model_failed"
    assert attempt.reason.startswith("unreachable: ")
