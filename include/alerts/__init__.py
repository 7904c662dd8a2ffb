"""Notifying people: rules are evaluated and failures recorded; both become rows first, then messages.

Every DAG file imports this package for its failure callbacks, so this face names only what they need. What a
task does is imported from its module, inside the task:

- `evaluate`, `rule_file`, `system`: one pass over the rules, the rules in force, samples of this machine;
- `delivery`, `channels`: from notices to messages, and the services that carry them;
- `silences`, `preview`, `acknowledgement`: what people do to alerts;
- `overview`: what the page shows; `slack_fallback`: Slack while the database is away.
"""

from include.alerts.causes import WorkerLostError
from include.alerts.failures import Failure, Severity

__all__ = ["Failure", "Severity", "WorkerLostError"]
