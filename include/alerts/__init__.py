"""Telling people: failures become rows first, then messages."""

from include.alerts.failures import Failure, note_delivery, record_failure, slack_message

__all__ = ["Failure", "note_delivery", "record_failure", "slack_message"]
