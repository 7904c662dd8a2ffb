"""Who calls: a person who is logged in to Airflow, or a key of one user of the platform.

| | sees | may call |
|---|---|---|
| key with `read` | its user's rows | GET |
| key with `write` | its user's rows | POST: feedback, and work for its user |
| key with `operate` | every user's rows | everything, and work for any user |
| person | every user's rows | GET, who may see the runs of `settle_trades` in Airflow: role Viewer |
| person | every user's rows | also POST, who may start them: role User; with FAB those of `dag_starters` |

Work asks a person besides for Airflow's permission to start the DAG that does it.
"""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy import Engine

from include.settings import Settings
from include.web.api.errors import ApiError, wrong_parameter
from include.web.host import Person, WebHost


@dataclass(frozen=True)
class Caller:
    """Somebody who may call.

    Attributes:
        name: `person:<login>` or `key:<prefix>`: whom limits, Idempotency-Keys and the audit trail are about.
        user_id: the user of the platform to whom the key belongs; None for a person, who is none.
        sees_all: whether every user's rows are shown, and work may be started for any user.
        person: None for a key.
    """

    name: str
    user_id: UUID | None
    sees_all: bool
    person: Person | None = None

    @property
    def only_user(self) -> UUID | None:
        """The one user whose rows the caller sees; None: every user's. For `:only_user` of a statement."""
        if not self.sees_all and self.user_id is None:
            raise AssertionError("a caller who sees one user's rows has a user")
        return None if self.sees_all else self.user_id

    def sees(self, user_id: UUID) -> bool:
        """Whether rows of this user are shown."""
        return self.sees_all or user_id == self.user_id

    def act_for(self, user_id: UUID | None) -> UUID:
        """The user for whom something is done: who is named, else the caller.

        Raises ApiError: 403 for another user's key, 422 when a person names nobody.
        """
        if user_id is not None:
            if not self.sees(user_id):
                raise ApiError(403, "This key works for its own user only; the scope operate is for all.")
            return user_id
        if self.user_id is None:
            raise wrong_parameter("userId", "missing: a person says for which user of the platform", "body")
        return self.user_id

    def check_may_start(self, dag_id: str) -> None:
        """Raise ApiError (403) when a person lacks Airflow's permission to start this DAG."""
        if self.person is not None and not self.person.may_start(dag_id):
            raise ApiError(403, f"{self.person.name} may not start {dag_id} in Airflow.")


def host_of(request: Request) -> WebHost:
    """What this application was handed."""
    host: WebHost = request.app.state.host
    return host


# These two wait for nothing: a thread for each would take longer than they do.
async def _host(request: Request) -> WebHost:
    return host_of(request)


async def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller  # the guard put it there; without it nothing is answered
    return caller


def _engine(request: Request) -> Engine:
    return host_of(request).engine()


def _settings(request: Request) -> Settings:
    return host_of(request).settings()


# What a route asks for: `def list_trades(caller: CallerDep, engine: EngineDep) -> …`
CallerDep = Annotated[Caller, Depends(_caller)]
HostDep = Annotated[WebHost, Depends(_host)]
EngineDep = Annotated[Engine, Depends(_engine)]
SettingsDep = Annotated[Settings, Depends(_settings)]
