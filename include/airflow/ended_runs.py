"""Which runs of DAGs have ended, from Airflow's own database. Only its api-server may ask that."""

from datetime import UTC, datetime, timedelta

from include.database import DatabaseError
from include.telemetry.exporters import EndedRuns

LONGEST_RUN = timedelta(days=2)  # from when a run was due to its end
ONCE = 20_000  # runs at a time; the next scrape goes on
TIME_LIMIT = "SET LOCAL statement_timeout = '2s'"


def find_ended_runs(since: datetime | None) -> EndedRuns:
    """Give the DAGs in force, and the runs that ended after a time (tz-aware UTC; None: all), oldest first.

    A run that was cleared and has ended again is given again, with its new end.
    Raises DatabaseError when Airflow's database does not answer.
    """
    from airflow.models.dag import DagModel
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select, text
    from sqlalchemy.exc import SQLAlchemyError

    ended = (
        select(DagRun.dag_id, DagRun.run_id, DagRun.end_date, DagRun.state)
        .where(DagRun.state.in_(["success", "failed"]), DagRun.end_date.is_not(None))
        .order_by(DagRun.end_date)
        .limit(ONCE)
    )
    if since is not None:
        # The first condition has an index.
        ended = ended.where(DagRun.run_after > since - LONGEST_RUN, DagRun.end_date > since)
    try:
        with create_session() as session:
            session.execute(text(TIME_LIMIT))
            dags = session.scalars(select(DagModel.dag_id).where(~DagModel.is_stale)).all()
            runs = session.execute(ended).all()
    except SQLAlchemyError as error:
        raise DatabaseError("Airflow's database does not answer: no run can be counted") from error
    return EndedRuns(
        dags=[str(dag) for dag in dags],
        ended=[
            {
                "dag_id": run.dag_id,
                "run_id": run.run_id,
                "ended_at": run.end_date.astimezone(UTC).isoformat(),
                "state": str(run.state),
            }
            for run in runs
        ],
    )
