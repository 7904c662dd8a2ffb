"""Two S3-compatible stores on loopback, each started once a test process, with the bucket `tradeops`.

moto takes part in most of the protocol but checks no keys; rclone is an independent second implementation
that checks signatures and keeps real files, and needs the old checksums. Import the fixtures:
`from tests.support.stores import moto_s3, rclone_s3`.
"""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
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
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            lines = iter(server.stderr.readline, "")
            url = next(filter(None, (re.search(r"http://127\.0\.0\.1:\d+", line) for line in lines)))[0]
            Thread(target=server.stderr.read, daemon=True).start()  # a full pipe would stop it
            yield S3Access(url, *KEYS, when_required=True)
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
