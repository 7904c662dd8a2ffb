"""Missing candles on a map: against a count of every minute, and what holes did to trades."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from include.trades.holes import (
    MOST_TRADES,
    MapWindow,
    count_effects,
    list_asked,
    list_symbols,
    merge,
    read_map,
)
from tests.support.rows import insert, insert_candles, insert_signal

HOUR = timedelta(hours=1)
NOW = datetime(2026, 11, 20, 10, 20, tzinfo=UTC)
TODAY = datetime(2026, 11, 20, tzinfo=UTC)


def window(days=2, cell=6, resolution="1h", step=HOUR, **changed) -> MapWindow:
    sandbox = changed.pop("sandbox", False)
    return MapWindow.before(
        NOW, timedelta(days=days), timedelta(hours=cell), step, resolution, sandbox=sandbox
    )


def test_the_window_ends_with_the_cell_that_holds_now_and_wants_nothing_behind_the_last_whole_candle():
    shown = window()
    assert (shown.start, shown.end) == (TODAY - timedelta(hours=36), TODAY + timedelta(hours=12))
    assert shown.until == TODAY + 10 * HOUR
    assert len(shown.cells) == 8


@pytest.mark.parametrize(("days", "resolution", "step"), [(90, "1m", HOUR / 60), (1, "1w", 168 * HOUR)])
def test_a_window_that_would_read_too_much_or_nothing_is_refused(days, resolution, step):
    with pytest.raises(ValueError, match="window"):
        window(days, 1, resolution, step)


def test_a_page_has_the_fewer_symbols_the_more_candles_each_has():
    assert window(7, 6, "1m", HOUR / 60).rows < window(1, 1, "1m", HOUR / 60).rows < window(7, 6).rows


def test_what_is_missing_is_what_a_count_of_each_hour_finds(database):
    """Two trades that overlap, candles with holes, one broken candle, one of another resolution."""
    begin = TODAY - 30 * HOUR
    held = {begin + n * HOUR for n in range(40) if n % 7 and not 10 <= n < 14}
    with database.begin() as connection:
        trades = [(begin + 0.5 * HOUR, begin + 20.5 * HOUR), (begin + 12 * HOUR, TODAY + 30 * HOUR)]
        for start, end in trades:
            insert_signal(connection, symbol="BTC", generated_at=start, expires_at=end)
        for at in held:
            insert_candles(connection, "BTC", "1h", at, HOUR, 1)
        insert_candles(connection, "BTC", "1m", begin + 10 * HOUR, HOUR, 4)
        broken = min(at for at in held if at > begin + 15 * HOUR)
        connection.execute(
            text("UPDATE market_candles SET low = 200 WHERE timestamp = :at AND resolution = '1h'"),
            {"at": broken},
        )
    shown = window()
    with database.connect() as connection:
        (row,) = read_map(connection, shown, ["BTC"])
    hours = [shown.start + n * HOUR for n in range(48)]
    wanted = [
        at
        for at in hours
        if at + HOUR <= shown.until and any(start <= at and at + HOUR <= end for start, end in trades)
    ]
    missing = [at for at in wanted if at not in held - {broken}]
    assert (row.wanted, row.missing) == (len(wanted), len(missing))
    for place, cell in enumerate(shown.cells):
        inside = [at for at in missing if cell <= at < cell + 6 * HOUR]
        assert row.cells[place].missing == len(inside)
    assert {at for start, end in row.holes for at in hours if start <= at < end} == set(missing)
    good = [at for at in held - {broken} if shown.start <= at < shown.end]
    assert row.given == {"archive": len(good)}
    assert row.cells[0].lacking("kraken") == row.cells[0].wanted


def test_a_symbol_without_trades_wants_nothing_and_one_with_many_everything(database):
    shown = window(1, 1)
    with database.begin() as connection:
        insert_candles(connection, "IDLE", "1h", shown.start, HOUR, 3)
        connection.execute(
            text(
                "INSERT INTO trade_signals (user_id, symbol, timeframe, entry_price, stop_loss, "
                "take_profit_1, take_profit_2, take_profit_3, generated_at, expires_at) "
                "SELECT gen_random_uuid(), 'BUSY', '1h', 100, 95, 105, 110, 115, at, at + interval '2 hours' "
                "FROM generate_series(0, :most), LATERAL (SELECT CAST(:at AS timestamptz) AS at) AS moment"
            ),
            {"at": shown.start + 2 * HOUR, "most": MOST_TRADES},
        )
    with database.connect() as connection:
        assert list_symbols(connection, shown, None, 9) == ["BUSY", "IDLE"]
        assert list_symbols(connection, shown, "BUSY", 9) == ["IDLE"]
        busy, idle = read_map(connection, shown, ["BUSY", "IDLE"])
    assert (busy.busy, busy.wanted) == (True, (shown.until - shown.start) // HOUR)
    assert (idle.busy, idle.wanted, idle.missing, idle.given) == (False, 0, 0, {"archive": 3})


def test_what_a_hole_did_is_counted_over_the_trades_that_it_touches(database):
    hole = (TODAY - 5 * HOUR, TODAY - 3 * HOUR)
    with database.begin() as connection:

        def trade(status, start, end, **result):
            made = insert_signal(
                connection, symbol="BTC", status=status, generated_at=TODAY + start * HOUR,
                expires_at=TODAY + end * HOUR,
            )  # fmt: skip
            if result:
                insert(connection, "trade_results", trade_signal_id=made, **result)

        trade("completed_success", -9, -4, unseen_candles=2, data_quality_score=95, data_resolution="4h")
        trade("completed_failure", -4, 2, unseen_candles=0, data_quality_score=100, data_resolution="1h")
        trade("incomplete_data", -6, -1)
        trade("active", -6, -1)
        trade("completed_success", -3, 2, unseen_candles=7, data_quality_score=50, data_resolution="1d")
        trade("completed_success", -9, -5, unseen_candles=7)
    with database.connect() as connection:
        (found,) = count_effects(connection, [("BTC", hole)], "1h").values()
        assert count_effects(connection, [], "1h") == {}
    assert (found.trades, found.waiting, found.incomplete) == (4, 1, 1)
    assert (found.unseen, found.unseen_candles, found.coarser) == (1, 2, 1)
    assert (found.lower_quality, found.worst_quality) == (1, 95)


def test_what_sources_said_of_a_hole_is_the_last_of_each(database):
    statement = text(
        "INSERT INTO candle_fetches (symbol, resolution, source, start_at, end_at, fetched_at, ask_again_at, "
        "candles, outcome, reason) VALUES ('BTC', '1h', :source, :start, :end, :at, :at, :candles, :outcome, "
        ":reason)"
    )
    span = {"start": TODAY, "end": TODAY + HOUR, "candles": 0}
    with database.begin() as connection:
        for source, outcome, hours in (
            ("kraken", "failed", 1),
            ("kraken", "answered", 2),
            ("x", "failed", 1),
        ):
            values = {"source": source, "outcome": outcome, "at": TODAY + hours * HOUR, "reason": None}
            connection.execute(statement, span | values)
    with database.connect() as connection:
        asked = list_asked(connection, "BTC", "1h", (TODAY - HOUR, TODAY + 3 * HOUR))
        assert list_asked(connection, "BTC", "1h", (TODAY + HOUR, TODAY + 3 * HOUR)) == []
    assert [(one.source, one.outcome) for one in asked] == [("kraken", "answered"), ("x", "failed")]


def test_spans_merge():
    a, b, c, d = (TODAY + n * HOUR for n in range(4))
    assert merge([(c, d), (a, b), (b, c), (d, a), (a, a)]) == [(a, d)]
