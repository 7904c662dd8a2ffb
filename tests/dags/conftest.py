"""All DAGs, as Airflow loads them."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "dags"
PATHS = sorted(FOLDER.glob("*.py"))


@pytest.fixture(scope="session")
def bag():
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(dag_folder=str(FOLDER), load_op_links=False)


@pytest.fixture(params=[path.stem for path in PATHS])
def any_dag(request, bag):
    """Each DAG in turn."""
    return bag.dags[request.param]
