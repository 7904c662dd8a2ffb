"""What the calls cost by day: kept in totals that say what the calls themselves say, however these change."""

from sqlalchemy import text

from tests.support.trades import rows, run

SUMS = """
SELECT day, purpose, model_asked, outcome, count(*), coalesce(sum(prompt_tokens), 0),
  coalesce(sum(completion_tokens), 0), coalesce(sum(cost_usd), 0),
  coalesce(sum(reserved_usd) FILTER (WHERE cost_usd IS NULL), 0),
  count(*) FILTER (WHERE cost_usd IS NULL AND reserved_usd IS NULL)
FROM llm_calls GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
TOTALS = """
SELECT day, purpose, model, outcome, calls, prompt_tokens, completion_tokens, cost_usd, unknown_usd,
  unpriced_calls
FROM llm_daily_totals WHERE calls <> 0 ORDER BY 1, 2, 3, 4
"""
CALLS = """
INSERT INTO llm_calls (day, purpose, model_asked, outcome, reserved_usd, cost_usd, prompt_tokens,
  completion_tokens, seconds, lapses_at)
SELECT date '2026-11-01' + n % 3, (ARRAY['post_mortem', 'signal'])[1 + n % 2], 'm' || n % 2,
  (ARRAY['answered', 'under_way', 'budget_spent'])[1 + n % 3], nullif(n % 5, 0) * 0.01,
  CASE n % 3 WHEN 0 THEN 0.002 * n WHEN 2 THEN 0 END, n, nullif(n % 4, 0), n * 0.1, now()
FROM generate_series(1, 30) AS n
"""


def same(database) -> bool:
    return [tuple(row) for row in rows(database, SUMS)] == [tuple(row) for row in rows(database, TOTALS)]


def test_the_totals_are_the_sums_of_the_calls_after_each_change(database):
    run(database, CALLS)
    assert len(rows(database, TOTALS)) > 4
    assert same(database)
    run(database, "UPDATE llm_calls SET outcome = 'lost' WHERE outcome = 'under_way' AND purpose = 'signal'")
    assert same(database)
    run(database, "UPDATE llm_calls SET cost_usd = 0.5, prompt_tokens = 7 WHERE outcome = 'lost'")
    run(database, "UPDATE llm_calls SET day = day - 1, outcome = 'answered' WHERE outcome = 'under_way'")
    assert same(database)


def test_what_retention_deletes_and_loads_back_was_paid_once(database):
    run(database, CALLS)
    before = rows(database, TOTALS)
    with database.begin() as connection:
        connection.execute(text("CREATE TEMP TABLE gone AS SELECT * FROM llm_calls"))
        connection.execute(text("DELETE FROM llm_calls"))
        connection.execute(text("SELECT set_config('tradeops.loading_back', 'on', true)"))
        connection.execute(text("INSERT INTO llm_calls SELECT * FROM gone"))
    assert rows(database, TOTALS) == before
    assert same(database)


def test_a_cost_that_is_no_number_does_not_spoil_a_day(database):
    run(database, CALLS)
    before = rows(database, "SELECT sum(cost_usd) FROM llm_daily_costs")
    run(
        database,
        "INSERT INTO llm_calls (purpose, model_asked, outcome, cost_usd, reserved_usd, lapses_at) VALUES "
        "('signal', 'm', 'answered', 'NaN', 1, now()), ('signal', 'm', 'answered', 'Infinity', 1, now())",
    )
    assert rows(database, "SELECT sum(cost_usd) FROM llm_daily_costs") == before
