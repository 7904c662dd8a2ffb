"""Notices about token access, each once: what people are told is a row that delivery takes from there."""

import json
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from include.database import sql, storable


def note(
    connection: Connection,
    key: str,
    severity: Literal["critical", "warning", "info"],
    title: str,
    reason: str,
) -> None:
    """Write a notice in the caller's transaction; one of this key is written once, ever."""
    connection.execute(
        sql("alerts/note_at_once"),
        {
            "key": f"token access {key}",
            "subject": "token access",
            "owner": "platform",
            "severity": severity,
            "title": storable(title),
            "body": json.dumps({"reason": storable(reason)}),
        },
    )


def minute_text(at: datetime) -> str:
    """A moment (UTC) as notices write it."""
    return f"{at:%Y-%m-%d %H:%M} UTC"
