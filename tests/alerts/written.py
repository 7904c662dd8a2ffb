"""Messages as channels get them, for the tests of channels."""

from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID, uuid4

from include.alerts.messages import compose

HOSTILE = (
    "<!channel> <@U123> <!here> @everyone <http://evil|click> ``` *bold* _it_ ~x~ & &amp; "
    "\u202egpj.exe\u202c "
    "\x00\x07\x1b[31m <script>alert(1)</script>\r\nBcc: victim@example.com\r\n\r\nbody" + "\ufffd\ud800"
)
MESSAGE = UUID("11111111-2222-4333-8444-555555555555")


def row(**columns):
    """A notice as delivery_carried gives it."""
    values = {
        "id": uuid4(),
        "kind": "firing",
        "fingerprint": "cpu_busy/critical",
        "title": "The processors are busy",
        "severity": "critical",
        "body": {"value": "97 %", "limit": "above 95 %", "since": "2026-11-21T04:00:00+00:00"},
        "labels": {"host": "db1"},
        "owner": "platform",
        "link": "http://localhost:8080/dags/x/runs/y",
        "runbook_url": "docs/alert-rules.md#machines",
        "counted": 1,
    }
    return SimpleNamespace(**{**values, **columns})


def failure(error="RuntimeError: the disk is slow", **columns):
    values = {
        "kind": "failure",
        "fingerprint": "failure/settle_trades.settle/RuntimeError/1",
        "title": "Task settle_trades.settle[2] failed on try 3",
        "body": {
            "error": error,
            "run": "scheduled__1",
            "task": "settle_trades.settle[2]",
            "next_step": "Wait.",
        },
        "labels": {"dag_id": "settle_trades"},
        "owner": "trading",
        "runbook_url": None,
    }
    return row(**{**values, **columns})


def written(*rows, subject="cpu_busy", first=True, reference=None):
    return compose(
        MESSAGE,
        subject,
        rows or [row()],
        first=first,
        opened_at=datetime(2026, 11, 21, tzinfo=UTC),
        reference=reference or {},
    )


def hostile():
    """A message in which everything that comes from outside is hostile, and a megabyte long."""
    bad = HOSTILE + "x" * 1_000_000
    return written(
        failure(
            bad,
            title=bad,
            owner=bad,
            link="javascript:alert(1)",
            runbook_url=bad,
            labels={bad[:50]: bad},
            body=dict.fromkeys(("error", "run", "task", "next_step", "reason", "value"), bad),
        )
    )
