"""Freezes, as tasks obey them: a run that begins while one holds ends green, with a skip in words.

Asked is before a run's first tasks, those that nothing comes before: what had begun before the freeze goes on
to its end. Those that take further work later ask once more, in the transaction that takes it.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowSkipException
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from include.airflow.connections import open_database
from include.airflow.forms import refuse_unknown_names
from include.database import DatabaseError
from include.freeze import Freeze, FreezeGroup, FrozenError, find_freeze, find_frozen_days

logger = logging.getLogger(__name__)

Context = Mapping[str, Any]
WATCHERS = ("alerts", "probes")  # they report that the database is away, so they do not wait for it
_GROUP_ATTRIBUTE = "tradeops_freezes_with"
_SKIPPED = "tradeops_frozen"  # in the context of a task that a freeze has skipped


def before_task(group: FreezeGroup | None) -> Callable[[Context], None]:
    """Make the `pre_execute` of a DAG's tasks: unknown names are refused, a frozen run is skipped.

    `group` is what the DAG is frozen with; None: it goes on whatever is frozen.
    """

    def check(context: Context) -> None:
        refuse_unknown_names(context)
        if group is not None and not context["task"].upstream_task_ids:
            _skip_if_frozen(context, group)

    setattr(check, _GROUP_ATTRIBUTE, group or "")
    return check


def freeze_group_of(dag: Any) -> FreezeGroup | None:
    """What a DAG has stated that it is frozen with; None: nothing. Raises AttributeError when it has not."""
    return getattr(dag.default_args["pre_execute"], _GROUP_ATTRIBUTE) or None


@contextmanager
def skipped_when_frozen() -> Iterator[None]:
    """Skip the task, in words, when what it calls would take work and a freeze holds."""
    try:
        yield
    except FrozenError as frozen:
        raise _skip(frozen.freeze) from frozen


def frozen_days(engine: Engine, *, at_most: int) -> list[date]:
    """The days that a daily run has to do besides its own, since a freeze skipped their runs; newest first.

    None for a run that no schedule made: it does what it was asked for.
    """
    run = get_current_context()["dag_run"]
    if run.run_type != "scheduled":
        return []
    with engine.connect() as connection:
        return find_frozen_days(connection, run.run_after, at_most)


def was_frozen(context: Context) -> bool:
    """Whether the task of this context was skipped by a freeze: that proves nothing, and heals nothing."""
    return _SKIPPED in context


def _skip_if_frozen(context: Context, group: FreezeGroup) -> None:
    try:
        with open_database("freeze", measured=False) as engine, engine.connect() as connection:
            freeze = find_freeze(connection, group)
    except (DatabaseError, SQLAlchemyError) as error:
        if group not in WATCHERS:
            raise
        logger.warning("whether a freeze holds could not be read, so the task goes on: %s", error)
        return
    if freeze is not None and not _began_before(context, freeze):
        raise _skip(freeze)


def _began_before(context: Context, freeze: Freeze) -> bool:
    """Whether this is a later try of a run that had begun when the freeze did."""
    began = context["dag_run"].start_date
    return context["ti"].try_number > 1 and began is not None and began < freeze.begins_at


def _skip(freeze: Freeze) -> AirflowSkipException:
    context: Any = get_current_context()
    context[_SKIPPED] = True
    return AirflowSkipException(freeze.words)
