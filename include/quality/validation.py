"""Running an expectation suite over a frame, and what comes of it, in words.

Great Expectations is called directly. Its import takes 3 seconds and 150 MB (10 seconds where bytecode is not
kept), so it happens when the first suite is made: no module of this package imports it at its top.
"""

import functools
import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from include.humanize import number_text

EXAMPLES = 5  # rows that an unmet expectation shows
MAX_DETAIL_CHARACTERS = 200  # characters of one of them
SEVERITIES = ("critical", "warning")  # the worst first


@dataclass(frozen=True)
class Check:
    """One expectation, and how many rows broke it."""

    expectation: str  # what is expected, in words
    fault: str  # what a row that breaks it has, in words
    severity: str  # one of SEVERITIES
    success: bool
    failed: int  # rows that broke it; for an expectation of the whole table, how many things are wrong
    examples: tuple[str, ...]  # some of these rows


@dataclass(frozen=True)
class QualityFinding:
    """An expectation that a batch did not meet."""

    suite: str
    batch: str
    severity: str
    share: float  # of the batch's rows, from 0 to 1
    words: str  # a sentence for people, batch included


@dataclass(frozen=True)
class Validation:
    """What a suite said of a batch of rows."""

    suite: str
    batch: str
    rows: int
    noun: str  # what a row is: candles, trades
    checks: tuple[Check, ...]  # in the order of the suite
    notes: tuple[str, ...] = ()  # what was not looked at, and why

    @property
    def success(self) -> bool:
        """Whether every expectation was met."""
        return all(check.success for check in self.checks)

    @property
    def severity(self) -> str | None:
        """Of the worst expectation that was not met; None where all were."""
        unmet = {check.severity for check in self.checks if not check.success}
        return min(unmet, key=SEVERITIES.index, default=None)

    @property
    def findings(self) -> list[QualityFinding]:
        """The expectations that were not met, the worst first."""
        found = [
            QualityFinding(self.suite, self.batch, check.severity, self._share(check), self._words(check))
            for check in self.checks
            if not check.success
        ]
        return worst_first(found)

    def counted(self, count: int) -> str:
        """So many of what a row is, in words: `1 fetch`, `1,440 candles`."""
        one = self.noun.removesuffix("es") if self.noun.endswith("ches") else self.noun.removesuffix("s")
        return f"{number_text(count)} {one if count == 1 else self.noun}"

    def noting(self, notes: Sequence[str]) -> "Validation":
        """The same, with these notes added."""
        return replace(self, notes=(*self.notes, *notes))

    def _share(self, check: Check) -> float:
        return min(check.failed / self.rows, 1.0) if self.rows else 1.0

    def _words(self, check: Check) -> str:
        count = (
            f"{number_text(check.failed)} of {self.counted(self.rows)}" if self.rows else f"no {self.noun}"
        )
        shown = f", first {check.examples[0]}" if check.examples else ""
        return f"{self.batch}: {check.fault} ({count}{shown})"


def merge_validations(parts: Sequence[Validation]) -> Validation:
    """Put together what one suite said of the parts of one batch, each a whole by itself."""
    checks = []
    for same in zip(*(part.checks for part in parts), strict=True):
        examples = [example for check in same for example in check.examples]
        checks.append(
            replace(
                same[0],
                success=all(check.success for check in same),
                failed=sum(check.failed for check in same),
                examples=tuple(examples[:EXAMPLES]),
            )
        )
    notes = dict.fromkeys(note for part in parts for note in part.notes)
    return replace(parts[0], rows=sum(part.rows for part in parts), checks=tuple(checks), notes=tuple(notes))


def worst_first(findings: list[QualityFinding]) -> list[QualityFinding]:
    """Order findings by severity, then by the share of rows concerned, then by batch."""
    return sorted(findings, key=lambda one: (SEVERITIES.index(one.severity), -one.share, one.batch))


@functools.cache
def load_expectations() -> Any:
    """Import Great Expectations, silent towards its makers; answer its module of expectations."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logging.getLogger("great_expectations").setLevel(logging.WARNING)  # it tells a hundred lines of itself
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it imports sre_constants
        from great_expectations import expectations
    return expectations


@functools.cache
def _batch_definition() -> Any:
    """Open a context in memory, without progress bars, that takes whole frames."""
    load_expectations()
    from great_expectations import get_context
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("whole")


def validate(
    frame: pd.DataFrame, suite: str, expectations: list[Any], *, batch: str, noun: str, key: list[str]
) -> Validation:
    """Run expectations over a frame. `key`: the columns that name a row in the examples.

    Each expectation brings its `description` and, as `meta`, `fault`: see `Check`. Raises RuntimeError when
    one cannot be evaluated, which is a mistake in the suite.
    """
    results = _evaluate(frame, suite, expectations, {"result_format": "BOOLEAN_ONLY"})
    unmet = [number for number, result in enumerate(results) if not result.success]
    if unmet:  # asking for counts and examples takes twice as long, and is of use for these only
        asked = {
            "result_format": "SUMMARY",
            "partial_unexpected_count": EXAMPLES,
            "unexpected_index_column_names": [column for column in key if column in frame],
        }
        explained = _evaluate(frame, suite, [expectations[number] for number in unmet], asked)
        for number, result in zip(unmet, explained, strict=True):
            results[number] = result
    return Validation(suite, batch, len(frame), noun, tuple(_check(result, key) for result in results))


def _evaluate(
    frame: pd.DataFrame, suite: str, expectations: list[Any], result_format: dict[str, Any]
) -> list[Any]:
    """Evaluate expectations; answer Great Expectations' results, in the order of the expectations."""
    load_expectations()
    from great_expectations import ExpectationSuite

    for number, expectation in enumerate(expectations):
        expectation.meta["number"] = number
    outcome = (
        _batch_definition()
        .get_batch({"dataframe": frame})
        .validate(ExpectationSuite(suite, expectations=expectations), result_format=result_format)
    )
    for result in outcome.results:
        told = result.exception_info
        if "raised_exception" not in told or told["raised_exception"]:
            raise RuntimeError(f"{result.expectation_config.description!r} could not be evaluated: {told}")
    return sorted(outcome.results, key=lambda result: result.expectation_config.meta["number"])


def _check(result: Any, key: list[str]) -> Check:
    config, said = result.expectation_config, result.result
    mismatched = said.get("details", {}).get("mismatched", {})
    missing = said.get("partial_missing_list") or mismatched.get("missing", [])
    if result.success:
        failed, examples = 0, []
    elif "unexpected_count" in said:
        failed = said["unexpected_count"]
        examples = [_describe(row, key) for row in said["partial_unexpected_index_list"]]
    elif missing:
        failed = said.get("missing_count", len(missing))
        examples = sorted(str(name) for name in missing)[:EXAMPLES]
    else:
        failed, examples = 1, [f"found: {said['observed_value']}"]
    return Check(
        expectation=config.description,
        fault=config.meta["fault"],
        severity=config.severity.value,
        success=bool(result.success),
        failed=int(failed),
        examples=tuple(example[:MAX_DETAIL_CHARACTERS] for example in examples),
    )


def _describe(row: Mapping[str, Any], key: list[str]) -> str:
    """Name a row by its key, and show the values that were looked at: `BTC 2026-11-20 03:14, move 10`."""
    name = " ".join(_show(row[column]) for column in key if column in row)
    values = [
        f"{column} {_show(value)}"
        for column, value in row.items()
        if column not in key and not isinstance(value, bool | np.bool_)
    ]
    return ", ".join([name, *values])


def _show(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M:%S}".removesuffix(":00")
    return f"{value:.8g}" if isinstance(value, float) else str(value)


def to_details(validation: Validation) -> dict[str, Any]:
    """Give what the table keeps of a validation: bounded, as JSON takes it."""
    return {
        "noun": validation.noun,
        "checks": [asdict(check) for check in validation.checks],
        "notes": [note[:MAX_DETAIL_CHARACTERS] for note in validation.notes],
    }
