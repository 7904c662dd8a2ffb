"""`make bench`: every benchmark of the project, one table after the other."""

import importlib
import pkgutil
import sys

import benchmarks


def main() -> None:
    """Run the benchmarks that the arguments name, or all."""
    names = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    for name in sys.argv[1:] or [name for name in names if not name.startswith("_")]:
        print(f"\n== {name} ==", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
