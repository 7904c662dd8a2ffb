"""Trigger forms: the fields that several DAGs share, and the one way to read what a person filled in.

A form stands in a DAG as `params`, and is read in a task by `read_form`. Airflow has held it against the
schema of its fields by then; what only the product knows, the request class says.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowFailException
from pydantic import BaseModel, ConfigDict, ValidationError

from include.days import days_between
from include.settings.reader import suggestion
from include.validation_messages import complaints

if TYPE_CHECKING:
    from airflow.sdk import Context

# `\n` at a pattern's end: Python's `$` stands before it too.
UUID_PATTERN = r"^[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}$(?!\n)"
SYMBOL_PATTERN = r"^\S.{0,99}$(?!\n)"
MAX_LIST_ENTRIES = 10_000
PAGES = "/tradeops"  # where the plugin mounts the pages of include/web, which list what a form asks for
REFUSAL = "Nothing was done"

Request = TypeVar("Request")


class FormRefusedError(AirflowFailException):  # type: ignore[misc]
    """What somebody asked for cannot be done as asked: the run fails, in words, and the platform has not."""


class CriticalError(AirflowFailException):  # type: ignore[misc]
    """A failure that is critical whatever the task's failures usually are, and is not tried again."""


class Form(BaseModel):
    """A form whose fields need no more than their types: its subclass has one field for each of `params`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, str_strip_whitespace=True)


class DaysForm(Form):
    """The fields of `days_form`."""

    first_day: date | None
    last_day: date | None


def read_form(form_class: type[Request], *more: Any) -> Request:
    """Build what this run's form asks for.

    `form_class` is a `Form`, or a request class of the product with `read(params, *more)`.
    Raises FormRefusedError, in words that say what to correct.
    """
    params = dict(_context()["params"])
    form: Any = form_class
    with form_refused_on(ValueError):
        built: Request = _check(form, params) if issubclass(form, Form) else form.read(params, *more)
    return built


def _check(form_class: type[Any], params: Mapping[str, Any]) -> Any:
    # As JSON: a day is a text there, and yet 1 is not true.
    try:
        return form_class.model_validate_json(json.dumps(params))
    except ValidationError as error:
        said = [complaint.sentence for complaint in complaints(form_class, error.errors())]
        raise ValueError("; ".join(said)) from error


@contextmanager
def form_refused_on(*errors: type[Exception]) -> Iterator[None]:
    """Fail the task at once, in the words of the product's refusal: trying again would change nothing."""
    try:
        yield
    except errors as error:
        raise FormRefusedError(f"{REFUSAL}: {error}") from error


def read_days(*, at_most: int, up_to_today: bool = False) -> list[date]:
    """The days (UTC) that the form of `days_form` names, the last one included; one alone is both.

    Without them it is the day that the run is for: that of its interval, or the day before. `up_to_today`: a
    run that no schedule made goes on to the day so far. More than `at_most` days are refused.
    """
    form, run = read_form(DaysForm), _context()["dag_run"]
    first = (run.data_interval_start or run.run_after - timedelta(days=1)).date()
    scheduled = run.run_type in ("scheduled", "backfill")
    last = run.run_after.date() if up_to_today and not scheduled else first
    with form_refused_on(ValueError):
        return days_between(
            form.first_day or form.last_day or first,
            form.last_day or form.first_day or last,
            at_most=at_most,
        )


def is_dry_run() -> bool:
    """Whether this run may only say what it would do: anything but a clear no means so."""
    return _context()["params"]["dry_run"] is not False


def who_triggered() -> str:
    """Name the Airflow user who triggered this run, or say that nobody did."""
    run = _context()["dag_run"]
    return run.triggering_user_name or f"nobody: a {run.run_type} run"


def refuse_unknown_names(context: Mapping[str, Any]) -> None:
    """Refuse a run whose `conf` has a name that its DAG's form lacks; every task's `pre_execute`.

    Airflow passes such names over. An export that was asked for `user` instead of `users` wrote all users'.
    """
    known = set(context["dag"].params)
    unknown = sorted(set(context["dag_run"].conf or {}) - known)
    if not known or not unknown:
        return
    said = ", ".join(name + suggestion(name, known) for name in unknown)
    raise FormRefusedError(
        f"{REFUSAL}: conf holds what the form of {context['dag'].dag_id} lacks: {said}; its names are "
        f"{', '.join(sorted(known))}."
    )


def dry_run(description: str) -> dict[str, Param]:
    """The switch that is on until somebody turns it off; `description` says what a dry run does."""
    return {"dry_run": Param(True, type="boolean", title="Dry run", description=description)}


def days_form(what: str) -> dict[str, Param]:
    """A first and a last day, each of which may be left out; `what` begins both descriptions."""
    optional_day = {"type": ["null", "string"], "format": "date"}
    return {
        "first_day": Param(
            None, **optional_day, title="First day", description=f"{what} from this day on (UTC)."
        ),
        "last_day": Param(
            None, **optional_day, title="Last day", description=f"{what} up to this day, included (UTC)."
        ),
    }


def listed_on(page: str, name: str) -> str:
    """A sentence for a description in Markdown: which page lists the values and opens the form with one."""
    return f"The page [{name}]({PAGES}/{page}) lists them, with buttons that fill in this form."


def optional_user(description: str) -> Param:
    """The id of one user, which may be left out."""
    return Param(
        None,
        type=["null", "string"],
        pattern=UUID_PATTERN,
        title="User",
        description_md=f"{description} {listed_on('performance', 'Performance')}",
    )


def optional_text(title: str, description: str, *, at_most: int = 500) -> Param:
    """One line of text of so many characters, which may be left out."""
    return Param(None, type=["null", "string"], maxLength=at_most, title=title, description=description)


def users(description: str) -> Param:
    """Ids of users, one a line; an empty list where there are none."""
    return lines("Users", UUID_PATTERN, f"{description} {listed_on('performance', 'Performance')}")


def trade_ids(description: str) -> Param:
    """Ids of trades, one a line; an empty list where there are none."""
    return lines("Trades", UUID_PATTERN, f"{description} {listed_on('trades', 'Trades')}")


def symbols(description: str) -> Param:
    """Symbols, one a line; an empty list where there are none."""
    return lines("Symbols", SYMBOL_PATTERN, description)


def choices(title: str, known: Sequence[str], *, default: Sequence[str] = ()) -> Param:
    """Some of the known names, chosen from a list; none: all, unless there is a default."""
    return Param(
        list(default),
        type="array" if default else ["null", "array"],
        items={"type": "string", "enum": list(known)},
        minItems=1 if default else 0,
        examples=list(known),
        title=title,
        description="Choose at least one." if default else "Choose some. None: all of them.",
    )


def lines(title: str, pattern: str, description: str) -> Param:
    """Texts that match a pattern, one a line; an empty list where there are none."""
    return Param(
        [],
        type=["null", "array"],
        items={"type": "string", "pattern": pattern},
        maxItems=MAX_LIST_ENTRIES,
        title=title,
        description_md=description,
    )


def trade_filter(time: str) -> dict[str, Param]:
    """The fields of include.trades.TradeFilter; `time` says in words which time the window is about."""
    return {
        **days_form(f"Trades {time}"),
        "symbols": symbols("As the trades spell them, one a line, such as BTC. None: all of them."),
        "users": users("Only trades of these users, one id a line. None: of all users."),
        "trade_ids": trade_ids("Only these trades, one id a line. None: all that fit the rest of the form."),
    }


def backup_id(*kinds: str, otherwise: str | None = None) -> dict[str, Param]:
    """The id of a backup of one of the kinds; it may be left out, and `otherwise` says what that means."""
    example = f"20261121T020000Z-{kinds[0]}-3f9c2a"
    words = f"Which backup, such as {example}." + (f" {otherwise}" if otherwise else "")
    schema = {
        "pattern": rf"^\d{{8}}T\d{{6}}Z-({'|'.join(kinds)})-[0-9a-f]{{6}}$(?!\n)",
        "title": "Backup",
        "description_md": f"{words} {listed_on('backups', 'Backups')}",
    }
    if otherwise:
        return {"backup_id": Param(None, type=["null", "string"], **schema)}
    return {"backup_id": Param(type="string", **schema)}


def _context() -> "Context":
    from airflow.sdk import get_current_context

    return get_current_context()
