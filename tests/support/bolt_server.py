"""A real server of Bolt: ArcadeDB in a process of its own, which ends with its caller."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from include.backups.graph.server import GraphLogin

CHECKOUT = Path(__file__).parents[2]
PASSWORD = "play-with-graphs"
DATABASES = ("graph", "scratch")
# A short life: one compiler, one collector, little memory.
JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx256m"


@dataclass(frozen=True)
class BoltServer:
    """Where it listens, on this machine only."""

    port: int

    def login(self, database: str = DATABASES[0]) -> "GraphLogin":
        """A login that may do everything in a database."""
        from include.backups.graph.server import GraphLogin

        return GraphLogin(f"bolt://127.0.0.1:{self.port}", database, "root", PASSWORD)


@contextmanager
def run_bolt_server(folder: Path) -> Iterator[BoltServer]:
    """Run one in a folder, with two empty databases."""
    from local.ports import free_port

    server = BoltServer(free_port())
    with (
        (folder / "server.log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.bolt_server", folder, str(server.port), str(free_port())],
            cwd=CHECKOUT,
            env={**os.environ, "ARCADEDB_JVM_ARGS": JAVA},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        ) as process,
    ):
        try:
            if b"ready\n" not in iter(process.stdout.readline, b""):
                raise RuntimeError((folder / "server.log").read_text()[-2000:])
            yield server
        finally:
            process.kill()


def _serve(folder: str, bolt_port: str, http_port: str) -> None:
    import arcadedb_embedded

    os.chdir(folder)  # it writes its log beside it
    server = arcadedb_embedded.create_server(
        root_path=folder,
        root_password=PASSWORD,
        config={
            "host": "127.0.0.1",
            "http_port": int(http_port),
            "bolt_port": int(bolt_port),
            "server_plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
        },
    )
    server.start()
    for name in DATABASES:
        server.create_database(name)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()  # until the caller has gone


if __name__ == "__main__":
    _serve(*sys.argv[1:])
