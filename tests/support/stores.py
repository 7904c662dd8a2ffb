"""Two S3-compatible stores on loopback, each started once a test process, with the bucket `tradeops`.

moto takes part in most of the protocol but checks no keys; rclone is an independent second implementation
that checks signatures and keeps real files, and needs the old checksums. Import the fixtures:
`from tests.support.stores import moto_s3, rclone_s3`.
"""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from include.storage import S3Access

BUCKET = "tradeops"
RCLONE = Path(sys.executable).parent / "rclone"
KEYS = ("writer", "secret-of-the-writer")


@pytest.fixture(scope="session")
def moto_s3() -> Iterator[S3Access]:
    """moto's server, in a thread of this process."""
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    access = S3Access(f"http://{host}:{port}", *KEYS)
    make_bucket(access)
    yield access
    server.stop()


@pytest.fixture(scope="session")
def rclone_folder(tmp_path_factory) -> Path:
    """Where rclone keeps its buckets, as folders."""
    folder = tmp_path_factory.mktemp("rclone")
    (folder / BUCKET).mkdir()
    return folder


@pytest.fixture(scope="session")
def rclone_s3(rclone_folder: Path) -> Iterator[S3Access]:
    """rclone's S3 server, a process of its own."""
    command = [RCLONE, "serve", "s3", "--addr", "127.0.0.1:0", "--auth-key", ",".join(KEYS), rclone_folder]
    with rclone(command) as url:
        yield S3Access(url, *KEYS, when_required=True)


@contextmanager
def rclone(command: list[str | Path], environment: dict[str, str] | None = None) -> Iterator[str]:
    """Run `rclone serve s3` at a port of 127.0.0.1; gives its address."""
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})}
    ) as server:
        try:
            said = ""
            for line in server.stderr:
                said += line
                if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                    break
            else:
                raise RuntimeError(f"rclone did not start: {said}")
            Thread(target=server.stderr.read, daemon=True).start()  # a full pipe would stop it
            yield found[0]
        finally:
            server.terminate()


def make_bucket(access: S3Access) -> None:
    import boto3

    boto3.client(
        "s3", endpoint_url=access.endpoint_url, region_name=access.region,
        aws_access_key_id=access.access_key, aws_secret_access_key=access.secret_key,
    ).create_bucket(Bucket=BUCKET)  # fmt: skip


def unused_url() -> str:
    """An address of this machine at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
