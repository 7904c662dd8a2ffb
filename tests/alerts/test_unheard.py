"""Rules that never had data, the error rate, slow statements: what could not fire, and does."""

from datetime import UTC, datetime, timedelta

import yaml
from sqlalchemy import text

from include.alerts.evaluate import evaluate_rules
from include.alerts.rule_file import DEFAULT_RULES
from tests.alerts.passes import SLOW, ask, at, evaluate, measure, notices, state, states, write_rules
from tests.support.rows import insert, insert_signal

NEVER = {"name": "never", "kind": "never_data", "summary": "Rules never had data", "after": "7d"}
DAY = 24 * 60


def default_rule(name):
    (found,) = [rule for rule in yaml.safe_load(DEFAULT_RULES.read_text())["rules"] if rule["name"] == name]
    return {key: value for key, value in found.items() if key not in ("owner", "runbook")}


def reason(database):
    ((words,),) = ask(database, "SELECT reason FROM alert_states WHERE rule = 'never'")
    return words


def test_a_rule_that_never_had_data_is_reported_after_its_time_and_not_before(database, tmp_path):
    rules = write_rules(tmp_path, SLOW, NEVER)
    for day in (0, 1, 6.9):
        evaluate(database, rules, day * DAY)
        assert state(database, "never") == "normal"
    evaluate(database, rules, 7 * DAY)
    assert state(database, "never") == "firing"
    assert reason(database) == "slow (in force since 2026-03-01)"
    measure(database, [(7 * DAY + 1, 10)])
    evaluate(database, rules, 7 * DAY + 1)
    assert state(database, "never") == "normal"


def test_data_once_is_enough_and_a_rewritten_rule_begins_anew(database, tmp_path):
    rules = write_rules(tmp_path, SLOW, NEVER)
    measure(database, [(0, 10)])
    evaluate(database, rules, 0)
    evaluate(database, rules, 8 * DAY)
    assert state(database, "never") == "normal"
    rules = write_rules(
        tmp_path, {**SLOW, "of": {**SLOW["of"], "match": {"metric_type": "api_respons"}}}, NEVER
    )
    evaluate(database, rules, 9 * DAY)
    assert state(database, "never") == "normal"
    evaluate(database, rules, 16 * DAY)
    assert state(database, "never") == "firing"


def outcomes(database, good, bad, metric_type="api_response"):
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO atge_performance_metrics (timestamp, metric_type, metric_name, value, unit, "
                "metadata) SELECT CAST(:at AS timestamptz), :type, 'http.kraken', 20, 'ms', "
                "jsonb_build_object('outcome', CASE WHEN n <= :bad THEN 'unavailable' ELSE 'ok' END) "
                "FROM generate_series(1, :all) AS n"
            ),
            {"at": at(1), "type": metric_type, "bad": bad, "all": good + bad},
        )


def value(database, rule):
    ((found,),) = ask(
        database, "SELECT value FROM alert_states WHERE rule = :rule AND severity = 'critical'", rule=rule
    )
    return found


def test_failed_calls_are_the_error_rate_also_without_a_row_of_an_error(database, tmp_path):
    rules = write_rules(tmp_path, default_rule("errors_many"))
    outcomes(database, good=60, bad=20)
    outcomes(database, good=500, bad=0, metric_type="database_query")  # steps, which would hide it
    with database.begin() as connection:
        for _ in range(10):
            values = {"at": at(1), "day": at(1).date(), "purpose": "signal", "model_asked": "m"}
            insert(connection, "llm_calls", **values, outcome="http_500", lapses_at=at(2))
        for _ in range(40):
            insert(connection, "atge_error_logs", timestamp=at(1), error_type="api", error_message="x")
    for minute in range(2, 9):
        evaluate(database, rules, minute)
    assert value(database, "errors_many") == 100 * 30 / 90
    assert state(database, "errors_many") in ("firing", "pending")
    assert ask(
        database, "SELECT state FROM alert_states WHERE rule = 'errors_many' AND severity = 'critical'"
    ) == [("firing",)]


def test_slow_statements_routes_of_ours_and_services_are_told_apart(database, tmp_path):
    slow = [default_rule(name) for name in ("queries_slow", "api_slow", "service_slow")]
    rules = write_rules(tmp_path, *slow)
    for minute in range(22):
        measure(database, [(minute, 700)] * 4, metric_type="database_query", metric_name="q")
        measure(database, [(minute, 90)] * 4, metric_name="api.GET /trades")
        measure(database, [(minute, 6000)] * 4, metric_name="http.kraken")
        measure(database, [(minute, 2000)] * 4, metric_name="http.census")
        evaluate(database, rules, minute)
    assert value(database, "queries_slow") == 700
    assert ("firing",) in ask(database, "SELECT state FROM alert_states WHERE rule = 'queries_slow'")
    assert state(database, "api_slow") == "normal"
    assert states(database, "service_slow") == {"service=kraken": "firing", "service=census": "normal"}
    for minute in range(40, 50):
        measure(database, [(minute, 1200)] * 4, metric_name="api.GET /trades")
        evaluate(database, rules, minute)
    assert value(database, "api_slow") == 1200
    assert notices(database, "api_slow")[0][1] == "firing"


def test_samples_and_invented_prices_say_nothing_of_the_business(database, tmp_path):
    rules = write_rules(tmp_path, default_rule("success_rate_low"), default_rule("losses_in_a_row"))
    lost = {"status": "completed_failure", "completed_at": at(0)}
    with database.begin() as connection:
        for number in range(60):
            sandbox = number % 2
            model = "a-model" if sandbox else "sample-batch-3"
            trade = insert_signal(connection, **lost, ai_model=model)
            source = "sandbox" if sandbox else "archive"
            insert(connection, "trade_results", trade_signal_id=trade, data_source=source,
                   net_profit_loss=-5, trade_size_usd=100)  # fmt: skip
    evaluate(database, rules, 1)
    assert ask(database, "SELECT value FROM alert_states WHERE rule = 'success_rate_low'") == [(None,)] * 2
    assert ask(database, "SELECT value FROM alert_states WHERE rule = 'losses_in_a_row'") == []
    with database.begin() as connection:
        for _ in range(20):
            trade = insert_signal(connection, **lost)
            insert(connection, "trade_results", trade_signal_id=trade, data_source="kraken",
                   net_profit_loss=-5, trade_size_usd=100)  # fmt: skip
    evaluate(database, rules, 2)
    assert value(database, "success_rate_low") == 0
    assert value(database, "losses_in_a_row") == 20


def test_the_rules_that_come_with_the_product_report_what_never_had_data(database):
    now = datetime.now(UTC)
    evaluate_rules(database, at=now)
    assert state(database, "rules_unheard") == "normal"
    evaluate_rules(database, at=now + timedelta(days=7))
    ((words,),) = ask(database, "SELECT reason FROM alert_states WHERE rule = 'rules_unheard'")
    assert "generation_slow" in words
