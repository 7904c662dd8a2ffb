"""The floors of the house: imports run downwards, through front doors, and one corner knows Airflow.

Each test lists all offenders at once.
"""

import ast
import builtins
import re
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
MOST_LINES = 400

# From the ground up. A package or module of include/ may import only from floors below its own.
FLOORS = [
    {
        "actor",
        "days",
        "files",
        "json_rows",
        "parquet_types",
        "pooled_connections",
        "strange_times",
        "turns",
        "validation_messages",
        "humanize",
        "yaml_lines",
    },
    {"database", "settings"},
    {"kept_answers", "async_statements"},
    {"telemetry"},
    {"http", "llm", "mail", "storage", "maintenance", "freeze", "operating"},
    {"services"},
    {"symbols"},
    {"candles"},
    {"quality"},
    {"trades", "alerts", "retention", "probes", "backups"},
    {"analysis"},  # of trades that are chosen as replays and exports choose them
    {"signals"},
    {"exchange", "access"},
    {"portfolio"},
    {"settings_check"},
    {"configuration"},
    {"reports"},
    {"web"},
    {"airflow"},
]
FLOOR = {name: number for number, floor in enumerate(FLOORS) for name in floor}
# Programs beside the product, which it does not know: the sandbox knows nothing of the product either.
BESIDE = ("local", "sandbox")


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


INCLUDE = {name: imports(path) for name, path in modules("include").items()}


def package(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_every_package_has_a_floor():
    assert {package(name) for name in INCLUDE} - {""} == set(FLOOR)


def test_imports_run_downwards():
    offenders = [
        f"{name} imports {imported}, which is not below it"
        for name, named in INCLUDE.items()
        for imported in named
        if imported.startswith("include.") and name != "include"
        if package(imported) != package(name) and FLOOR[package(imported)] >= FLOOR[package(name)]
    ]
    assert offenders == []


def test_a_package_is_asked_at_its_face_or_for_one_of_its_modules():
    """A face that imported all of a package would make everybody wait for pandas or httpx."""
    others = {
        name: imports(path)
        for folder in ("dags", "plugins", *BESIDE)
        for name, path in modules(folder).items()
    }
    offenders = [
        f"{name} reaches into {imported}: ask include.{package(imported)} for it"
        for name, named in (INCLUDE | others).items()
        for imported in named
        if imported.startswith("include.") and imported.count(".") > 2
        if not (name in INCLUDE and package(imported) == package(name))
    ]
    assert offenders == []


# The catalogue is a table of the platform's own database; what is backed up is another matter.
OF_POSTGRESQL = re.compile(
    r"postgres|psycopg|pg_(dump|restore|basebackup)|base.backup|\bWAL\b", re.IGNORECASE
)


def test_the_core_of_backups_knows_no_engine_and_no_postgresql():
    """But for the list of engines and the face, which name them; and no engine knows another."""
    folders = {path.parent.name for path in (ROOT / "include" / "backups").glob("*/engine.py")}
    prefixes = {engine: f"include.backups.{engine}" for engine in folders}
    core = {
        name: path
        for name, path in modules("include").items()
        if name.startswith("include.backups.")
        and not name.startswith(tuple(prefixes.values()))
        and name != "include.backups.engines"
    }
    offenders = [
        f"{name} imports the engine {imported}"
        for name in core
        for imported in INCLUDE[name]
        if imported.startswith((*prefixes.values(), "psycopg"))
    ]
    offenders += [
        f"{name} names {found[0]!r}"
        for name, path in core.items()
        if (found := OF_POSTGRESQL.search(path.read_text()))
    ]
    offenders += [
        f"{name} imports {imported}, another engine"
        for name, named in INCLUDE.items()
        for engine, prefix in prefixes.items()
        if name.startswith(prefix)
        for imported in named
        if imported.startswith(tuple(one for other, one in prefixes.items() if other != engine))
    ]
    assert offenders == []


def test_only_the_airflow_corner_imports_airflow():
    offenders = [
        f"{name} imports {imported}"
        for name, named in INCLUDE.items()
        for imported in named
        if imported.split(".")[0] == "airflow" and not name.startswith("include.airflow")
    ]
    assert offenders == []


def test_the_product_knows_nothing_of_what_stands_beside_it():
    product = INCLUDE | {
        name: imports(path) for folder in ("dags", "plugins") for name, path in modules(folder).items()
    }
    strangers = {"plugins", "tests", "benchmarks", *BESIDE}
    offenders = [
        f"{name} imports {imported}"
        for name, named in product.items()
        for imported in named
        if imported.split(".")[0] in strangers | ({"dags"} if name in INCLUDE else set())
    ]
    assert offenders == []


def test_the_sandbox_is_a_program_of_its_own():
    offenders = [
        f"{name} imports {imported}"
        for name, path in modules("sandbox").items()
        for imported in imports(path)
        if imported.split(".")[0] in ("include", "dags", "plugins", "local", "tests", "airflow")
    ]
    assert offenders == []


def test_there_are_no_circles():
    for folder in ("include", *BESIDE):
        named = {name: imports(path) for name, path in modules(folder).items()}
        graph = {
            name: {one for one in found if one in named and one != name} for name, found in named.items()
        }
        TopologicalSorter(graph).prepare()  # raises CycleError with the circle


def test_a_module_fits_in_the_head():
    folders = ("include", *BESIDE, "tests")
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in paths}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_tests_on_a_real_stack_stand_where_make_test_looks_for_them():
    files = (ROOT / "tests").rglob("test_*.py")
    marked = {path for path in files if re.search(r"mark\.e2e\b", path.read_text())}
    assert marked == set((ROOT / "tests" / "e2e").glob("test_*.py"))


def classes() -> dict[str, list[str]]:
    """Each class of include/, also those inside of functions and classes: its modules."""
    found: dict[str, list[str]] = {}
    for module, path in modules("include").items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(module)
    return found


def raised() -> set[str]:
    """The names of the exceptions that include/ makes: of a base that is one, here or in Python."""
    bases: dict[str, set[str]] = {}
    for path in modules("include").values():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                named = {ast.unparse(base).split(".")[-1] for base in node.bases}
                bases.setdefault(node.name, set()).update(named)

    def is_raised(name: str) -> bool:
        if name not in bases:
            known = getattr(builtins, name, None)
            return name.endswith(("Error", "Exception")) or (
                isinstance(known, type) and issubclass(known, BaseException)
            )
        return any(is_raised(base) for base in bases[name] - {name})

    return {name for name in bases if is_raised(name)}


def test_a_public_class_name_stands_once_in_include():
    public = {name: found for name, found in classes().items() if not name.startswith("_")}
    assert {name: found for name, found in public.items() if len(found) > 1} == {}


def test_what_is_raised_ends_in_error():
    assert {name for name in raised() if not name.endswith("Error")} == set()


def test_a_face_holds_its_names_itself():
    lazy = [
        module
        for module, path in modules("include").items()
        if any(
            isinstance(node, ast.FunctionDef) and node.name == "__getattr__"
            for node in ast.parse(path.read_text()).body
        )
    ]
    assert lazy == []
