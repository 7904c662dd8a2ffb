"""What is kept of users' trades, after changes of every kind: the figures of all trades, to the digit."""

import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from include.trades.performance import refresh_performance
from tests.support.statistics import FIGURES as NAMES
from tests.support.trades import rows, run

FULL = (Path(__file__).parents[1] / "support" / "full_statistics.sql").read_text()
USERS = 4
FIGURES = NAMES - {"social_correlation"} | {"user_id"}

# Of :user, at moments that are often the same; every other number has few digits, some have many.
INSERT = """
WITH signals AS (
  INSERT INTO trade_signals (id, user_id, symbol, timeframe, entry_price, stop_loss, take_profit_1,
    take_profit_2, take_profit_3, expires_at, status, completed_at)
  SELECT
    gen_random_uuid(), CAST(:user AS uuid), 'BTC', '1h', 100, 95, 105, 110, 115, '2026-03-01Z',
    CASE WHEN random() < 0.5 THEN 'completed_success' ELSE 'completed_failure' END,
    CASE WHEN random() < 0.95
      THEN timestamptz '2026-03-01Z' + CAST(:days * random() AS int) * interval '1 day'
        + CAST(5 * random() AS int) * interval '1 hour'
      ELSE (ARRAY[NULL, '-infinity', 'infinity', now() + interval '1 year'])[1 + n % 4] END
  FROM generate_series(1, :count) AS n
  RETURNING id
), results AS (
  INSERT INTO trade_results (trade_signal_id, net_profit_loss, profit_loss_percentage, exit_at)
  SELECT
    id, round(CAST(random() - 0.5 AS numeric) * 100, CAST(9 * random() AS int)),
    round(CAST(random() - 0.5 AS numeric) * :percent, CAST(9 * random() AS int)),
    CASE WHEN random() < 0.8
      THEN timestamptz '2026-03-01Z' + CAST(3 * random() AS int) * interval '1 hour' END
  FROM signals WHERE random() < 0.97
)
INSERT INTO trade_market_snapshot (trade_signal_id, galaxy_score)
SELECT id, round(CAST(random() * 100 AS numeric), 1) FROM signals WHERE random() < 0.7
"""
SOME = "(SELECT id FROM trade_signals ORDER BY random() LIMIT CAST(:count AS int))"
CHANGES = {
    "insert": INSERT,
    "settle anew": "UPDATE trade_results SET "
    "net_profit_loss = round(CAST(random() - 0.5 AS numeric) * 90, 3), "
    f"profit_loss_percentage = round(CAST(random() - 0.5 AS numeric), 4) WHERE trade_signal_id IN {SOME}",
    "leave the market": "UPDATE trade_results SET exit_at = timestamptz '2026-03-01 01:30Z' + "
    f"CAST(3 * random() AS int) * interval '1 hour' WHERE trade_signal_id IN {SOME}",
    "complete": "UPDATE trade_signals SET completed_at = timestamptz '2026-03-03Z' "
    f"+ CAST(9 * random() AS int) * interval '12 hours' WHERE id IN {SOME}",
    "change sides": "UPDATE trade_signals SET status = CASE status WHEN 'completed_success' "
    f"THEN 'completed_failure' ELSE 'completed_success' END WHERE id IN {SOME}",
    "reopen": f"UPDATE trade_signals SET status = 'active' WHERE id IN {SOME}",
    "expire": f"UPDATE trade_signals SET status = 'expired' WHERE id IN {SOME}",
    "delete": f"DELETE FROM trade_signals WHERE id IN {SOME}",
    "lose the result": f"DELETE FROM trade_results WHERE trade_signal_id IN {SOME}",
    "change hands": f"UPDATE trade_signals SET user_id = CAST(:user AS uuid) WHERE id IN {SOME}",
    "score late": "INSERT INTO trade_market_snapshot (trade_signal_id, galaxy_score, snapshot_at) "
    f"SELECT id, round(CAST(random() * 9 AS numeric), 2), timestamptz '2027-01-01Z' FROM {SOME} AS chosen",
    "score anew": f"UPDATE trade_market_snapshot SET galaxy_score = 7 WHERE trade_signal_id IN {SOME}",
    "lose the score": f"DELETE FROM trade_market_snapshot WHERE trade_signal_id IN {SOME}",
    "delete a day": "DELETE FROM trade_signals "
    "WHERE completed_at >= '2026-03-05Z' AND completed_at < '2026-03-06Z'",
}


def change(database: Engine, name: str, choices: random.Random, **values: object) -> None:
    about = {
        "user": uuid.UUID(int=choices.randint(1, USERS)),
        "count": choices.choice([1, 2, 5, 40]),
        "days": 20,
        "percent": choices.choice([1, 10, 1000]),
    } | values
    with database.begin() as connection:
        connection.execute(text("SELECT setseed(:seed)"), {"seed": choices.random()})
        statement = CHANGES[name]
        used = {key: value for key, value in about.items() if f":{key}" in statement}
        connection.execute(text(statement), used)


def assert_as_computed_in_full(database: Engine) -> None:
    """Every column of every user, to the digit; a correlation of doubles as exactly as they are."""
    with database.connect() as connection:
        expected = connection.execute(text(FULL)).mappings().all()
        found = {
            row["user_id"]: dict(row)
            for row in connection.execute(text("SELECT * FROM atge_performance_cache")).mappings()
        }
    for row in expected:
        cached = found.pop(row["user_id"])
        for name, value in row.items():
            if name == "social_correlation":
                assert (cached[name] is None) == (value is None)
                assert value is None or float(cached[name]) == pytest.approx(value, abs=1e-9)
            else:
                assert cached[name] == value, (name, row["user_id"])
    assert all(row["total_trades"] == 0 for row in found.values())


def assert_as_kept_anew(database: Engine) -> None:
    """Reading all trades again changes no digit."""
    everything = (
        "SELECT to_jsonb(cache) - 'last_calculated_at' - 'updated_at' FROM atge_performance_cache AS cache "
        "ORDER BY user_id"
    )
    before = rows(database, everything)
    run(database, "SELECT calculate_atge_performance(user_id) FROM atge_performance_cache")
    assert rows(database, everything) == before


@pytest.mark.parametrize("seed", range(3))
def test_after_any_changes_the_figures_are_those_of_all_trades(database, seed):
    choices = random.Random(seed)
    for user in range(1, USERS + 1):
        change(database, "insert", choices, user=uuid.UUID(int=user), count=choices.choice([3, 50, 300]))
    for _ in range(12):
        for name in choices.sample(sorted(CHANGES), choices.randint(1, 4)):
            change(database, name, choices)
        refresh_performance(database)
        assert_as_computed_in_full(database)
    assert_as_kept_anew(database)


def fill(database: Engine, count: int = 60, users: int = USERS) -> None:
    for user in range(1, users + 1):
        change(database, "insert", random.Random(user), user=uuid.UUID(int=user), count=count)
    refresh_performance(database)


def test_what_was_never_noted_is_read_when_a_user_is_seen_for_the_first_time(database):
    """As after the migration: there are trades, and nothing is kept of them."""
    change(database, "insert", random.Random(1), count=50)
    run(database, "DELETE FROM performance_refreshes")
    change(database, "settle anew", random.Random(2), count=1)
    refresh_performance(database)
    assert_as_computed_in_full(database)


@pytest.mark.parametrize("table", ["trade_signals", "trade_results", "trade_market_snapshot"])
def test_a_truncate_is_followed(database, table):
    fill(database)
    run(database, f"TRUNCATE {table} CASCADE")
    refresh_performance(database)
    assert_as_computed_in_full(database)


def test_a_refresh_that_is_killed_leaves_all_as_it_was_and_runs_again(database):
    fill(database)
    for name in sorted(CHANGES):
        change(database, name, random.Random(name))
    kept = "SELECT * FROM performance_chunks ORDER BY 1, 2, 3, 4"
    before = rows(database, kept), rows(database, "SELECT count(*) FROM performance_refreshes")
    with database.connect() as killed, killed.begin() as transaction:
        noted = "SELECT user_id FROM performance_refreshes"
        killed.execute(text(f"SELECT refresh_atge_performance(ARRAY({noted}))"))
        assert killed.execute(text(noted)).all() == []
        transaction.rollback()
    assert (rows(database, kept), rows(database, "SELECT count(*) FROM performance_refreshes")) == before
    refresh_performance(database)
    assert_as_computed_in_full(database)


def test_refreshes_and_changes_beside_each_other(database):
    fill(database)

    def work(number: int) -> None:
        choices = random.Random(number)
        for _ in range(4):
            change(database, choices.choice(["insert", "settle anew", "complete"]), choices, count=1)
            refresh_performance(database)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    refresh_performance(database)
    assert rows(database, "SELECT user_id FROM performance_refreshes") == []
    assert_as_computed_in_full(database)


def test_a_changed_trade_costs_the_same_however_many_its_user_has(database):
    """Counted in the rows that are written: the chunk of the trade and its node, of two hundred."""
    change(database, "insert", random.Random(3), user=uuid.UUID(int=1), count=3_000, days=300)
    refresh_performance(database)
    kept = "SELECT from_at, from_exit, from_id, xmin::text FROM "
    chunks, nodes = (set(rows(database, f"{kept} performance_{level}")) for level in ("chunks", "nodes"))
    assert len(chunks) > 150
    assert len(nodes) > 8
    one = "(SELECT min(id::text)::uuid FROM trade_results)"
    run(database, f"UPDATE trade_results SET net_profit_loss = 3 WHERE id = {one}")
    refresh_performance(database)
    assert len(set(rows(database, f"{kept} performance_chunks")) - chunks) == 1
    assert len(set(rows(database, f"{kept} performance_nodes")) - nodes) == 1
    assert_as_computed_in_full(database)


def test_what_is_no_number_stays_with_its_user(database):
    fill(database, users=2)
    first = (  # ids are random, and so is which is the first: it must be one that counts in the ratio
        "(SELECT signal.id FROM trade_signals AS signal JOIN trade_results ON trade_signal_id = signal.id "
        "WHERE user_id = CAST(:user AS uuid) AND isfinite(coalesce(completed_at, expires_at)) "
        "ORDER BY signal.id LIMIT 1)"
    )
    for value in ("NaN", "Infinity", "-Infinity", "1e400", "-1e-400"):
        run(
            database,
            "UPDATE trade_results SET net_profit_loss = CAST(:value AS numeric), "
            f"profit_loss_percentage = CAST(:value AS numeric) WHERE trade_signal_id = {first}",
            value=value,
            user=uuid.UUID(int=1),
        )
        refresh_performance(database)
        shown = "SELECT to_jsonb(figures) FROM ({}) AS figures ORDER BY user_id"
        names = ", ".join(sorted(FIGURES))
        kept = shown.format(f"SELECT {names} FROM atge_performance_cache")
        assert rows(database, kept) == rows(database, shown.format(f"SELECT {names} FROM ({FULL}) AS every"))
    too_much = "UPDATE trade_results SET profit_loss_percentage = 1e100000 WHERE trade_signal_id = "
    run(database, too_much + first, user=uuid.UUID(int=1))  # its square is more than a numeric holds
    refresh_performance(database)
    ratios = rows(database, "SELECT sharpe_ratio::text FROM atge_performance_cache ORDER BY user_id")
    assert [ratio for (ratio,) in ratios].count("NaN") == 1
    run(database, f"DELETE FROM trade_signals WHERE id = {first}", user=uuid.UUID(int=1))
    refresh_performance(database)
    assert_as_computed_in_full(database)
