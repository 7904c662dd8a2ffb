"""`make bench`: every benchmark of the project, one table after the other."""

import importlib
import pkgutil
import sys

import benchmarks


def main() -> None:
    """Run the benchmarks that the arguments name, or all. Numbers after a name are its sizes."""
    names = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    sizes: dict[str, list[int]] = {}
    for word in sys.argv[1:] or [name for name in names if not name.startswith("_")]:
        if word.isdigit():
            sizes[next(reversed(sizes))].append(int(word))
        else:
            sizes[word] = []
    for name, numbers in sizes.items():
        print(f"\n== {name} ==", flush=True)
        importlib.import_module(f"benchmarks.{name}").main(*numbers)


if __name__ == "__main__":
    main()
