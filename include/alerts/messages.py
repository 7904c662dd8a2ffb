"""A message as every channel gets it: what notices say, in words, before a channel gives it its form.

All text in here is plain: redacted, cut, without control characters. Whether `<` or `*` means something is
the channel's business, which has to escape it.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from include.humanize import count_text
from include.telemetry import redact

Kind = Literal["began", "more", "ended", "acknowledged", "digest", "silences", "announcement", "test"]

BEGINNINGS = ("firing", "escalated", "failure", "watchdog")
ENDINGS = ("resolved", "healed")

FAILED = "Failed"

TITLE_LIMIT = 200  # characters
FACT_LIMIT = 300
QUOTE_LIMIT = 2_500
MAX_TEXT_READ = 20_000  # characters that are looked at

# Facts of a notice's body that people read, in this order; `error`, `list`, `next_step` have their own.
FACTS = {
    "value": "Value",
    "limit": "Limit",
    "reason": "Why",
    "since": "Since",
    "ended": "Ended",
    "again": "Sent again",
    "by": "Acknowledged by",
    "until": "Until",
    "task": "Task",
    "run": "Run",
}

_BLANKS = re.compile(r"[ \t\r\f\v]+")
# Whatever some reader takes for the end of a line: a header of mail must not hold one, nor may a label.
_BREAKS = re.compile("\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")
_BADNESS = ("critical", "warning", "info").index
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True)
class Item:
    """What a message says of one alert, or of one cause of failures."""

    fingerprint: str
    status: str  # Failed, Firing, Escalated, Resolved, Healed, Acknowledged, ...
    title: str
    severity: str
    owner: str
    counted: int  # beginnings in this message
    facts: tuple[tuple[str, str], ...]
    quote: str | None  # an exception, a list: shown as it is
    next_step: str | None
    link: str | None
    runbook: str | None
    ended: bool
    acknowledged: bool
    labels: Mapping[str, str]
    notices: tuple[UUID, ...]  # those that are spelt out


@dataclass(frozen=True)
class Message:
    """What goes out. `reference` is what the channel said of the thread's first message."""

    id: UUID
    kind: Kind
    subject: str
    severity: str
    headline: str
    items: tuple[Item, ...]
    counted: int  # notices that it carries
    opened_at: datetime
    reference: Mapping[str, Any]


def compose(
    id: UUID,
    subject: str,
    rows: Sequence[Any],
    *,
    first: bool,
    opened_at: datetime,
    reference: Mapping[str, Any],
) -> Message:
    """Write the message of a subject.

    Args:
        id: names this message.
        subject: what belongs together.
        rows: notices with `counted`, oldest first: sql/queries/alerts/read_message_notices.sql.
        first: whether nothing was sent in this thread before.
        opened_at: when the thread was opened.
        reference: as the channel gave it for the thread's first message; empty: there is none.
    """
    by_fingerprint: dict[str, list[Any]] = {}
    for row in rows:
        by_fingerprint.setdefault(row.fingerprint, []).append(row)
    # The worst first: it heads the message, and is spelt out where not all can be.
    items = tuple(sorted(map(_item, by_fingerprint.values()), key=lambda item: _BADNESS(item.severity)))
    counted = sum({(row.fingerprint, row.kind): row.counted for row in rows}.values())
    kind = _kind(subject, items, first)
    return Message(
        id=id,
        kind=kind,
        subject=subject,
        severity=items[0].severity,
        headline=plain(_headline(kind, items, counted), TITLE_LIMIT),
        items=items,
        counted=counted,
        opened_at=opened_at,
        reference=reference,
    )


def name_on_call(message: Message, on_call: str | None) -> Message:
    """Name who is on call in a message that says that something critical has begun."""
    if on_call is None or message.severity != "critical" or message.kind not in ("began", "more"):
        return message
    worst, *others = message.items
    named = replace(worst, facts=(*worst.facts, ("On call", one_line(on_call, FACT_LIMIT))))
    return replace(message, items=(named, *others))


def plain(value: object, limit: int) -> str:
    """Text that a person can read: redacted, cut, and without control characters, whatever came in.

    Line breaks and indentation stay. Characters that turn the direction of writing or have no width go, for
    they make a text look like another.
    """
    whole = str(value)
    text = _BREAKS.sub(
        "\n", redact(whole[: min(MAX_TEXT_READ, 4 * limit)].encode("utf-8", "replace").decode())
    )
    shown = "".join(
        character if character == "\n" or unicodedata.category(character)[0] != "C" else _replace(character)
        for character in text
    )
    shown = _BLANK_LINES.sub("\n\n", shown).strip()
    if len(shown) <= limit and len(whole) <= MAX_TEXT_READ and len(whole) <= 4 * limit:
        return shown
    note = f" … ({len(whole):,} characters in all)" if limit > 100 else " …"
    return shown[: limit - len(note)] + note


def one_line(value: object, limit: int) -> str:
    """As `plain`, in one line."""
    return _BLANKS.sub(" ", plain(value, limit).replace("\n", " ")).strip()


def link_of(value: object) -> str | None:
    """A link that may be shown as one; None for anything else than a short http address."""
    text = str(value or "")
    if not text.startswith(("http://", "https://")) or len(text) > 2_000:
        return None
    return text if text.isprintable() and not set(text) & set(" <>|\"'`\\") else None


def _replace(character: str) -> str:
    if character == "\t":
        return "    "
    return "" if character in "\r\ufeff\u200b\u200c\u200d\u2060" else "\ufffd"


def _kind(subject: str, items: tuple[Item, ...], first: bool) -> Kind:
    if subject == "digest":
        return "digest"
    if subject == "silences":
        return "silences"
    if subject == "announcement":
        return "announcement"
    if all(item.ended for item in items):
        return "ended"
    if all(item.acknowledged for item in items):
        return "acknowledged"
    return "began" if first else "more"


def _headline(kind: Kind, items: tuple[Item, ...], counted: int) -> str:
    first = items[0]
    if kind == "digest":
        about = count_text(len(items), "alert")
        return f"Daily digest: {count_text(counted, 'notice')} about {about}"
    if kind in ("silences", "announcement"):
        return first.title
    failures = sum(item.counted for item in items if item.status == FAILED)
    if len(items) > 1:
        if all(item.status == FAILED for item in items):
            return f"{count_text(failures, 'failure')} of {len(items)} causes: {first.title}, and others"
        words = {item.status for item in items}
        status = words.pop() if len(words) == 1 else "Alerts"
        return f"{status}: {first.title}, and {len(items) - 1} more"
    if first.status == FAILED:  # its title is a sentence
        more = "more " if kind == "more" else ""
        what = count_text(failures, f"{more}failure")
        return f"{what}: {first.title}" if failures > 1 or more else first.title
    if kind == "more" and first.counted:
        return f"{first.status} again, {count_text(first.counted, 'time')} more: {first.title}"
    if first.counted > 1:
        return f"{first.status} {first.counted} times: {first.title}"
    return f"{first.status}: {first.title}"


def _item(rows: list[Any]) -> Item:
    beginnings = [row for row in rows if row.kind in BEGINNINGS]
    last = rows[-1]
    shown = rows[0] if last.kind == "failure" else last  # of failures the first says how it began
    body = shown.body
    ended = last.kind in ENDINGS
    healed = f" {one_line(body['healed'], 100)}" if body.get("healed") else ""
    return Item(
        fingerprint=last.fingerprint,
        status=_status(shown.kind) + healed,
        title=one_line(shown.title, TITLE_LIMIT),
        severity=last.severity,
        owner=one_line(last.owner, 100),
        counted=sum({row.kind: row.counted for row in beginnings}.values()),
        facts=tuple(_facts(body)),
        quote=None if ended else _quote(body),
        next_step=plain(body["next_step"], 1_000) if body.get("next_step") and not ended else None,
        link=link_of(last.link),
        runbook=one_line(last.runbook_url, FACT_LIMIT) if last.runbook_url else None,
        ended=ended,
        acknowledged=last.kind == "acknowledged",
        labels={one_line(name, 60): one_line(value, 200) for name, value in last.labels.items()},
        notices=tuple(row.id for row in rows),
    )


def _facts(body: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, label in FACTS.items():
        if body.get(name) not in (None, ""):
            yield label, one_line(_time(body[name]), FACT_LIMIT)


def _time(value: object) -> object:
    """An ISO time as people write it; anything else as it is."""
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
        try:
            return f"{datetime.fromisoformat(value):%Y-%m-%d %H:%M:%S} UTC"
        except ValueError:
            return value
    return value


def _quote(body: Mapping[str, Any]) -> str | None:
    quoted = body.get("error") or body.get("list")
    return plain(quoted, QUOTE_LIMIT) if quoted else None


def _status(kind: str) -> str:
    return {"failure": FAILED, "watchdog": "Alive", "silences": "Silences"}.get(kind, kind.capitalize())
