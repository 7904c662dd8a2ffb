"""The floors of the house: imports run downwards, through front doors, and one corner knows Airflow."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the ground up. A package or module of include/ may import only from floors below its own.
FLOORS = [
    {"settings", "symbols", "values_in_words", "words", "yaml_lines"},
    {"database", "settings_reader"},
    {"telemetry"},
    {"http", "llm", "storage", "maintenance"},
    {"candles"},
    {"quality"},
    {"trades", "analysis", "alerts", "retention", "probes", "backups"},
    {"signals"},
    {"airflow", "local", "web"},
]
FLOOR = {name: number for number, floor in enumerate(FLOORS) for name in floor}


def modules(folder: str) -> dict[str, Path]:
    paths = sorted((ROOT / folder).rglob("*.py"))
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in paths
    }


def imports(path: Path) -> set[str]:
    """Every module named by an import statement, also inside functions and under TYPE_CHECKING."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where a thing lives"
            found.add(node.module or "")
    return found


INCLUDE = modules("include")


def package(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize("module", [name for name in INCLUDE if name != "include"])
def test_imports_run_downwards_and_only_through_a_package_front_door(module):
    own = package(module)
    assert own in FLOOR, f"{own} has no floor yet: add it to FLOORS"
    for imported in imports(INCLUDE[module]):
        if not imported.startswith("include."):
            continue
        other = package(imported)
        if other == own:
            continue
        assert FLOOR[other] < FLOOR[own], f"{module} imports {imported}, which is not below it"
        assert imported.count(".") == 1, f"{module} reaches into {imported}: ask include.{other} for it"


@pytest.mark.parametrize("module", list(INCLUDE))
def test_only_the_airflow_corner_imports_airflow(module):
    roots = {name.split(".")[0] for name in imports(INCLUDE[module])}
    assert not roots & {"dags", "plugins", "tests", "benchmarks"}
    if not module.startswith("include.airflow"):
        assert "airflow" not in roots


def test_there_are_no_circles():
    graph = {
        module: {name for name in imports(path) if name in INCLUDE and name != module}
        for module, path in INCLUDE.items()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError with the circle


@pytest.mark.parametrize("module", [*modules("dags"), *modules("plugins")])
def test_dags_and_plugins_use_front_doors(module):
    for imported in imports(ROOT / Path(*module.split(".")).with_suffix(".py")):
        if imported.startswith("include.") and not imported.startswith("include.airflow."):
            assert imported.count(".") == 1, f"{module} reaches into {imported}"


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("include/**/*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_module_fits_in_the_head(path):
    assert len(path.read_text().splitlines()) <= 400
