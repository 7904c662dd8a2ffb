"""Tags of DAGs, typed: what a DAG is about, and what its runs do that cannot be taken back.

The second kind says who may start it, for everyone to see. The roles behind it are for an auth manager that
knows rights on single DAGs (FAB); to the simple one, users may start everything or nothing:
docs/operating.md.
"""

from enum import StrEnum
from typing import Any

from airflow.configuration import conf

from include.settings import Effect
from include.settings.reader import environment_settings

__all__ = ["Effect", "Subject", "tagged"]

# To see a DAG, to start it, to clear its tasks; as the FAB auth manager names them.
STARTER_RIGHTS = {"DAGs": {"can_read", "can_edit"}, "DAG Runs": {"can_create"}}


class Subject(StrEnum):
    """What a DAG is about."""

    TRADES = "trades"
    SIGNALS = "signals"
    CANDLES = "candles"
    QUALITY = "quality"
    PROBES = "probes"
    ALERTS = "alerts"
    BACKUPS = "backups"
    SAFEKEEPING = "safekeeping"
    REPORTS = "reports"
    EXCHANGE = "exchange"
    PORTFOLIO = "portfolio"
    ACCESS = "access"


def tagged(subject: Subject, *effects: Effect) -> dict[str, Any]:
    """Arguments for `@dag`: its tags, and the roles that may start it, from the setting `dag_starters`.

    A DAG of several effects is for the roles that are named for each of them. Roles are given where the auth
    manager knows them; another one would have Airflow warn of every DAG.
    """
    tags = {"tags": [subject, *effects]}
    if not effects or "FabAuthManager" not in str(conf.get("core", "auth_manager", fallback="")):
        return tags
    named = environment_settings().dag_starters
    roles = set.intersection(*(set(named[effect]) for effect in effects))
    return {**tags, "access_control": {role: dict(STARTER_RIGHTS) for role in sorted(roles)}}
