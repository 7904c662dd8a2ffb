"""A failed task or run: first a row in `atge_error_logs`, then one message.

This module knows neither Airflow nor Slack's transport: `include.airflow.callbacks` hands it the facts of a
failure and sends the message that it writes.
"""

import json
import uuid
from dataclasses import dataclass

from sqlalchemy import Engine

from include.database import sql
from include.telemetry import redact

# One id a failure: the same failure reported twice (a zombie and its successor) is one row and one message.
_FAILURES = uuid.UUID("6c1c7f0e-5a0e-4f0f-9f3e-3f6f0f6b7a11")

# The area of a failed task, as `atge_error_logs.error_type` names it. Tasks that are not here settle trades.
AREAS = {
    "claim": "database",
    "refresh_performance": "database",
    "collect_candles": "api",
    "collect": "api",
    "audit_candles": "database",
    "audit_trades": "database",
    "report": "database",
    "create_backup": "database",
    "verify_backup": "database",
    "apply_retention": "database",
    "look_after": "database",
    "analyse": "analysis",
    "choose_trades": "analysis",
    "list_batches": "analysis",
    "analyse_batch": "analysis",
    "count_outcomes": "analysis",
}

# Slack's limits: 150 characters in a header, 3000 in a section's text (docs.slack.dev, block kit).
HEADER_LIMIT = 150
EXCEPTION_LIMIT = 2500


@dataclass(frozen=True)
class Failure:
    """The facts of one failed task, or of a failed or late run when `task_id` is None."""

    dag_id: str
    run_id: str
    owner: str
    error: str  # the exception's type and text, or the reason that Airflow gives
    url: str  # opens the task, or the run, in the UI
    next_step: str
    stack: str | None = None
    task_id: str | None = None
    map_index: int = -1
    try_number: int | None = None
    late: bool = False  # a run that missed its deadline; it may still finish, or fail as well

    @property
    def id(self) -> uuid.UUID:
        """The same for every report of the same failure."""
        key = (self.dag_id, self.run_id, self.task_id, self.map_index, self.try_number)
        return uuid.uuid5(_FAILURES, json.dumps((*key, "late") if self.late else key))

    @property
    def name(self) -> str:
        """DAG, task and map index as people say it."""
        task = f".{self.task_id}" if self.task_id else ""
        return f"{self.dag_id}{task}" + (f"[{self.map_index}]" if self.map_index >= 0 else "")


def record_failure(engine: Engine, failure: Failure) -> bool:
    """Write the failure down; answer whether it is news that should be told.

    It is no news when this very failure has its row already, or when a run failed because of a task that was
    reported on its own.
    """
    area = AREAS.get((failure.task_id or "").rpartition(".")[2], "backtesting")
    context = {
        "dag_id": failure.dag_id,
        "run_id": failure.run_id,
        "task_id": failure.task_id,
        "map_index": failure.map_index,
        "try_number": failure.try_number,
        "owner": failure.owner,
        "url": failure.url,
        **({"late": True} if failure.late else {}),
    }
    with engine.begin() as connection:
        return bool(
            connection.execute(
                sql("record_failure"),
                {
                    "id": failure.id,
                    "area": area,
                    "error": redact(f"{failure.name}: {failure.error}"),
                    "stack": redact(failure.stack) if failure.stack else None,
                    "context": json.dumps(context),
                    "dag_id": failure.dag_id,
                    "run_id": failure.run_id,
                    "of_run": failure.task_id is None and not failure.late,
                },
            ).scalar_one()
        )


def note_delivery(engine: Engine, failure: Failure, outcome: str) -> None:
    """Write down in the failure's row what became of its message: `sent`, or why it was not."""
    with engine.begin() as connection:
        connection.execute(sql("note_delivery"), {"id": failure.id, "outcome": redact(outcome)})


def slack_message(failure: Failure) -> dict[str, object]:
    """Write the failure as a Slack message. Text from outside is shown, never interpreted."""
    what = "task" if failure.task_id else "run"
    verdict, happened = ("Late", "is late") if failure.late else ("Failed", "failed")
    tries = f" on try {failure.try_number}" if failure.try_number else ""
    facts = [("Run", failure.run_id), ("Owner", failure.owner)]
    error = redact(failure.error)
    if len(error) > EXCEPTION_LIMIT:
        error = error[:EXCEPTION_LIMIT] + " …"
    # A code block ends at three backticks; a zero-width space keeps the text's own from ending it.
    quoted = _escape(error).replace("```", "`\u200b``")
    return {
        "text": _escape(f"{failure.name} {happened}{tries}: {error[:200]}"),
        "blocks": [
            {
                "type": "header",
                "text": {
                    "type": "plain_text",
                    "text": f"{verdict} {what}: {failure.name}{tries}"[:HEADER_LIMIT],
                },
            },
            {
                "type": "section",
                "fields": [
                    {"type": "mrkdwn", "text": f"*{name}*\n{_escape(value)[:1900]}"} for name, value in facts
                ],
            },
            {"type": "section", "text": {"type": "mrkdwn", "text": f"```{quoted}```"}},
            {
                "type": "section",
                "text": {"type": "mrkdwn", "text": f"*What happens next*\n{_escape(failure.next_step)}"},
            },
            {
                "type": "section",
                "text": {"type": "mrkdwn", "text": f"<{failure.url}|Open the {what} in Airflow>"},
            },
        ],
    }


def _escape(text: str) -> str:
    """Escape the three characters that Slack's mrkdwn reads as control characters."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
