"""One row a call in `atge_performance_metrics`: how long the service took, and what came of it."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from include.database import DatabaseError
from include.http.admission import in_words
from include.telemetry import redact

logger = logging.getLogger(__name__)

BATCH = 100  # rows held back at most; more are written before the client closes

_INSERT = text(
    "INSERT INTO atge_performance_metrics (timestamp, metric_type, metric_name, value, unit, metadata) "
    "VALUES (:timestamp, 'api_response', :name, :value, 'ms', CAST(:metadata AS jsonb))"
)


class Measurements:
    """Collects the measurements of one client and writes them in batches.

    They never break a call: when writing fails, the reason is logged once and the batch is lost.
    """

    def __init__(self, engine: Engine, service: str) -> None:
        self._engine = engine
        self._name = f"http.{service}"
        self._rows: list[dict[str, Any]] = []
        self._complained = False

    def add(self, milliseconds: float, **metadata: Any) -> None:
        """Take one measurement, of now; `metadata` says method, path, status, outcome and attempts."""
        self._rows.append(
            {
                "timestamp": datetime.now(UTC),
                "name": self._name,
                "value": round(milliseconds, 3),
                "metadata": json.dumps(redact(metadata)),
            }
        )
        if len(self._rows) >= BATCH:
            self.write()

    def write(self) -> None:
        """Write what has gathered."""
        rows, self._rows = self._rows, []
        if not rows:
            return
        try:
            with self._engine.begin() as connection:
                connection.execute(_INSERT, rows)
        except (SQLAlchemyError, DatabaseError) as error:
            if not self._complained:
                logger.warning("%d rows of %s were lost: %s", len(rows), self._name, in_words(error))
                self._complained = True
