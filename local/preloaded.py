"""`python -m local.preloaded scheduler`: `airflow scheduler` in a process that has imported what tasks need.

Airflow forks a process for each task and for each DAG file that it reads. What their parent has imported,
they need not import: that is most of what a small task costs, and seconds where Great Expectations is used.
Nothing of the project itself is imported for them: a task reads it from disk, so that a change of the code
holds from the next task on.

The API server forks nothing. It is here for what all of them get: while modules are imported, nobody collects
garbage, of which imports make next to none; looking for it takes a fifth of a start's CPU time.
"""

import gc
import importlib
import logging
import sys

PARSING = (  # what DAG files import
    "airflow.dag_processing.dagbag",
    "airflow.dag_processing.processor",
    "airflow.providers.standard.decorators.python",
    "airflow.providers.standard.operators.hitl",
    "airflow.sdk.definitions.connection",
    "airflow.sdk.definitions.decorators.setup_teardown",
    "airflow.sdk.definitions.decorators.task_group",
    "airflow.timetables.trigger",
    "filelock",
    "httpx",
    "pydantic_settings",
    "sqlalchemy.dialects.postgresql.psycopg",
)
RUNNING = (  # what tasks import besides
    "airflow.sdk.execution_time.supervisor",
    "great_expectations",
    "openai",
    "pandas",
    "psycopg",
    "pyarrow.parquet",
    "stamina",
)
SERVING = ("airflow.api_fastapi.main",)  # the app, with all its routes and our plugin
MODULES = {"api-server": SERVING, "dag-processor": PARSING, "scheduler": (*PARSING, *RUNNING)}


def import_for(component: str) -> None:
    """Import what this component, or what the processes that it starts have in common, needs."""
    logging.getLogger("great_expectations").setLevel(logging.WARNING)  # it tells a hundred lines of itself
    gc.disable()
    for name in MODULES[component]:
        importlib.import_module(name)
    gc.freeze()  # modules live as long as the process: no later collection looks through them again
    gc.enable()


if __name__ == "__main__":
    import_for(sys.argv[1])
    from airflow.__main__ import main

    sys.argv[0] = "airflow"
    main()
