"""Generating signals: from a request to a stored trade by way of a snapshot, indicators and a model.

`read_form` checks what was asked for, `open_attempts` takes it up, the five `…_batch` functions are the
steps, `report_run` says what became of it; docs/signals.md explains it. The steps need pandas and the like,
so all but the lists of what may be asked for is imported when it is first used (PEP 562).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from include.signals.requests import SYMBOLS, TIMEFRAMES, BadRequest, read_form

if TYPE_CHECKING:
    from include.signals.attempts import Opened, Report, open_attempts, report_run
    from include.signals.generate import (
        collect_batch,
        compute_batch,
        propose_batch,
        snapshot_batch,
        store_batch,
    )

__all__ = [
    "SYMBOLS",
    "TIMEFRAMES",
    "BadRequest",
    "Opened",
    "Report",
    "collect_batch",
    "compute_batch",
    "open_attempts",
    "propose_batch",
    "read_form",
    "report_run",
    "snapshot_batch",
    "store_batch",
]

_HOME = {
    "Opened": "attempts",
    "Report": "attempts",
    "collect_batch": "generate",
    "compute_batch": "generate",
    "open_attempts": "attempts",
    "propose_batch": "generate",
    "report_run": "attempts",
    "snapshot_batch": "generate",
    "store_batch": "generate",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
