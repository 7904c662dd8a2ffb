"""The candles that a sweep has settled on, put before the candle suite, once a sweep and beside the money.

It judges nothing: the score alone decides, and the audit of the night looks at everything again.
"""

import logging
from collections.abc import Iterator
from datetime import timedelta

import pandas as pd
from sqlalchemy import Engine, text

from include.candles.frame import interval_of
from include.candles.store import read_candles
from include.database import read_frame, sql
from include.quality.results import write_results
from include.quality.suites import validate_candles
from include.quality.validation import Validation, merge_validations
from include.settings import SANDBOX, Settings

logger = logging.getLogger(__name__)

CANDLES_VALIDATED_AT_ONCE = 150_000  # or one symbol's: the suite takes some 2 kB a candle


def validate_settled(
    engine: Engine,
    claim_id: str,
    elapsed: timedelta,
    settings: Settings,
    run_url: str,
    at_once: int = CANDLES_VALIDATED_AT_ONCE,
) -> dict[str, int]:
    """Run the candle suite over what trades were settled on since the sweep began, `elapsed` ago.

    What it says of the candles of each resolution is a row of data_quality_results with `run_url`; what is
    critical is said in the log too. The candles are looked at in portions of about `at_once`. Answers how
    many of which resolution there were. Done again, it replaces its rows. Where sweeps overlap, what one of
    them settled may stand in the other's row as well.
    """
    sandbox = SANDBOX in settings.candle_sources
    with engine.connect() as connection:
        now = connection.execute(text("SELECT now()")).scalar_one()
        span = {"start": now - elapsed, "end": None, "sandbox": sandbox}
        windows = read_frame(connection, sql("quality/list_windows"), span)
    found: dict[str, Validation] = {}
    for resolution, of_resolution in windows.groupby("resolution"):
        parts = []
        for part in _portions(of_resolution, interval_of(str(resolution)), at_once):
            with engine.connect() as connection:
                candles = read_candles(connection, part, str(resolution), sandbox=sandbox)
            parts.append(
                validate_candles(
                    candles.drop(columns="source"),
                    str(resolution),
                    batch=f"sweep {claim_id} {resolution}",
                    windows=part,
                    coverage=settings.data_quality_min,
                )
            )
        found[str(resolution)] = merge_validations(parts)
    for validation in found.values():
        for finding in validation.findings:
            if finding.severity == "critical":
                logger.warning("%s", finding.words)
    with engine.begin() as connection:
        write_results(connection, now.date(), list(found.values()), run_url)
    return {resolution: validation.rows for resolution, validation in found.items()}


def _portions(windows: pd.DataFrame, interval: timedelta, at_once: int) -> Iterator[pd.DataFrame]:
    """Part the windows by symbol so that each part holds about so many candles, or is one symbol's."""
    seconds = (windows["end"] - windows["start"]).dt.total_seconds()
    counts = (seconds / interval.total_seconds()).groupby(windows["symbol"]).sum().cumsum()
    part = windows["symbol"].map(counts // at_once)
    for _, portion in windows.groupby(part):
        yield portion
