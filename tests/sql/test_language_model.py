"""The migration `language_model`: what was analysed before the history, what a downgrade must not lose."""

import pytest
from sqlalchemy import text

from include.database import SQL, DatabaseError, connect, downgrade, migrate
from tests.support.rows import insert, insert_settled

(OURS,) = (SQL / "migrations" / "versions").glob("*_language_model.py")
BEFORE = f"{int(OURS.name[:4]) - 1:04}"
CALL = {"purpose": "probe", "model_asked": "m", "outcome": "answered", "lapses_at": "2026-01-01 00:00+00"}


@pytest.fixture
def engine(empty_database):
    migrate(empty_database)
    engine = connect(empty_database, application="tests")
    yield engine
    engine.dispose()


def test_analyses_of_before_begin_the_history(empty_database, engine):
    downgrade(empty_database, BEFORE)
    with engine.begin() as connection:
        first = insert_settled(connection, "completed_success", 5.0)
        second = insert_settled(connection, "completed_failure", -5.0)
        connection.execute(text("UPDATE trade_results SET ai_analysis = 'fine'"))
        connection.execute(
            text(
                "UPDATE trade_results SET ai_analysis_generated_at = '2026-01-01 00:00+00', "
                'ai_analysis_detail = \'{"model": "old"}\' WHERE trade_signal_id = :id'
            ),
            {"id": second},
        )
    migrate(empty_database)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT * FROM trade_analyses ORDER BY model")).all()
    assert [(row.trade_signal_id, row.model, row.analysis) for row in found] == [
        (second, "old", "fine"),
        (first, "unknown", "fine"),
    ]
    assert {row.superseded_at for row in found} == {None}
    assert found[0].created_at.isoformat() == "2026-01-01T00:00:00+00:00"


def test_a_downgrade_keeps_the_books(empty_database, engine):
    with engine.begin() as connection:
        insert(connection, "llm_calls", **CALL)
    with pytest.raises(DatabaseError, match="llm_calls holds rows"):
        downgrade(empty_database, BEFORE)


def test_a_downgrade_keeps_former_analyses(empty_database, engine):
    with engine.begin() as connection:
        trade = insert_settled(connection, "completed_success", 5.0)
        insert(connection, "trade_analyses", trade_signal_id=trade, model="m", analysis="old", detail="{}",
               requested_by="me", superseded_at="2026-01-01 00:00+00")  # fmt: skip
    with pytest.raises(DatabaseError, match="trade_analyses holds former analyses"):
        downgrade(empty_database, BEFORE)
