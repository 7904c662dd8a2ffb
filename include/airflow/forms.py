"""Trigger forms: the fields that several DAGs share, and what they are told that cannot be done."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowFailException

from include.settings_reader import suggestion

UUID = r"^[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}$(?!\n)"
LONGEST_LIST = 10_000


def replay_form() -> dict[str, Param]:
    """The form of include.trades.ReplayRequest."""
    redo = ["candles", "settlement", "analysis"]
    return {
        **trade_filter("whose time was up"),
        "redo": Param(
            ["settlement"], type="array", items={"enum": redo}, minItems=1, examples=redo, title="Redo"
        ),
        "dry_run": Param(True, type="boolean", title="Dry run", description="report only, change nothing"),
        "reason": Param(
            None, type=["null", "string"], maxLength=1000, title="Why",
            description="kept with every result that is replaced; needed unless it is a dry run",
        ),
    }  # fmt: skip


def export_form() -> dict[str, Param]:
    """The form of include.trades.ExportRequest."""
    return {
        **trade_filter("proposed"),
        "format": Param("csv", enum=["csv", "json", "parquet"], title="Format"),
        "location": Param(
            None, type=["null", "string"], maxLength=500, title="Place",
            description="a folder or s3://bucket/prefix below an allowed place; none: the default",
        ),
    }  # fmt: skip


def trade_filter(time: str) -> dict[str, Param]:
    """The fields of include.trades.TradeFilter; `time` says in words which time the window is about."""
    return {
        "first_day": Param(
            None, type=["null", "string"], format="date", title="First day",
            description=f"trades {time} from this day on (UTC)",
        ),
        "last_day": Param(
            None, type=["null", "string"], format="date", title="Last day",
            description=f"trades {time} up to this day, included (UTC)",
        ),
        "symbols": _names("Symbols", "as the trades spell them, one a line; none: all", r"^\S.{0,99}$(?!\n)"),
        "users": _names("Users", "user ids, one a line; none: all", UUID),
        "trade_ids": _names("Trades", "trade ids, one a line; none: all", UUID),
    }  # fmt: skip


def _names(title: str, description: str, pattern: str) -> Param:
    return Param(
        [],
        type=["null", "array"],
        items={"type": "string", "pattern": pattern},
        maxItems=LONGEST_LIST,
        title=title,
        description=description,
    )


class FormRefused(AirflowFailException):  # type: ignore[misc]
    """What somebody asked for cannot be done as asked: the run fails, in words, and the platform has not."""


class Critical(AirflowFailException):  # type: ignore[misc]
    """A failure that is critical whatever the task's failures usually are, and is not tried again."""


def refuse_unknown_names(context: Mapping[str, Any]) -> None:
    """Refuse a run whose `conf` has a name that its DAG's form lacks; every task's `pre_execute`.

    Airflow passes such names over. An export that was asked for `user` instead of `users` wrote all users'.
    """
    known = set(context["dag"].params)
    unknown = sorted(set(context["dag_run"].conf or {}) - known)
    if not known or not unknown:
        return
    said = ", ".join(name + suggestion(name, known) for name in unknown)
    raise FormRefused(
        f"conf holds what the form of {context['dag'].dag_id} lacks: {said}; its names are "
        f"{', '.join(sorted(known))}. Nothing was done."
    )


@contextmanager
def refuse_bad_requests() -> Iterator[None]:
    """Fail the task at once, in the words of the refusal: trying again would change nothing."""
    from include.trades.trade_filter import TradeRequestError

    try:
        yield
    except TradeRequestError as error:
        raise FormRefused(str(error)) from None


def who_triggered() -> str:
    """Name the Airflow user who triggered this run, or say that nobody did."""
    from airflow.sdk import get_current_context

    run: Any = get_current_context()["dag_run"]
    return run.triggering_user_name or f"nobody: a {run.run_type} run"
