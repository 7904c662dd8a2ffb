"""`@task` of this project, and what a task states of itself where it is made: tests/dags asks it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow.sdk import get_current_context
from airflow.sdk import task as airflow_task

from include.airflow.tags import Effect
from include.telemetry import ErrorType

_FACTS_ATTRIBUTE = "tradeops_facts"

BULK_QUEUE = "bulk"
_BULK_POOLS = {"backups", "exports", "reports"}


@dataclass(frozen=True)
class TaskFacts:
    """What a task states of itself.

    `area` is where its failure strikes (`atge_error_logs.error_type`). `outside`: it calls something besides
    the platform's database, so it queues in a pool. `long`: it may take more than an hour. `effect`: what it
    does that cannot be taken back.
    """

    area: ErrorType
    outside: bool = False
    long: bool = False
    effect: Effect | None = None


def task(
    *,
    area: ErrorType,
    outside: bool = False,
    long: bool = False,
    effect: Effect | None = None,
    **airflow: Any,
) -> Callable[[Callable[..., Any]], Any]:
    """Make a task of a function; `airflow` are the arguments of Airflow's own `@task`, such as `pool`.

    What is large or takes long (backups, exports, reports) goes to the queue `bulk`: on a cluster workers of
    its own take it, so that it keeps no slot from settling trades. The local executor knows no queues.
    """
    if airflow.get("pool") in _BULK_POOLS:
        airflow = {"queue": BULK_QUEUE, **airflow}

    def make(function: Callable[..., Any]) -> Any:
        return airflow_task(**airflow)(state(function, area=area, outside=outside, long=long, effect=effect))

    return make


def state(made: Any, **facts: Any) -> Any:
    """State the facts of an operator, which no decorator makes; gives it back."""
    setattr(made, _FACTS_ATTRIBUTE, TaskFacts(**facts))
    return made


def numbered(argument: str) -> str:
    """A `map_index_template` by an argument that counts from 0: `batch 1`, then what `note_done` was told."""
    number, done = f"task.op_kwargs['{argument}'] + 1", "': ' ~ done if done is defined else ''"
    return f"{argument} {{{{ {number} }}}}{{{{ {done} }}}}"


def note_done(words: str) -> None:
    """Say in the UI what this instance of a mapped task did: `batch 1: 60 trades`."""
    get_current_context()["done"] = words


def facts_of(task: Any) -> TaskFacts | None:
    """What a task has stated, mapped or not; None: nothing."""
    partial = getattr(task, "partial_kwargs", None) or {}
    function = getattr(task, "python_callable", None) or partial.get("python_callable")
    facts: TaskFacts | None = getattr(function, _FACTS_ATTRIBUTE, None) or getattr(
        task, _FACTS_ATTRIBUTE, None
    )
    return facts
