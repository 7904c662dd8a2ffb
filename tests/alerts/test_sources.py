"""What the declared sources give, from real rows."""

import math
import statistics
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import text

from include.alerts.readings import SampleSelection, _parameters, _statement, read_sources, select
from include.alerts.sample_sources import SOURCES
from tests.alerts.passes import ask, at, measure
from tests.support.rows import insert, insert_candles, insert_signal

A, B = uuid.UUID(int=10), uuid.UUID(int=11)


def read(engine, selection, minutes=10.0, before=()):
    """Read one selection as of that minute; `before`: statements on the connection, rolled back after."""
    with engine.connect() as connection:
        for statement in before:
            connection.execute(text(statement), {"at": at(minutes)})
        readings = read_sources(connection, [selection], at(minutes))
        connection.rollback()
    assert readings.failed == {}
    return readings


def rows(engine, selection, minutes=10.0, before=()):
    return read(engine, selection, minutes, before).rows[selection]


def gauges(engine, source, minutes=10.0, before=()):
    """Gauge -> labels' values -> value."""
    found = read(engine, SampleSelection(source, "gauges"), minutes, before).gauges
    return {
        gauge: {tuple(value for _, value in labels): value for labels, value in values.items()}
        for (_, gauge), values in found.items()
    }


def durations(form="summaries", by=(), **match):
    return select("durations", form, {"metric_type": "api_response"} | match, by, 600, aggregate="last")


def test_samples_are_added_up_over_a_window_that_holds_its_end(database):
    values = [(-0.1, 7), (0, 9000), (0.01, 10), (5, 20), (10, 60), (10.01, 9000)]
    measure(database, values)
    measure(database, [(5, 5000)], metric_type="database_query")
    for selection in (durations(), durations(metric_name="answer")):
        ((labels, row),) = rows(database, selection).items()
        assert labels == ()
        assert (row.samples, row.sum, row.avg, row.min, row.max, row.last) == (3, 90, 30, 10, 60, 60)
        assert row.last_at == at(10)


def test_seconds_become_milliseconds_and_counts_are_apart(database):
    measure(database, [(5, 2)], unit="seconds")
    measure(database, [(5, 500)], unit="ms")
    measure(database, [(5, 7)], unit="count")
    assert rows(database, durations())[()].avg == 1250
    counts = select("counts", "summaries", {"metric_type": "api_response"}, (), 600)
    assert rows(database, counts)[()].sum == 7


def test_ratings_are_averaged_over_feedback_that_rates(database):
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO atge_user_feedback (timestamp, feedback_type, rating) "
                "VALUES (:at, 'trade_accuracy', 5), (:at, 'trade_accuracy', 2), (:at, 'bug_report', NULL)"
            ),
            {"at": at(5)},
        )
    found = rows(database, select("ratings", "summaries", {}, ("feedback_type",), 600))
    assert {labels: (row.samples, row.avg) for labels, row in found.items()} == {
        (("feedback_type", "trade_accuracy"),): (2, 3.5)
    }


@pytest.mark.parametrize("analyzed", [False, True])
def test_a_rule_reads_its_series_by_the_index_whatever_the_statistics_say(database, analyzed):
    """Any other index reads the whole window, or the whole table, once for each rule."""
    with database.begin() as connection:
        connection.execute(text("TRUNCATE atge_performance_metrics"))  # its indexes too: their sizes decide
        connection.execute(
            text(
                "INSERT INTO atge_performance_metrics (timestamp, metric_type, metric_name, value) "
                "SELECT CAST(:at AS timestamptz) - n * interval '1 s', 'api_response', "
                "'series_' || n % 500, n FROM generate_series(1, 20000) AS n"
            ),
            {"at": at(10)},
        )
        if analyzed:
            connection.execute(text("ANALYZE atge_performance_metrics"))
        for form in ("summaries", "quantiles", "history"):
            statement = text(f"EXPLAIN {_statement('durations', form, 'metric').text}")
            selection = select(
                "durations",
                form,
                {"metric_type": "api_response", "metric_name": "series_1"},
                (),
                600,
                stretch=60,
                aggregate="avg",
            )
            plan = "\n".join(connection.execute(statement, _parameters([selection], at(10))).scalars())
            assert "using atge_performance_metrics_by_series" in plan, plan


def test_quantiles_interpolate(database):
    values = [1, 2, 3, 4, 100]
    measure(database, [(number, value) for number, value in enumerate(values, 1)])
    found = rows(database, durations("quantiles"))[()].quantiles
    assert found[0] == 3
    assert found[1] == pytest.approx(4 + 0.8 * 96)
    assert found[2] == pytest.approx(4 + 0.96 * 96)


def test_samples_are_grouped_by_what_the_rule_names(database):
    measure(database, [(5, 1)], metric_name="a", user_id=str(A))
    measure(database, [(5, 2)], metric_name="a", user_id=str(B))
    measure(database, [(5, 3)], metric_name="b")
    by_name = rows(database, durations(by=["metric_name"]))
    assert {labels[0][1]: row.sum for labels, row in by_name.items()} == {"a": 3, "b": 3}
    by_user = rows(database, durations(by=["user_id"]))
    assert {labels[0][1]: row.sum for labels, row in by_user.items()} == {str(A): 1, str(B): 2, "": 3}
    assert len(rows(database, durations(by=["metric_name", "user_id"]))) == 3


def test_the_history_is_cut_into_windows_from_now_backwards(database):
    measure(database, [(minute, minute) for minute in range(1, 11)])
    selection = select(
        "durations", "history", {"metric_type": "api_response"}, (), 600, stretch=120.0, aggregate="avg"
    )
    row = rows(database, selection)[()]
    assert (row.newest, row.samples, sorted(row.baseline)) == (9.5, 2, [1.5, 3.5, 5.5, 7.5])


def test_equal_selections_of_many_rules_are_one():
    same = {"metric_type": "api_response", "metric_name": "a"}
    assert select("durations", "summaries", same, (), 60) == select("durations", "summaries", same, [], 60)
    users = [
        select("durations", "summaries", {"metric_type": "api_response", "user_id": str(user)}, (), 60)
        for user in (A, B)
    ]
    assert users[0] == users[1]  # each picks its user from one reading


def test_errors_have_their_cause(database):
    errors = [
        ("{}", "Unauthorized", "authentication"),
        ('{"status": 403}', "no", "authentication"),
        ('{"status": "401"}', "no", "authentication"),
        ("{}", "Invalid API key", "authentication"),
        ("{}", "HTTP 429 Too Many Requests", "rate_limit"),
        ("{}", "order 14013 not found", "other"),
        (None, "the author is unknown", "other"),
    ]
    with database.begin() as connection:
        for context, words, _ in errors:
            insert(
                connection,
                "atge_error_logs",
                timestamp=at(5),
                error_type="api",
                error_message=words,
                context=context,
            )
    found = rows(database, select("errors", "summaries", {}, ["cause"], 600))
    counted = {labels[0][1]: row.samples for labels, row in found.items()}
    assert counted == {"authentication": 4, "rate_limit": 1, "other": 2}


def test_settled_trades_average_to_the_success_rate(database):
    with database.begin() as connection:
        for status in ("completed_success", "completed_success", "completed_failure", "expired", "active"):
            insert_signal(connection, status=status, completed_at=at(5))
    row = rows(database, select("settled", "summaries", {}, (), 600))[()]
    assert (row.samples, row.avg) == (3, pytest.approx(200 / 3))


PROBES = [
    "CREATE TEMP TABLE probe_results (service text, kind text, status text, latency_ms numeric, "
    "checked_at timestamptz, check_every interval, expected_by timestamptz, completeness numeric)",
    "INSERT INTO probe_results VALUES "
    "('sec', 'government', 'down', 90, :at - interval '2 minutes', '5 min', NULL, NULL), "
    "('sec', 'government', 'healthy', 10, :at - interval '1 minute', '5 min', :at - interval '1 hour', 0.5), "
    "('llm', 'platform', 'degraded', 500, :at - interval '3 minutes', '1 min', NULL, NULL), "
    "('db', 'platform', 'down', NULL, :at - interval '1 second', '1 min', NULL, NULL), "
    "('ibkr', 'platform', NULL, NULL, :at - interval '1 second', '1 min', :at + interval '1 hour', 1), "
    "('old', 'platform', 'healthy', 1, :at - interval '2 days', '1 day', NULL, NULL)",
]


def test_probes_give_latency_and_their_newest_word(database):
    found = gauges(database, "probe_status", before=PROBES)
    assert found["status"] == {
        ("government", "sec"): 0,
        ("platform", "llm"): 1,
        ("platform", "db"): 2,
        ("platform", "ibkr"): None,  # nobody knows: that is no outage
    }
    assert found["missed_checks"][("platform", "llm")] == 3
    assert found["overdue_seconds"][("government", "sec")] == 3600
    assert found["overdue_seconds"][("platform", "ibkr")] == 0
    assert found["completeness_percent"][("government", "sec")] == 50
    selection = select("probes", "summaries", {}, ["service"], 600)
    by_service = {labels[0][1]: row for labels, row in rows(database, selection, before=PROBES).items()}
    assert (by_service["sec"].avg, by_service["db"].avg, by_service["db"].samples) == (50, None, 1)


def test_model_calls_are_counted_by_outcome(database):
    made = [
        "CREATE TEMP TABLE llm_calls "
        "(at timestamptz, day date, purpose text, outcome text, model_asked text, seconds numeric, "
        "choice text)",
        "INSERT INTO llm_calls VALUES "
        "(:at, (CAST(:at AS timestamptz))::date, 'signal', 'answered', 'm', 1.5, 'second'), "
        "(:at, (CAST(:at AS timestamptz))::date, 'signal', 'timeout', 'm', 60, 'first'), "
        "(:at, (CAST(:at AS timestamptz))::date, 'signal', 'under_way', 'm', NULL, 'second')",
    ]
    found = rows(database, select("model_calls", "summaries", {}, ["outcome"], 600), before=made)
    assert {labels[0][1]: row.sum for labels, row in found.items()} == {"answered": 1500, "timeout": 60_000}
    found = rows(database, select("second_model", "summaries", {}, ["outcome"], 600), before=made)
    assert {labels[0][1]: row.sum for labels, row in found.items()} == {"answered": 1500}


def test_trading_tells_the_backlog_and_what_nobody_takes(database):
    held = "trade_signal_id, claim_id, batch, claimed_at, lease_expires_at, attempts, next_attempt_at"
    with database.begin() as connection:
        insert_signal(connection, expires_at=at(4))
        insert_signal(connection, expires_at=at(20))
        insert_signal(connection, expires_at=at(3), status="expired")
        for lease, next_attempt in ((at(15), None), (at(5), at(30)), (at(7), None)):
            connection.execute(
                text(f"INSERT INTO settlement_claims ({held}) VALUES (:id, 'c', 0, :at, :lease, 1, :next)"),
                {
                    "id": insert_signal(connection, expires_at=at(1)),
                    "at": at(1),
                    "lease": lease,
                    "next": next_attempt,
                },
            )
    found = gauges(database, "trading")
    assert found == {"expired_waiting": {(): 4}, "due": {(): 2}, "due_for_seconds": {(): 360}}


def test_nothing_due_is_zero_and_not_missing(database):
    assert gauges(database, "trading") == {
        "expired_waiting": {(): 0},
        "due": {(): 0},
        "due_for_seconds": {(): 0},
    }


def test_candles_have_an_age_for_each_symbol_with_open_trades(database):
    now = 60 * 24 * 5
    open_ = {"generated_at": at(now - 120), "expires_at": at(now + 60)}
    with database.begin() as connection:
        for symbol in ("BTC", "ETH"):
            insert_signal(connection, symbol=symbol, **open_)
        insert_signal(connection, symbol="NEW", generated_at=at(now - 1), expires_at=at(now + 60))
        insert_signal(connection, symbol="OLD", generated_at=at(0), expires_at=at(1))
        insert_candles(connection, "BTC", "1m", at(now - 20), timedelta(minutes=1), 11)
        insert_candles(connection, "BTC", "15m", at(now - 60), timedelta(minutes=15), 2)
    ages = gauges(database, "market_data", now)["candle_age_seconds"]
    assert ages == {("BTC",): 9 * 60, ("ETH",): 2 * 86_400}


def test_services_tell_breakers_pauses_and_quotas(database):
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO http_services (service, state, since, held_until) VALUES "
                "('kraken', 'open', :broken, :held), ('lunarcrush', 'closed', :broken, NULL)"
            ),
            {"broken": at(8), "held": at(11)},
        )
        connection.execute(
            text(
                "INSERT INTO http_calls (service, called_at) "
                "SELECT 'lunarcrush', :at FROM generate_series(1, 5)"
            ),
            {"at": at(9.5)},
        )
    assert gauges(database, "services") == {
        "broken_seconds": {("kraken",): 120, ("lunarcrush",): 0},
        "held_seconds": {("kraken",): 60, ("lunarcrush",): 0},
        "quota_used_percent": {
            ("lunarcrush",): 50
        },  # 5 of 10 a minute, 5 of 2000 a day; kraken: by the second
    }


def settle(connection, user, day, *nets):
    """Trades of 1000 US dollars each, settled on that day, in this order."""
    for turn, net in enumerate(nets):
        signal = insert_signal(
            connection,
            user_id=user,
            status="completed_success" if net > 0 else "completed_failure",
            completed_at=at(day * 1440 + turn),
        )
        insert(connection, "trade_results", trade_signal_id=signal, net_profit_loss=net)


def test_portfolio_figures_are_those_of_their_definitions(database):
    # Returns of days: the mean of the day's trades, in fractions.
    days = [(100, -50), (20,), (-30,), (10, 10, 10), (-200,), (-100,), (40,), (-10,), (5,), (-60, 20)]
    with database.begin() as connection:
        for day, nets in enumerate(days):
            settle(connection, A, day, *nets)
        settle(connection, B, 3, -10, 50, -20, -30)  # too few days for a spread
        settle(connection, A, -30, -900)  # too long ago
    found = gauges(database, "portfolio", 10 * 1440)
    returns = [sum(nets) / len(nets) / 1000 for nets in days]
    spread = statistics.stdev(returns)
    assert found["volatility"] == {(str(A),): pytest.approx(spread * math.sqrt(365))}
    assert found["sharpe"] == {(str(A),): pytest.approx(statistics.mean(returns) / spread * math.sqrt(365))}
    equity, peak = 1.0, 1.0
    for each in returns:
        equity *= 1 + each
        peak = max(peak, equity)
    assert found["drawdown"][(str(A),)] == pytest.approx(1 - equity / peak)
    assert found["drawdown"][(str(B),)] == pytest.approx(0.01 / 4)
    assert found["consecutive_losses"] == {(str(A),): 0, (str(B),): 2}


@pytest.mark.parametrize("odd", ["NaN", "Infinity", "-Infinity", "1e99", "-1e99", "1e4000"])
def test_money_of_no_scale_ends_nobodys_portfolio(database, odd):
    with database.begin() as connection:
        for day in range(6):
            settle(connection, A, day, -10, odd_free := 20)
            settle(connection, B, day, odd_free)
        connection.execute(
            text(
                "UPDATE trade_results SET net_profit_loss = CAST(:odd AS numeric) FROM trade_signals "
                "AS signal "
                "WHERE signal.id = trade_signal_id AND user_id = :user"
            ),
            {"odd": odd, "user": B},
        )
        connection.execute(
            text(
                "UPDATE trade_signals SET expires_at = '-infinity', status = 'active' "
                "WHERE id = (SELECT id FROM trade_signals WHERE user_id = :user LIMIT 1)"
            ),
            {"user": B},
        )
    found = gauges(database, "portfolio", 7 * 1440)
    assert found["drawdown"][(str(A),)] == pytest.approx(0)
    assert all(math.isfinite(value) for values in found.values() for value in values.values())
    assert gauges(database, "trading", 7 * 1440)["due"] == {(): 1}


def test_a_total_loss_is_a_drawdown_of_one(database):
    with database.begin() as connection:
        settle(connection, A, 0, -1000)
        settle(connection, A, 1, -2500)
    found = gauges(database, "portfolio", 2 * 1440)
    assert found["drawdown"] == {(str(A),): pytest.approx(1)}
    assert found["consecutive_losses"] == {(str(A),): 2}
    assert "sharpe" not in found


def test_every_source_with_its_table_can_be_read(database):
    """Each of them alone, as its template rules do; of other parts' tables those that are there."""
    absent = {
        source
        for source, table in (("probes", "probe_results"), ("model_calls", "llm_calls"))
        if ask(database, "SELECT to_regclass(:name) IS NULL AS absent", name=table)[0].absent
    }
    if "probes" in absent:
        absent.add("probe_status")
    wanted = []
    for source in SOURCES.values():
        if source.gauges:
            wanted.append(SampleSelection(source.name, "gauges"))
            continue
        match = {key: "x" for _, keys in source.samples for key in keys}
        for form in ("summaries", "quantiles", "history"):
            wanted.append(select(source.name, form, match, source.labels, 60, stretch=30, aggregate="avg"))
    with database.connect() as connection:
        readings = read_sources(connection, wanted, at(1))
    assert readings.failed.keys() == absent
