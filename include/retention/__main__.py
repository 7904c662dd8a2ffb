"""`python -m include.retention load`: put archived rows back into the database of TRADEOPS_DATABASE_URL."""

import argparse
import os
import sys
from datetime import date, timedelta
from pathlib import Path

from include.database import DatabaseError, connect
from include.humanize import count_text
from include.retention.archive import RetentionError
from include.retention.load_back import load_archived_rows
from include.storage import S3Access, StorageError, open_storage


def main() -> None:
    """Read the arguments, load, and say how many rows came back."""
    parser = argparse.ArgumentParser(prog="python -m include.retention", description=__doc__)
    load = parser.add_subparsers(required=True).add_parser("load", help="put archived rows back")
    load.add_argument("--archive", required=True, help="the folder or s3://bucket/prefix of the archive")
    load.add_argument("table", help="atge_error_logs, …")
    load.add_argument("first", type=date.fromisoformat, help="first day (UTC)")
    load.add_argument("last", type=date.fromisoformat, help="last day, included")
    arguments = parser.parse_args()
    url = os.environ.get("TRADEOPS_DATABASE_URL")
    if not url:
        sys.exit("Set TRADEOPS_DATABASE_URL to postgresql://role:password@host:port/database")
    try:
        engine = connect(url, application="tradeops retention", statement_timeout=timedelta(minutes=10))
        try:
            archive = arguments.archive
            if "://" not in archive:
                archive = str(Path(archive).resolve())  # a person at a terminal means: from here
            storage = open_storage(archive, S3Access())  # keys as AWS's tools find them
            rows = load_archived_rows(engine, storage, arguments.table, arguments.first, arguments.last)
        finally:
            engine.dispose()
    except (DatabaseError, RetentionError, StorageError) as error:
        sys.exit(str(error))
    sys.stdout.write(f"{count_text(rows, 'row')} {'is' if rows == 1 else 'are'} back in {arguments.table}\n")


main()
