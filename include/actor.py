"""Who acts on the database, as it is told: the audit trail of trades says it (docs/audit.md)."""

import json
import re
from dataclasses import asdict, dataclass
from typing import Literal

from sqlalchemy import Connection, text

MAX_NAME = 500  # characters of a name that are told
MAX_DETAIL = 250  # of the others: as long as Airflow's own ids may be


@dataclass(frozen=True)
class Actor:
    """A task of a DAG, a person in Airflow, or a key of the API.

    Attributes:
        kind: which of the three.
        name: `dag.task`, the person's login, or the key's visible beginning.
        run_id: of a task, the run of its DAG.
        asked_by: of a task, who triggered the run, if somebody did.
    """

    kind: Literal["task", "person", "key"]
    name: str
    run_id: str | None = None
    asked_by: str | None = None

    def as_setting(self) -> str:
        """The setting `tradeops.actor`, as sql/functions/trade_actor.sql reads it: JSON in ASCII."""
        limits = {"name": MAX_NAME}
        said = {
            name: str(value)
            .replace("\x00", "")
            .encode("utf-8", "replace")
            .decode()[: limits.get(name, MAX_DETAIL)]
            for name, value in asdict(self).items()
            if value is not None
        }
        return json.dumps(said, separators=(",", ":"))

    def as_option(self) -> str:
        """The same as an option of libpq, which a session begins with: a space in it is escaped."""
        escaped = re.sub(r"([\\\s])", r"\\\1", self.as_setting())
        return f"tradeops.actor={escaped}"


def act_as(connection: Connection, actor: Actor) -> None:
    """Name who acts in this transaction: where one engine serves many callers."""
    connection.execute(
        text("SELECT set_config('tradeops.actor', :actor, true)"), {"actor": actor.as_setting()}
    )
