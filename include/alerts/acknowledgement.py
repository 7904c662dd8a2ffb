"""What people do to alerts: taking one over. Of a cause of failures, nothing further is sent for a while."""

from datetime import timedelta

from sqlalchemy import Engine, text

from include.database import sql

LONGEST_ACKNOWLEDGEMENT = timedelta(days=7)


def acknowledge_alert(engine: Engine, fingerprint: str, by: str, lasts: timedelta) -> str:
    """Take over an alert that fires: it does not escalate for so long; give the state that it had.

    An alert that recovers or has no data stays so, and is acknowledged if it fires again by then. When
    the time is over and the alert still fires, its people are notified again. Whoever was notified that it
    fires is notified of this too.

    Raises:
        LookupError: no such alert fires.
        ValueError: `by` names nobody, or `lasts` is not between nothing and seven days.
    """
    _check(by, lasts)
    with engine.begin() as connection:
        # The evaluation steps all alerts under the same lock: it sees all of this or nothing.
        connection.execute(text("LOCK TABLE alert_states IN SHARE ROW EXCLUSIVE MODE"))
        had = connection.execute(
            sql("alerts/acknowledge_alert"), {"fingerprint": fingerprint, "by": by.strip(), "lasts": lasts}
        ).scalar_one_or_none()
    if had is None:
        raise LookupError(f"no alert {fingerprint!r} fires: it has ended, or never was")
    return str(had)


def acknowledge_failure(engine: Engine, fingerprint: str, by: str, lasts: timedelta) -> None:
    """Take over a cause of failures; whoever was notified of it is notified of this too, and of its end.

    Raises:
        LookupError: there was no such failure in the last day, or it has healed.
        ValueError: `by` names nobody, or `lasts` is not between nothing and seven days.
    """
    _check(by, lasts)
    with engine.begin() as connection:
        taken = connection.execute(
            sql("alerts/acknowledge_failure"),
            {"fingerprint": fingerprint, "by": by.strip()[:100], "lasts": lasts},
        ).all()
    if not taken:
        raise LookupError(f"no failure {fingerprint!r} is open: it has healed, or was more than a day ago")


def acknowledge_by_fingerprint(engine: Engine, fingerprint: str, by: str, lasts: timedelta) -> None:
    """Take over an alert or a cause of failures, whichever the fingerprint names; raises as these do."""
    if fingerprint.startswith("failure/"):
        acknowledge_failure(engine, fingerprint, by, lasts)
    else:
        acknowledge_alert(engine, fingerprint, by, lasts)


def _check(by: str, lasts: timedelta) -> None:
    if not by.strip():
        raise ValueError("who acknowledges must be named")
    if not timedelta(0) < lasts <= LONGEST_ACKNOWLEDGEMENT:
        raise ValueError(f"an acknowledgement lasts for up to {LONGEST_ACKNOWLEDGEMENT.days} days")
