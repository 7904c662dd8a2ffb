"""The database that a restore replaces in tests: one a worker, for the server and its names are shared."""

import os

from include.backups.postgres.server import administer, list_databases

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
TARGET = f"restore_target_{WORKER}"


def databases(admin_url):
    """Those of this worker: the others make and drop theirs meanwhile."""
    with administer(admin_url) as connection:
        return {name for name in list_databases(connection) if WORKER in name}
