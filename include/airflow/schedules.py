"""When the DAGs are due, as Airflow has read it from their files. Only its api-server may ask that."""

from collections.abc import Mapping

from include.database import DatabaseError
from include.probes.ages import DagSchedule

TIME_LIMIT = "SET LOCAL statement_timeout = '2s'"


def find_schedules() -> Mapping[str, DagSchedule]:
    """Give the schedule of each DAG in force, by its id.

    Raises DatabaseError when Airflow's database does not answer.
    """
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import select, text
    from sqlalchemy.exc import SQLAlchemyError

    known = select(
        DagModel.dag_id,
        DagModel.timetable_summary,
        DagModel.timetable_description,
        DagModel.timetable_periodic,
        DagModel.is_paused,
    ).where(~DagModel.is_stale)
    try:
        with create_session() as session:
            session.execute(text(TIME_LIMIT))
            found = session.execute(known).all()
    except SQLAlchemyError as error:
        raise DatabaseError("Airflow's database does not answer: nobody knows what is due") from error
    return {
        dag.dag_id: DagSchedule(
            dag.timetable_summary if dag.timetable_periodic else None,
            dag.timetable_description or _seconds_text(dag.timetable_summary or ""),
            bool(dag.is_paused),
        )
        for dag in found
    }


def _seconds_text(cron: str) -> str:
    """A schedule with seconds, which Airflow does not put in words: `Every minute, at second 35`."""
    every_minute, _, second = cron.rpartition(" ")
    return f"Every minute, at second {second}" if every_minute == "* * * * *" else ""
