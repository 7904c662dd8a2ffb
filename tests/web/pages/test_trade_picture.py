"""What a trade's page tells of the market: the picture, the settlement step by step, why it waits."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from itertools import pairwise

import numpy as np
import pytest

from include.trades.claim import claim_due
from include.trades.settle import settle_batch
from tests.support.pages import page
from tests.support.trades import SETTINGS, START, insert, rising, run, store

MINUTE = timedelta(minutes=1)


def settle(database):
    for batch in claim_due(database, "sweep-1", SETTINGS).batches:
        settle_batch(database, "sweep-1", batch, SETTINGS)


def show(client, trade, query="", status=200):
    answer = client.get(f"/tradeops/trades/{trade}{query}")
    assert answer.status_code == status
    return answer.text


def words(client, trade, query=""):
    """What the page says, with a space where a tag stands."""
    return " ".join(unescape(re.sub("<[^>]+>", " ", show(client, trade, query))).split())


def count(shown, css):
    return len(re.findall(f'class="{css}[ "]', shown))


def test_a_settled_trade_is_drawn_with_its_levels_and_what_happened(database, client):
    store(database, rising())
    (trade,) = insert(database, {})
    settle(database)
    shown = show(client, trade)
    assert count(shown, "candle") == 38  # until its exit after half an hour, and a quarter of that
    assert count(shown, "level") == 5 and count(shown, "marker") == 4
    for part in ("Entered at 100.00", "Target 3 reached at 103.00", "archive", 'role="img"'):
        assert part in shown
    assert count(shown, "unseen") == 0
    assert count(show(client, trade, "?whole=true"), "candle") == 60
    assert "put together from candles of 1m" in words(client, trade, "?zoom=5m")
    assert count(show(client, trade, "?zoom=1w"), "candle") == 38  # what does not fit is not obeyed


def test_the_steps_are_those_of_the_settlement_and_add_up(database, client):
    store(database, rising())
    (trade,) = insert(database, {"take_profit_3": 110})  # the last part is closed at the end of its time
    settle(database)
    shown = words(client, trade)
    for part in (
        "LONG 10 BTC at 100.00 1,000.00", "40.0 % closed at 101.00 404.00", "30.0 % closed at 102.00 306.00",
        "Last close 30.0 % closed at 106.00 318.00", "Closed in all 10 BTC at 102.80 on average 1,028.00",
        "closed − put in 28.00", "0.1 % of what was put in and of what was closed -2.03", "23.94",
        "It adds up to a cent",
    ):  # fmt: skip
        assert part in shown, part
    run(database, "UPDATE trade_results SET net_profit_loss = 99")
    assert "does not add up" in words(client, trade)


def test_a_short_that_is_stopped_by_a_jump_says_at_which_price(database, client):
    candles = rising()
    candles.loc[10:, ["open", "high", "low", "close"]] += 10
    store(database, candles)
    short = {
        "direction": "SHORT",
        "stop_loss": 102,
        "take_profit_1": 99,
        "take_profit_2": 98,
        "take_profit_3": 97,
    }
    (trade,) = insert(database, short)
    settle(database)
    shown = words(client, trade)
    assert "Stop 100.0 % closed at 111.00 1,110.00" in shown  # the open behind the jump, not the stop
    assert "put in − closed -110.00" in shown
    assert count(show(client, trade), "marker") == 2


def test_what_nobody_saw_is_shaded_and_named(database, client):
    candles = rising()
    store(database, candles[(candles.index < 3) | (candles.index >= 9)].drop(index=[20]))
    (trade,) = insert(database, {"take_profit_1": 104, "take_profit_2": 105, "take_profit_3": 105.5})
    for batch in claim_due(database, "s", SETTINGS).batches:
        settle_batch(database, "s", batch, SETTINGS.model_copy(update={"data_quality_min": 50}))
    shown = show(client, trade)
    assert count(shown, "unseen") == 2
    assert f"{START:%Y-%m-%d} 12:03 to 12:09, 6 candles" in shown
    assert "12:20 to 12:21, 1 candle" in shown and "Unseen candles" in shown


def test_a_trade_without_candles_and_one_with_a_single_one(database, client):
    none, one = insert(database, {"symbol": "NONE"}, {"symbol": "ONE", "expires_at": START + 5 * MINUTE})
    store(database, rising("ONE", 1))
    assert "nothing to draw" in words(client, none)
    assert "Fetch its candles" in words(client, none)
    assert count(show(client, one), "candle") == 1


def test_a_trade_that_was_never_entered_moved_no_money(database, client):
    store(database, rising())
    (trade,) = insert(database, {"entry_price": 50, "stop_loss": 49})
    settle(database)
    assert "No money moved: not entered" in words(client, trade)
    assert count(show(client, trade), "marker") == 0


def test_numbers_and_times_that_are_none_break_nothing(database, client):
    store(database, rising())
    trades = insert(database, {}, {}, {}, {})
    settle(database)
    changes = (
        "stop_loss = 'NaN', entry_price = 'Infinity', take_profit_1 = 1e400, take_profit_2 = -1, "
        "allocation_1 = 'NaN'",
        "generated_at = 'infinity', expires_at = '12026-01-01Z', ai_reasoning = '<script>alert(1)</script>'",
        "generated_at = '0044-03-15 BC', status = 'active'",
        "generated_at = '-infinity', expires_at = 'infinity', status = 'active', confidence_score = 0",
    )
    for trade, change in zip(trades, changes, strict=True):
        run(database, f"UPDATE trade_signals SET {change} WHERE id = CAST(:id AS uuid)", id=trade)
    run(
        database,
        "UPDATE trade_results SET net_profit_loss = 'NaN', fees_paid = 'Infinity', sl_hit_price = 1e400, "
        "exit_at = 'infinity' WHERE trade_signal_id = CAST(:id AS uuid)",
        id=trades[1],
    )
    for trade in trades:
        assert words(client, trade)
    for out in ("NULL", "'infinity'", "'-infinity'", "'9999-12-31 23:59:59Z'", "'0001-01-01Z'"):
        change = f"UPDATE trade_results SET sl_hit = false, exit_reason = 'expired', exit_at = {out}"
        run(database, f"{change} WHERE trade_signal_id = CAST(:id AS uuid)", id=trades[0])
        assert count(show(client, trades[0]), "candle") > 0, out
    assert "&lt;script&gt;alert(1)" in show(client, trades[1])
    assert "12026" in words(client, trades[1]) and "nothing to draw" in words(client, trades[1])


def test_a_trade_that_waits_says_what_is_missing_who_failed_and_what_to_do(database, client):
    candles = rising()
    store(database, candles[candles.index < 20])
    (trade,) = insert(database, {"generated_at": START, "expires_at": START + timedelta(hours=1)})
    patient = SETTINGS.model_copy(update={"data_quality_patience": timedelta(days=9_000)})
    assert "no sweep has judged it yet" in words(client, trade)
    for batch in claim_due(database, "sweep-7", SETTINGS).batches:
        settle_batch(database, "sweep-7", batch, patient)
    run(
        database,
        "INSERT INTO candle_fetches (symbol, resolution, source, start_at, end_at, fetched_at, ask_again_at, "
        "candles, outcome, reason) SELECT 'BTC', '1m', source, :start + n * interval '2 hours', "
        ":start + n * interval '2 hours' + interval '1 hour', now(), now(), 0, 'failed', 'http 503' "
        "FROM (SELECT 'kraken', 0 UNION ALL SELECT 'another', generate_series(1, 2000)) AS asked (source, n)",
        start=START,
    )
    details = (
        '{"checks": [{"expectation": "no candle is missing", "severity": "critical", "success": false, '
        '"failed": 1, "examples": []}], "noun": "candles", "notes": []}'
    )
    run(
        database,
        "INSERT INTO data_quality_results (suite, batch, day, success, severity, rows, evaluated, failed, "
        "details, run_url) "
        "VALUES ('candles', :batch, :day, false, 'critical', 1, 1, 1, CAST(:details AS jsonb), '')",
        batch=f"BTC/1m/{START:%Y-%m-%d}", day=START.date(), details=details,
    )  # fmt: skip
    said = words(client, trade)
    for part in (
        "waiting", "data quality 33.3 of 90", "sweep-7", "12:20 to 13:00, 40 candles",
        "kraken failed: http 503", "no candle is missing", "Tries",
    ):  # fmt: skip
        assert part in said, part
    links = page(client, f"/tradeops/trades/{trade}").links
    assert any("/start/collect_candles?" in link and trade in link for link in links)
    assert any("/data-docs/" in link for link in links)


def test_a_running_trade_shows_how_far_its_levels_are_and_is_fetched_anew(database, client):
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    store(database, rising(start=now - timedelta(minutes=70)), source="sandbox")
    (trade,) = insert(
        database,
        {
            "generated_at": now - timedelta(minutes=60),
            "expires_at": now + timedelta(hours=5),
            "take_profit_1": 110,
        },
    )
    shown = show(client, trade)
    assert 'data-every="60"' in shown
    said = words(client, trade)
    assert "Newest price 106.00" in said and re.search("1[1-5] min ago", said)
    assert "Target 1 +3.77 % to 110.00" in said
    assert "invented" in said


def test_buttons_open_forms_filled_with_the_trade(database, client):
    store(database, rising())
    (trade,) = insert(database, {})
    settle(database)
    links = page(client, f"/tradeops/trades/{trade}").links
    for dag in ("replay_trades?trade_ids", "analyse_trades?ids"):
        assert any(f"/start/{dag}={trade}" in link for link in links), dag


@pytest.mark.parametrize("hours", [1, 30, 24 * 30, 24 * 365 * 10])
def test_the_picture_stays_small_however_long_the_trade_lives(database, client, hours):
    store(database, rising(start=START, minutes=120))
    (trade,) = insert(database, {"expires_at": START + timedelta(hours=hours)})
    shown = show(client, trade)
    assert count(shown, "candle") <= 400
    assert len(shown) < 300_000


def test_steps_of_odd_allocations_add_up():
    from include.trades.steps import settlement_steps

    third, size = Decimal("33.33"), Decimal(1000)
    average = (third * (Decimal(110) + Decimal(120)) + third * Decimal(90)) / (3 * third)
    gross = 10 * average - size
    trade = {
        "direction": "LONG", "trade_size_usd": size, "actual_entry_price": Decimal(100),
        "actual_exit_price": average, "gross_profit_loss": gross, "fees_paid": Decimal(2),
        "slippage_cost": Decimal(1),
        "net_profit_loss": gross - 3, "sl_hit": True, "sl_hit_price": Decimal(90),
        **{f"take_profit_{n}": Decimal(100 + 10 * n) for n in (1, 2, 3)},
        **{f"allocation_{n}": third for n in (1, 2, 3)}, "tp1_hit": True, "tp2_hit": True, "tp3_hit": False,
    }  # fmt: skip
    steps = settlement_steps(trade)
    assert steps.differences == ()
    assert [leg.name for leg in steps.legs] == ["Target 1", "Target 2", "Stop"]
    assert np.isclose(float(sum(leg.value for leg in steps.legs)), float(10 * average))
    assert settlement_steps(trade | {"fees_paid": None}) is None
    assert settlement_steps(trade | {"actual_entry_price": Decimal("NaN")}) is None


def test_names_of_levels_are_moved_apart():
    from include.web.charts.candles import spread

    for heights in ([100, 100, 100], [0, 1, 2, 339, 340], [10, 30, 31, 32, 200], [], [500, 500]):
        shown = spread(heights, 15, 340)
        assert shown == sorted(shown)
        assert all(later - earlier >= 15 for earlier, later in pairwise(shown))
        assert all(0 <= height <= 340 for height in shown)
    assert spread([50, 200], 15, 340) == [50, 200]
