"""The channels through which people are told: each gives a message its form and sends it.

A channel has `send(message)`, which answers with what the service said, and raises ChannelError when the
message did not arrive. Nothing here retries for long: what did not arrive waits in the database.
"""

from include.alerts.channels.channel import Channel, ChannelError, Receipt
from include.alerts.channels.mail import Mail, MailServer
from include.alerts.channels.pagerduty import PagerDuty
from include.alerts.channels.slack import SlackBot, SlackWebhook
from include.alerts.channels.webhook import Webhook

__all__ = [
    "Channel",
    "ChannelError",
    "Mail",
    "MailServer",
    "PagerDuty",
    "Receipt",
    "SlackBot",
    "SlackWebhook",
    "Webhook",
]
