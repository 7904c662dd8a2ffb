"""People who are logged in to Airflow, and what Airflow lets them do."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.airflow.server import find_person
from include.web.host import MEASURE_DAG

if TYPE_CHECKING:
    from starlette.requests import Request


@dataclass(frozen=True)
class AirflowPerson:
    """A login of Airflow, as `include.web.host.Person`; asks the auth manager that is in force."""

    user: Any

    @property
    def name(self) -> str:
        """The login's name."""
        return str(self.user.get_name())

    def may_read(self) -> bool:
        """Whether the person may look at the runs of the sweep."""
        return self._may("GET", MEASURE_DAG)

    def may_start(self, dag_id: str) -> bool:
        """Whether the person may start runs of this DAG."""
        return self._may("POST", dag_id)

    def may_configure(self) -> bool:
        """Whether the person may edit connections."""
        from airflow.api_fastapi.app import get_auth_manager

        return bool(get_auth_manager().is_authorized_connection(method="PUT", user=self.user))

    def _may(self, method: Any, dag_id: str) -> bool:
        from airflow.api_fastapi.app import get_auth_manager
        from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails

        # The team of the DAG is left out: this project runs without Airflow's teams.
        details = DagDetails(id=dag_id)
        manager = get_auth_manager()
        return bool(
            manager.is_authorized_dag(
                method=method, access_entity=DagAccessEntity.RUN, details=details, user=self.user
            )
        )


async def find_airflow_person(request: "Request") -> AirflowPerson | None:
    """Find who is logged in, by Airflow's cookie or token; None: nobody.

    Raises DatabaseError when Airflow's own database does not answer.
    """
    user = await find_person(request)
    return AirflowPerson(user) if user is not None else None
