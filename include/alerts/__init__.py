"""Telling people: rules are evaluated and failures recorded; both become rows first, then messages.

Every DAG file imports this package for its failure callbacks, so the evaluation of rules is imported when it
is first asked for (PEP 562).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from include.alerts.failures import Failure, note_delivery, record_failure, slack_message

if TYPE_CHECKING:
    from include.alerts.evaluate import Evaluation, evaluate_rules
    from include.alerts.rule_file import RulesRefused, read_rules
    from include.alerts.states import acknowledge
    from include.alerts.system import sample_system

__all__ = [
    "Evaluation",
    "Failure",
    "RulesRefused",
    "acknowledge",
    "evaluate_rules",
    "note_delivery",
    "read_rules",
    "record_failure",
    "sample_system",
    "slack_message",
]

_HOME = {
    "Evaluation": "evaluate",
    "RulesRefused": "rule_file",
    "acknowledge": "states",
    "evaluate_rules": "evaluate",
    "read_rules": "rule_file",
    "sample_system": "system",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
