"""Starting and watching runs of DAGs inside Airflow's api-server. Tasks use the REST API instead."""

from collections.abc import Mapping
from typing import Any

from include.web.host import RunNotStartedError, RunState

UNFINISHED = ("queued", "running")


class AirflowRuns:
    """`include.web.host.Runs` over Airflow's own database."""

    def start(self, dag_id: str, run_id: str, conf: Mapping[str, Any], started_by: str) -> None:
        """Start a run under this id; does nothing if there is one of this id already."""
        from airflow.api.common.trigger_dag import trigger_dag
        from airflow.exceptions import AirflowException, DagRunAlreadyExists
        from airflow.utils.types import DagRunTriggeredByType
        from sqlalchemy.exc import IntegrityError, SQLAlchemyError

        try:
            trigger_dag(
                dag_id=dag_id,
                run_id=run_id,
                conf=dict(conf),
                triggered_by=DagRunTriggeredByType.REST_API,
                triggering_user_name=started_by,
            )
        except DagRunAlreadyExists:
            return
        except (AirflowException, ValueError) as error:
            raise RunNotStartedError(f"Airflow did not start {dag_id}: {error}", certain=True) from error
        except IntegrityError:
            if self.read(dag_id, run_id) is None:  # else another request has just started it
                raise
        except SQLAlchemyError as error:
            words = f"Airflow's database did not answer when {dag_id} was to be started"
            raise RunNotStartedError(words, certain=False) from error

    def read(self, dag_id: str, run_id: str) -> RunState | None:
        """Read how a run stands; None when there is none of this id."""
        from airflow.models.dagrun import DagRun
        from airflow.utils.session import create_session
        from sqlalchemy import select

        query = select(DagRun.state, DagRun.start_date, DagRun.end_date)
        with create_session() as session:
            row = session.execute(query.where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)).one_or_none()
        return RunState(str(row.state), row.start_date, row.end_date) if row else None

    def returned(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """What a task of a run returned; None when it has not, or nothing."""
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session

        query = XComModel.get_many(
            run_id=run_id, key="return_value", task_ids=task_id, dag_ids=dag_id, limit=1
        )
        with create_session() as session:
            found = session.scalars(query).first()
            return XComModel.deserialize_value(found) if found else None

    def find_running(self, dag_id: str) -> str | None:
        """The id of a run of this DAG that is queued or running; None when there is none."""
        from airflow.models.dagrun import DagRun
        from airflow.utils.session import create_session
        from sqlalchemy import select

        query = select(DagRun.run_id).where(DagRun.dag_id == dag_id, DagRun.state.in_(UNFINISHED))
        with create_session() as session:
            found = session.scalar(query.order_by(DagRun.run_after.desc()).limit(1))
        return str(found) if found else None
