"""Airflow's own backfill of the daily rollup over thirty days, twice, beside a day that is not over."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.running_stack import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(1800)]

DAYS = 30
OVER_THE_DAYS = "WHERE day BETWEEN %s AND %s"  # the scheduled run for yesterday goes its own way
EVERYTHING = (
    f"SELECT 'stats', xmin::text, s::text FROM daily_trade_stats s {OVER_THE_DAYS} "
    f"UNION ALL SELECT 'kpis', xmin::text, k::text FROM daily_kpis k {OVER_THE_DAYS} ORDER BY 1, 3"
)


def backfill(stack, start, end):
    """Let Airflow run every day from start to end again; all have ended well."""
    runs = stack.backfill(
        "roll_up_stats", from_date=start.isoformat(), to_date=end.isoformat(), max_active_runs=8
    )
    assert [run["state"] for run in runs] == ["success"] * DAYS


@pytest.fixture
def settled(stack):
    """Twelve trades a day of five users, settled over thirty days that are over; gives the first day."""
    stack.empty()
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(days=DAYS + 3)
    stack.execute(
        """
        WITH trades AS (
          INSERT INTO trade_signals (user_id, symbol, timeframe, entry_price, stop_loss, take_profit_1,
            take_profit_2, take_profit_3, ai_model, status, expires_at, completed_at)
          SELECT lpad((n %% 5)::text, 32, '0')::uuid, 'BTC', '1h', 1, 1, 1, 1, 1,
            CASE WHEN n %% 3 > 0 THEN 'gpt' END,
            CASE WHEN n %% 2 > 0 THEN 'completed_success' ELSE 'completed_failure' END,
            at - interval '1 minute', at
          FROM generate_series(0, 30 * 12 - 1) AS n,
            LATERAL (SELECT %s + n * interval '2 hours') AS times (at)
          RETURNING id, status
        )
        INSERT INTO trade_results (trade_signal_id, net_profit_loss, profit_loss_percentage, ai_analysis)
        SELECT id, net, net / 10, 'well'
        FROM trades, LATERAL (
          SELECT (CASE status WHEN 'completed_success' THEN 1 ELSE -1 END * random() * 50)::numeric AS net
        ) AS nets
        """,
        first,
    )
    return first


def test_thirty_days_twice_and_the_second_time_changes_nothing(stack, settled):
    last = settled + timedelta(days=DAYS - 1)
    days = (settled.date(), last.date())
    backfill(stack, settled, last)
    first = stack.execute(EVERYTHING, *days, *days)
    counted = f"SELECT count(*), sum(trades_settled) FROM daily_kpis {OVER_THE_DAYS}"
    assert stack.execute(counted, *days) == [(DAYS, DAYS * 12)]
    assert stack.execute("SELECT sum(total_trades) FROM daily_trade_stats") == [(DAYS * 12,)]
    mismatches = "SELECT * FROM daily_stats_mismatches(ARRAY(SELECT user_id FROM atge_performance_cache))"
    assert stack.execute(mismatches) == []

    backfill(stack, settled, last)
    assert stack.execute(EVERYTHING, *days, *days) == first
    assert stack.execute("SELECT * FROM daily_stats_due") == []


def test_a_day_that_is_not_over_is_refused_in_words_and_not_tried_again(stack):
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    run = stack.run("roll_up_stats", "failed", last_day=today)
    (task,) = run.instances()
    assert (task["task_id"], task["try_number"]) == ("roll_up", 1)
    words = "SELECT 1 FROM atge_error_logs WHERE context ->> 'run_id' = %s AND error_message LIKE %s"
    wait_for(lambda: stack.execute(words, run.id, f"%{today} is not over yet%"), "the failure's row", 30)
