"""What a person chooses from in a DAG's form instead of typing an id: backups that are there, and users."""

import re
from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection

from include.database import sql
from include.web.dag_forms import DagField, DagForm

MOST_OFFERED = 30  # of a field, the newest or the largest; others are typed
QUERIES: Mapping[str, str] = {  # by the name that a field has in every DAG's form
    "backup_id": "web/offer_backups",
    "user": "web/offer_users",
    "users": "web/offer_users",
}


def offer_users(connection: Connection, limit: int) -> list[tuple[str, str]]:
    """Users who have statistics, those with the most trades first: the id, and what tells them apart."""
    return _offer(connection, "web/offer_users", limit)


def with_offers(form: DagForm, connection: Connection) -> DagForm:
    """The form whose fields offer what they may hold and is there."""
    return replace(form, fields=[_offering(field, connection) for field in form.fields])


def _offering(field: DagField, connection: Connection) -> DagField:
    if field.name not in QUERIES:
        return field
    schema = field.schema.get("items", field.schema)
    pattern = re.compile(schema.get("pattern", ""))
    offered = _offer(connection, QUERIES[field.name], MOST_OFFERED)
    return replace(field, offered=[(value, label) for value, label in offered if pattern.search(value)])


def _offer(connection: Connection, query: str, limit: int) -> list[tuple[str, str]]:
    return [(row.value, row.label) for row in connection.execute(sql(query), {"limit": limit})]
