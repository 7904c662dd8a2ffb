"""The expectation suites: what is expected of candles, of their sources' answers, and of settled trades.

Each expectation is critical (the data is wrong: the audit fails) or a warning (it is thin or late: the audit
notes it). Great Expectations looks at rows; what takes more than a row is a column made before, by `measure`
for candles and by sql/queries/quality/read_trades.sql for trades.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from include.candles.frame import CANDLE, PRICES, interval_of
from include.quality.measures import measure
from include.quality.validation import Validation, load_expectations, validate

CANDLES, FETCHES, SIGNALS, RESULTS = "candles", "candle_fetches", "trade_signals", "trade_results"

# By how many percent closes of two sources may differ. Of real daily closes of BTC on Coinbase, Bitstamp and
# Binance (2017 to 2019), 1 to 3 in a hundred lie more than 2 % apart, and none more than 6.5 %.
UNUSUAL_PERCENT, WRONG_PERCENT = 2.0, 10.0
MONEY_ERROR = 1e-9  # of the trade size: the engine computes in floats
HIGHEST = 1e300  # above are infinity and nonsense


def validate_candles(
    candles: pd.DataFrame,
    resolution: str,
    *,
    batch: str,
    windows: pd.DataFrame | None = None,
    within: pd.DataFrame | None = None,
    second: pd.DataFrame | None = None,
    coverage: float = 90.0,
) -> Validation:
    """Run the candle suite over candles of one resolution, of as many symbols as they hold.

    The candles may come from the store, or raw from a source: then rows out of order, repeated and
    contradictory ones are found too. `windows`, `within` and `second` are those of `measure`; a symbol of
    `windows` that has no candle at all is found. `coverage`: percent of the wanted candles that must be
    there. `batch`: what the data is called in the findings. Whether a second source agrees is judged only
    where one has candles of the same times.

    Raises ValueError for an unknown resolution or naive timestamps.
    """
    interval = interval_of(resolution)
    expectations = _candle_schema(list(candles.columns))
    numeric = [column in candles and is_numeric_dtype(candles[column]) for column in (*PRICES, "volume")]
    if not (set(CANDLE) <= set(candles.columns) and all(numeric)):
        return validate(
            candles, CANDLES, expectations, batch=batch, noun="candles", key=["symbol", "timestamp"]
        )
    measured = measure(candles, interval, windows=windows, within=within, second=second)
    symbols = set() if windows is None else set(windows["symbol"])
    expectations += _candle_rows(symbols, coverage)
    if measured["difference"].notna().any():  # what nobody was asked about is not met, it is not looked at
        expectations += _agreement()
    return validate(measured, CANDLES, expectations, batch=batch, noun="candles", key=["symbol", "timestamp"])


def validate_fetches(fetches: pd.DataFrame, *, batch: str) -> Validation:
    """Run the suite over what sources answered: `symbol, resolution, source, outcome, reason` and times."""
    unreadable = "a price is not a number|the volume is not a finite number|the time cannot be read|no symbol"
    expectations = [
        _expect("ColumnValuesToNotMatchRegex", "no source contradicts itself",
                "a source gave different values for one time, all refused",
                column="reason", regex="contradict each other"),
        _expect("ColumnValuesToNotMatchRegex", "sources give readable candles",
                "a source gave rows that cannot be read",
                severity="warning", column="reason", regex=unreadable),
        _expect("ColumnValuesToNotBeInSet", "sources answer", "a source failed",
                severity="warning", column="outcome", value_set=["failed"]),
    ]  # fmt: skip
    key = ["source", "symbol", "resolution", "start_at"]
    return validate(fetches, FETCHES, expectations, batch=batch, noun="fetches", key=key)


def validate_signals(trades: pd.DataFrame, *, batch: str) -> Validation:
    """Run the suite of proposals over settled trades: rows of quality/read_trades.sql, times naive."""
    return validate(trades, SIGNALS, _signals(), batch=batch, noun="trades", key=["id", "symbol"])


def validate_results(trades: pd.DataFrame, *, batch: str, score: float = 90.0) -> Validation:
    """Run the suite of results over settled trades: rows of sql/queries/quality/read_trades.sql, times naive.

    `score`: what the data of a trade that was settled on candles must have reached at the gate.
    """
    return validate(trades, RESULTS, _results(score), batch=batch, noun="trades", key=["id", "symbol"])


def _expect(kind: str, words: str, fault: str, *, severity: str = "critical", **about: Any) -> Any:
    """Make an expectation of Great Expectations by its name, with the words that people read."""
    make = getattr(load_expectations(), f"Expect{kind}")
    return make(description=words, meta={"fault": fault}, severity=severity, **about)


def _not_null(columns: Sequence[str], severity: str = "critical") -> list[Any]:
    return [
        _expect(
            "ColumnValuesToNotBeNull", f"{column} is known", f"no {column}", severity=severity, column=column
        )
        for column in columns
    ]


def _between(column: str, words: str, fault: str, severity: str = "critical", **bounds: Any) -> Any:
    return _expect("ColumnValuesToBeBetween", words, fault, severity=severity, column=column, **bounds)


def _true(column: str, words: str, fault: str, *, value: bool = True, severity: str = "critical") -> Any:
    return _expect("ColumnValuesToBeInSet", words, fault, severity=severity, column=column, value_set=[value])


def _at_least(column: str, other: str, words: str, fault: str) -> Any:
    """Expect `column >= other` where both are known."""
    return _expect(
        "ColumnPairValuesAToBeGreaterThanB",
        words,
        fault,
        column_A=column,
        column_B=other,
        or_equal=True,
        ignore_row_if="either_value_is_missing",
    )


def _equal(column: str, other: str, words: str, fault: str) -> Any:
    """Expect both columns to be the same where both are known."""
    return _expect(
        "ColumnPairValuesToBeEqual",
        words,
        fault,
        column_A=column,
        column_B=other,
        ignore_row_if="either_value_is_missing",
    )


def _candle_schema(columns: list[str]) -> list[Any]:
    return [
        _expect(
            "TableColumnsToMatchSet",
            "every column of a candle is there",
            "a column is missing",
            column_set=CANDLE,
            exact_match=False,
        ),
        *[
            _expect(
                "ColumnValuesToBeInTypeList",
                f"{column} holds numbers",
                f"{column} holds no numbers",
                column=column,
                type_list=["float64", "int64"],
            )
            for column in (*PRICES, "volume")
            if column in columns
        ],
    ]


def _candle_rows(symbols: set[str], coverage: float) -> list[Any]:
    return [
        *_not_null(["symbol", "timestamp", *PRICES]),
        *_not_null(["volume"], "warning"),
        *[
            _between(price, f"{price} is a positive number", f"{price} is no positive number",
                     min_value=0, strict_min=True, max_value=HIGHEST)
            for price in PRICES
        ],
        _between("volume", "volume is 0 or more", "a negative volume", min_value=0, max_value=HIGHEST),
        *[
            _at_least("high", price, f"high is at or above {price}", f"high below {price}")
            for price in ("open", "close")
        ],
        *[
            _at_least(price, "low", f"low is at or below {price}", f"low above {price}")
            for price in ("open", "close")
        ],
        # cadence
        _true("off_grid", "candles open on the grid of their resolution", "opens off the grid", value=False),
        _expect("ColumnDistinctValuesToContainSet", "every wanted symbol has candles", "no candle at all",
                column="symbol", value_set=sorted(symbols)),
        _between("missing", "no wanted candle is missing", "candles missing right before", "warning",
                 max_value=0),
        _between("coverage", f"{coverage:g} % of the wanted candles are there",
                 "too few of the wanted candles", min_value=coverage),
        # freshness
        _between("behind", "candles reach to the end of what is wanted", "candles missing at the end",
                 "warning", max_value=0),
        # duplicates
        _true("contradicted", "one time has one candle", "different values for the same time", value=False),
        _true("repeated", "no row comes twice", "the same row twice", value=False, severity="warning"),
        _true("backwards", "rows are in order of time", "out of the order of the other rows", value=False),
        _true("copied", "no stretch of candles repeats an earlier one", "a copy of an earlier stretch",
              value=False),
        # jumps
        _at_least("limit", "move", "no price is far from the closes before",
                  "a price far from the closes before"),
    ]  # fmt: skip


def _agreement() -> list[Any]:
    return [
        _between("difference", f"a second source agrees to within {WRONG_PERCENT:g} %",
                 "another source has another price", max_value=WRONG_PERCENT),
        _between("difference", f"a second source agrees to within {UNUSUAL_PERCENT:g} %",
                 "another source is some percent away", "warning", max_value=UNUSUAL_PERCENT),
    ]  # fmt: skip


def _signals() -> list[Any]:
    choices = {
        "direction": ["LONG", "SHORT"],
        "timeframe": ["15m", "1h", "4h", "1d", "1w"],
        "status": ["completed_success", "completed_failure", "expired", "incomplete_data"],
    }
    return [
        *_not_null(["symbol", "generated_at", "expires_at", "completed_at"]),
        *_not_null(["status_reason"], "warning"),
        _expect("ColumnValuesToBeUnique", "a trade is there once", "the same trade twice", column="id"),
        *[
            _expect("ColumnValuesToBeInSet", f"{column} is one of {', '.join(known)}", f"an unknown {column}",
                    column=column, value_set=known)
            for column, known in choices.items()
        ],
        _between("confidence_score", "confidence_score is from 0 to 100", "a confidence_score out of range",
                 min_value=0, max_value=100),
        _equal("is_invalid", "called_invalid", "trades with wrong levels, and only those, are called invalid",
               "called invalid or not, against its levels"),
        _at_least("completed_at", "expires_at", "trades are settled after their expiry",
                  "settled before its expiry"),
    ]  # fmt: skip


def _results(score: float) -> list[Any]:
    errors = {
        "net_error": ("net = gross - fees - slippage", "net is not gross - fees - slippage"),
        "percentage_error": ("percentage = 100 * net / size", "percentage is not 100 * net / size"),
        "gross_error": ("gross follows from the two prices", "gross does not follow from the two prices"),
    }
    return [
        _true("has_result", "a settled trade has a result", "settled without a result"),
        _equal("status", "status_by_reason", "status follows from exit_reason and net",
               "status does not follow from exit_reason and net"),
        _true("outcome_complete", "entered trades have times, prices and money, others have none",
              "times, prices or money missing, or where none belong"),
        *[
            _between(column, words, fault, max_value=MONEY_ERROR) for column, (words, fault) in errors.items()
        ],
        *[
            _between(cost, f"{cost} is 0 or more", f"negative {cost}", min_value=0)
            for cost in ("fees_paid", "slippage_cost")
        ],
        _at_least("entry_at", "generated_at", "entered after the signal", "entered before the signal"),
        _at_least("exit_at", "entry_at", "left after the entry", "left before the entry"),
        _at_least("expires_at", "exit_at", "left before the expiry", "left after the expiry"),
        _equal("time_to_completion_minutes", "minutes_by_times", "the minutes follow from the times",
               "the minutes do not follow from the times"),
        _true("hits_complete", "hits have a time and a price, misses have neither",
              "a hit without time or price"),
        _at_least("first_hit_at", "entry_at", "no hit before the entry", "a hit before the entry"),
        _at_least("exit_at", "last_hit_at", "no hit after the exit", "a hit after the exit"),
        _true("stop_fits", "sl_hit follows from exit_reason", "sl_hit against exit_reason"),
        _between("max_favorable_excursion", "max_favorable_excursion is 0 or more",
                 "a negative max_favorable_excursion", min_value=0),
        _between("max_adverse_excursion", "max_adverse_excursion is 0 or less",
                 "a positive max_adverse_excursion", max_value=0),
        _between("data_quality_score", "data_quality_score is from 0 to 100",
                 "a data_quality_score out of range", min_value=0, max_value=100),
        _between("settled_score", f"trades are settled on data with a score of {score:g} or more",
                 "settled on data below the gate", "warning", min_value=score),
    ]  # fmt: skip
