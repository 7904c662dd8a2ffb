"""The stack's commands, as the Makefile calls them: `python -m local up`."""

import argparse
import os
import shutil
import sys
from pathlib import Path

from local import postgres, stack
from local.components import airflow_environment
from local.in_force import platform_database
from local.state import StackError, find_state

FOREIGN = ("psql", "airflow")


def main(arguments: list[str]) -> int:
    """Run one command; 0 done, 1 it failed, 2 it was asked wrongly. Failures are one line on stderr."""
    parser = argparse.ArgumentParser(prog="python -m local")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("up", "down", "status", "env"):
        commands.add_parser(name)
    demo = commands.add_parser("demo")
    demo.add_argument("--candles", type=Path, help="file or folder of candles; the sandbox market without it")
    for name in FOREIGN:
        commands.add_parser(name, add_help=False)
    # The arguments of foreign programs are their business: only the word before them is parsed.
    parsed = parser.parse_args(arguments[:1] if arguments[:1] and arguments[0] in FOREIGN else arguments)
    try:
        return _run(parsed, arguments[1:])
    except StackError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except postgres.PostgresError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; `make status` says what runs, `make down` stops it", file=sys.stderr)
        return 130


def _run(parsed: argparse.Namespace, rest: list[str]) -> int:
    state = find_state()
    match parsed.command:
        case "up":
            stack.up(state)
            stack.print_status(state)
        case "down":
            print("The local stack is stopped." if stack.down(state) else "The local stack was not running.")
        case "status":
            stack.print_status(state)
        case "env":
            found = stack.find_stack(state)
            print(f"DATABASE_URL: {found.database.words}", file=sys.stderr)
            for name, value in found.variables().items():
                print(f"{name}={value}")
        case "psql":
            server = postgres.find(state.postgres)
            if server is None:
                raise StackError("The local stack does not run. Start it with: make up")
            database = platform_database(state, server)
            print(f"psql: {database.words}", file=sys.stderr)
            for name in ("PGHOSTADDR", "PGSERVICE", "PGPASSWORD"):  # they would lead to another server
                os.environ.pop(name, None)
            os.environ.update(database.environment())
            # The embedded psql knows no TLS, which a server elsewhere may demand.
            installed = None if database.own else shutil.which("psql")
            os.execv(installed or server.binary("psql"), ["psql", *rest])  # noqa: S606
        case "airflow":
            server, ports = postgres.find(state.postgres), state.ports()
            if server is None or "airflow" not in ports:
                raise StackError("The local stack does not run. Start it with: make up")
            os.environ.update(airflow_environment(state, server, ports["airflow"]))
            os.execv(sys.executable, [sys.executable, "-m", "airflow", *rest])  # noqa: S606
        case "demo":
            from local.demo import run_demo

            run_demo(state, parsed.candles)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
