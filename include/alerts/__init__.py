"""Telling people: rules are evaluated and failures recorded; both become rows first, then messages.

Every DAG file imports this package for its failure callbacks, so everything else is imported when it is first
asked for (PEP 562).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from include.alerts.causes import KILLED
from include.alerts.failures import (
    Failure,
    Severity,
    keep_failure,
    keep_retry,
    record_failure,
    record_retry,
    record_success,
)

if TYPE_CHECKING:
    from include.alerts.acknowledgement import acknowledge, acknowledge_failure
    from include.alerts.channels import Channel, ChannelError
    from include.alerts.channels.mail import Mail, MailServer
    from include.alerts.channels.pagerduty import PagerDuty
    from include.alerts.channels.slack import SlackBot, SlackWebhook
    from include.alerts.channels.webhook import Webhook
    from include.alerts.delivery import Delivered, deliver, forget_delivered
    from include.alerts.direct import may_tell_directly, tell_slack_directly
    from include.alerts.evaluate import Evaluation, evaluate_rules
    from include.alerts.overview import Overview, read_overview
    from include.alerts.preview import Preview, preview_silence
    from include.alerts.rule_file import RulesRefused, read_rules
    from include.alerts.silences import Silence, end_silence, list_silences, silence
    from include.alerts.system import sample_system

__all__ = [
    "KILLED",
    "Channel",
    "ChannelError",
    "Delivered",
    "Evaluation",
    "Failure",
    "Mail",
    "MailServer",
    "Overview",
    "PagerDuty",
    "Preview",
    "RulesRefused",
    "Severity",
    "Silence",
    "SlackBot",
    "SlackWebhook",
    "Webhook",
    "acknowledge",
    "acknowledge_failure",
    "deliver",
    "end_silence",
    "evaluate_rules",
    "forget_delivered",
    "keep_failure",
    "keep_retry",
    "list_silences",
    "may_tell_directly",
    "preview_silence",
    "read_overview",
    "read_rules",
    "record_failure",
    "record_retry",
    "record_success",
    "sample_system",
    "silence",
    "tell_slack_directly",
]

_HOME = {
    "Channel": "channels",
    "ChannelError": "channels",
    "Delivered": "delivery",
    "Evaluation": "evaluate",
    "Mail": "channels.mail",
    "MailServer": "channels.mail",
    "Overview": "overview",
    "PagerDuty": "channels.pagerduty",
    "Preview": "preview",
    "RulesRefused": "rule_file",
    "Silence": "silences",
    "SlackBot": "channels.slack",
    "SlackWebhook": "channels.slack",
    "Webhook": "channels.webhook",
    "acknowledge": "acknowledgement",
    "acknowledge_failure": "acknowledgement",
    "deliver": "delivery",
    "end_silence": "silences",
    "evaluate_rules": "evaluate",
    "forget_delivered": "delivery",
    "list_silences": "silences",
    "preview_silence": "preview",
    "read_overview": "overview",
    "read_rules": "rule_file",
    "sample_system": "system",
    "silence": "silences",
    "may_tell_directly": "direct",
    "tell_slack_directly": "direct",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
