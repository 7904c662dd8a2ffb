"""Writes docs/dags.md from the DAGs themselves: `make docs`. A test asks that the page is fresh."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import DAG

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "dags.md"
HEAD = """# The DAGs

`make docs` writes this page from the files in `dags/`; do not edit it. What each does at length stands in its
file and in Airflow, under **Docs**.

| DAG | when (UTC) | owner | tags | what |
|---|---|---|---|---|
"""


def load_dags() -> "list[DAG]":
    """Import every file of dags/; give the DAGs by name. Raises RuntimeError where one cannot be imported."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(ROOT / "dags"), load_op_links=False)
    if bag.import_errors:
        raise RuntimeError(f"a DAG cannot be imported: {bag.import_errors}")
    return [bag.dags[name] for name in sorted(bag.dags)]


def describe(dags: "list[DAG]") -> str:
    """The page: a row a DAG, then for each its form and its tasks, in their order."""
    rows = [
        f"| [`{dag.dag_id}`](#{dag.dag_id}) | {_schedule(dag)} | {dag.owner} | {', '.join(sorted(dag.tags))} "
        f"| {dag.description or ''} |"
        for dag in dags
    ]
    return HEAD + "\n".join(rows) + "\n" + "".join(_section(dag) for dag in dags)


def _section(dag: "DAG") -> str:
    words = [f"\n## {dag.dag_id}\n"]
    params = dag.params.items()
    if params:
        words.append("| in the form | default | what |\n|---|---|---|")
        words += [
            f"| `{name}` | {_default(param.value)} | {_cell(_description(param))} |" for name, param in params
        ]
        words.append("")
    words.append("| task | pool | what |\n|---|---|---|")
    for task in dag.topological_sort():
        name = f"`{task.task_id}`" + (" (mapped)" if task.is_mapped else "")
        words.append(f"| {name} | {task.pool} | {_cell(_first_line(task))} |")
    return "\n".join(words) + "\n"


def _description(param: Any) -> str:
    """What the form says of a field; its links lead to pages of Airflow, which are not here."""
    words = str(param.description or param.schema.get("description_md") or "")
    return re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", words)


def _schedule(dag: "DAG") -> str:
    # Airflow's SDK and its core have a timetable of the same name each, with other attributes.
    cron = getattr(dag.timetable, "expression", None) or getattr(dag.timetable, "summary", None)
    return f"`{cron}`" if cron else "by hand"


def _default(value: Any) -> str:
    return "" if value in (None, "") else f"`{value}`"


def _cell(words: str | None) -> str:
    return " ".join((words or "").split()).replace("|", "\\|")


def _first_line(task: Any) -> str:
    keywords = task.partial_kwargs if task.is_mapped else {}
    function = getattr(task, "python_callable", None) or keywords.get("python_callable")
    doc = (getattr(function, "__doc__", None) or task.doc or "").strip()
    return str(doc.split("\n\n")[0])


if __name__ == "__main__":
    os.environ.setdefault("AIRFLOW_HOME", str(ROOT / ".stack" / "docs-airflow"))
    PAGE.write_text(describe(load_dags()))
