"""What each task costs the database besides its own work: counted in connections and statements."""

from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from sqlalchemy import Engine, event

from include.airflow.callbacks import report_task_success
from include.airflow.connections import open_database


@pytest.fixture
def spent(database, database_url, monkeypatch):
    """Connections and statements of this process."""
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    counted = Counter()

    def note_connection(*_):
        counted["connections"] += 1

    def note_statement(*_):
        counted["statements"] += 1

    event.listen(Engine, "connect", note_connection)
    event.listen(Engine, "before_cursor_execute", note_statement)
    yield counted
    event.remove(Engine, "connect", note_connection)
    event.remove(Engine, "before_cursor_execute", note_statement)


def test_a_success_with_nothing_to_heal_costs_one_connection_and_one_statement(spent):
    instance = SimpleNamespace(
        dag_id="generate_signals",
        task_id="report",
        run_id="manual",
        map_index=-1,
        try_number=1,
        start_date=datetime.now(UTC),
    )
    report_task_success({"ti": instance, "params": {}})
    assert spent == {"connections": 1, "statements": 1}


def test_a_task_that_asks_nothing_opens_no_connection(spent):
    with open_database("nothing"):
        pass
    assert spent == {}
