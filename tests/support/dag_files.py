"""The DAG files as Airflow reads them, each read once a test process."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import DAG

ROOT = Path(__file__).parents[2]
DAGS = ROOT / "dags"


@cache
def load_dag(dag_id: str) -> "DAG":
    """The DAG of a file of the same name. It is everybody's: a test that changes it takes a copy."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(DAGS / f"{dag_id}.py"), load_op_links=False)
    assert bag.import_errors == {}
    return bag.dags[dag_id]
