"""Where a failure strikes: each task says it where it is made; `atge_error_logs.error_type` repeats it."""

from collections.abc import Callable
from typing import Any, TypeVar

from include.telemetry import ErrorType

Made = TypeVar("Made")

_MARK = "tradeops_area"


def area(of: ErrorType) -> Callable[[Made], Made]:
    """State the area of a task: below `@task`, or called with an operator. tests/dags asks every task."""

    def state(made: Made) -> Made:
        setattr(made, _MARK, of)
        return made

    return state


def area_of(task: Any) -> ErrorType | None:
    """The area that a task has stated, mapped or not; None: it has stated none."""
    partial = getattr(task, "partial_kwargs", None) or {}
    function = getattr(task, "python_callable", None) or partial.get("python_callable")
    stated: ErrorType | None = getattr(function, _MARK, None) or getattr(task, _MARK, None)
    return stated
