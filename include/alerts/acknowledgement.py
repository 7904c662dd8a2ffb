"""Taking over a cause of failures: nothing further is told of it for a while. Rules have `states`."""

from datetime import timedelta

from sqlalchemy import Engine

from include.alerts.states import LONGEST
from include.database import sql


def acknowledge_failure(engine: Engine, fingerprint: str, by: str, lasts: timedelta) -> None:
    """Take over a cause of failures; whoever was told of it is told of this too, and of its end.

    Raises:
        LookupError: there was no such failure in the last day, or it has healed.
        ValueError: `by` names nobody, or `lasts` is not between nothing and seven days.
    """
    if not by.strip():
        raise ValueError("who acknowledges must be named")
    if not timedelta(0) < lasts <= LONGEST:
        raise ValueError(f"an acknowledgement lasts for up to {LONGEST.days} days")
    with engine.begin() as connection:
        taken = connection.execute(
            sql("acknowledge_failure"), {"fingerprint": fingerprint, "by": by.strip()[:100], "lasts": lasts}
        ).all()
    if not taken:
        raise LookupError(f"no failure {fingerprint!r} is open: it has healed, or was more than a day ago")
