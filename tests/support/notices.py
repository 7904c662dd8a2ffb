"""What the tests of delivery share: notices, channels that remember, a clock that the database believes."""

import json
from datetime import timedelta

from sqlalchemy import text

from include.alerts import Failure
from include.alerts.channels import CHANNELS, Receipt
from include.alerts.delivery import deliver
from include.settings import Settings

ALL = dict.fromkeys(CHANNELS, ("critical", "warning", "info"))

FAILURE = Failure(
    dag_id="settle_trades",
    run_id="scheduled__2026-11-01T00:05:00+00:00",
    task_id="settle_batch.settle",
    map_index=2,
    try_number=3,
    owner="trading",
    error="RuntimeError: the disk is slow",
    stack="Traceback …\nRuntimeError: the disk is slow",
    url="http://localhost:8080/dags/settle_trades/runs/x/tasks/settle_batch.settle/mapped/2?try_number=3",
    next_step="Nothing is lost.",
    severity="critical",
)


class Remembering:
    """A channel that keeps what it is told; `broken` is raised instead."""

    def __init__(self):
        self.messages = []
        self.broken = None

    def send(self, message):
        if self.broken:
            raise self.broken
        self.messages.append(message)
        return Receipt("ok", {} if message.reference else {"ts": str(len(self.messages))})


class Channels:
    """All of them, remembering; `run` makes a pass."""

    def __init__(self, engine, **settings):
        self.engine = engine
        self.settings = Settings(**{"alert_channels": {"slack": ALL["slack"]}, **settings})
        self.channels = {name: Remembering() for name in ALL}

    def __getitem__(self, name):
        return self.channels[name]

    def run(self, **named):
        return deliver(self.engine, lambda name: self.channels[name], self.settings, **named)

    def headlines(self, name="slack"):
        return [message.headline for message in self.channels[name].messages]


def notify(engine, **columns):
    """Write one notice."""
    values = {
        "source": "rule", "kind": "firing", "fingerprint": "cpu_busy/critical", "cause": "cpu_busy",
        "severity": "critical", "title": "The processors are busy",
        "body": {"value": "97 %", "limit": "above 95 %"},
        "labels": {"host": "db1"}, "owner": "platform", "channels": None, "runbook_url": None, **columns,
    }  # fmt: skip
    values["body"], values["labels"] = json.dumps(values["body"]), json.dumps(values["labels"])
    statement = (
        "INSERT INTO alert_notices (notice_key, source, kind, fingerprint, cause, severity, title, body, "
        "labels, owner, channels, runbook_url) VALUES "
        "(CAST(gen_random_uuid() AS text), :source, :kind, :fingerprint, "
        ":cause, :severity, :title, CAST(:body AS jsonb), CAST(:labels AS jsonb), :owner, :channels, "
        ":runbook_url) RETURNING id"
    )
    with engine.begin() as connection:
        return connection.execute(text(statement), values).scalar_one()


def fire(engine, fingerprint="cpu_busy/critical", **columns):
    """Let an alert be firing, as the evaluation leaves it."""
    values = {
        "rule": fingerprint.split("/")[0],
        "severity": fingerprint.split("/")[1],
        "labels": {},
        **columns,
    }
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO alert_states (fingerprint, rule, severity, labels, state, since, observed, "
                "evaluated_at, fired_at, value, threshold, reason, told_level) VALUES (:fingerprint, :rule, "
                ":severity, CAST(:labels AS jsonb), 'firing', now(), 'bad', now(), now(), 97, 95, "
                "'p95 is 97', 1)"
            ),
            {"fingerprint": fingerprint, **values, "labels": json.dumps(values["labels"])},
        )


def end(engine, fingerprint="cpu_busy/critical"):
    with engine.begin() as connection:
        connection.execute(
            text("DELETE FROM alert_states WHERE fingerprint = :fingerprint"), {"fingerprint": fingerprint}
        )


def pass_time(engine, span: timedelta):
    """Move everything that delivery looks at into the past, so that so much time seems to have passed."""
    moves = {
        "alert_notices": ["created_at", "handled_at"],
        "alert_deliveries": ["due_at", "settled_at"],
        "alert_threads": ["opened_at", "closed_at", "told_at", "next_at", "claimed_until"],
        "alert_silences": ["starts_at", "ends_at"],
        "alert_states": ["since", "fired_at"],
        "atge_error_logs": ["timestamp"],
    }
    with engine.begin() as connection:
        for table, columns in moves.items():
            changes = ", ".join(f"{column} = {column} - CAST(:span AS interval)" for column in columns)
            connection.execute(text(f"UPDATE {table} SET {changes}"), {"span": span})


def deliveries(engine, **where):
    """Rows of alert_deliveries with their notice's kind and fingerprint, oldest first."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT delivery.*, kind, fingerprint, source FROM alert_deliveries AS delivery "
                "JOIN alert_notices ON id = notice_id ORDER BY created_at, channel"
            )
        ).all()
    return [row for row in rows if all(getattr(row, name) == value for name, value in where.items())]


def states(engine, **where):
    return [row.state for row in deliveries(engine, **where)]


def scalar(engine, statement, **values):
    with engine.connect() as connection:
        return connection.execute(text(statement), values).scalar_one()
