"""Calls a task's own function as a worker does: in the context of a run, with a form that was filled in."""

from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

RUN_AFTER = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)


def context_of(
    dag: Any,
    *,
    run_type: str = "manual",
    interval: datetime | None = None,
    run_after: datetime = RUN_AFTER,
    triggered_by: str | None = "ann",
    **form: Any,
) -> AbstractContextManager[Any]:
    """The context of a run of the DAG; `form` are the fields that were filled in."""
    from airflow.sdk.execution_time.context import set_current_context

    run = SimpleNamespace(
        run_type=run_type,
        data_interval_start=interval,
        run_after=run_after,
        triggering_user_name=triggered_by,
    )
    params = dag.params.dump() | form
    return set_current_context(
        {
            "params": params,
            "dag_run": run,
            "run_id": "run",
            "ti": SimpleNamespace(id="1", dag_id=dag.dag_id, task_id="task", run_id="run"),
        }
    )


def call(dag: Any, task_id: str, *arguments: Any, **run: Any) -> Any:
    """Call the function behind a task; `run` is what `context_of` takes."""
    with context_of(dag, **run):
        return dag.get_task(task_id).python_callable(*arguments)
