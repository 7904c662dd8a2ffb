"""The channels of alerts, as Airflow's connections describe them; see docs/alerts.md."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from include.airflow.connections import SettingsMissingError, endpoint, extra_of, load_settings
from include.settings import Endpoint, Settings
from include.settings_reader import SettingsError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from include.alerts import Failure
    from include.alerts.channels import Channel, Mail, PagerDuty, SlackBot, SlackWebhook, Webhook

logger = logging.getLogger(__name__)

CONNECTIONS = {
    "slack": "slack_alerts",
    "email": "smtp_alerts",
    "pagerduty": "pagerduty",
    "webhook": "alert_webhook",
}
MENDING_PAUSE = timedelta(minutes=15)  # until a channel is tried again that somebody must set right first


def settings_of_alerts() -> tuple[Settings, str | None]:
    """Load the settings. If they cannot be read, alerts go on by the defaults; say what is wrong then.

    The one place where broken settings stop nothing: somebody must be told that they are broken.
    """
    try:
        return load_settings(), None
    except (SettingsError, SettingsMissingError) as error:
        logger.error("the settings cannot be read, alerts go on by the defaults: %s", error)
        return Settings.model_construct(), str(error)


@contextmanager
def open_channels(engine: "Engine") -> "Iterator[Callable[[str], Channel]]":
    """Give a function that opens the channel of a name, each once, when it is first needed.

    It raises ChannelError, in message, when the channel's connection is missing or cannot be used.
    """
    from include.alerts.channels import ChannelError
    from include.http import ServiceError

    opened: dict[str, Channel] = {}
    with ExitStack() as stack:

        def open_channel(name: str) -> "Channel":
            if name not in opened:
                try:
                    opened[name] = _OPENERS[name](stack, engine)
                except AirflowNotFoundException:
                    message = f"{name}: there is no connection {CONNECTIONS[name]!r}; see docs/alerts.md"
                    raise ChannelError(message, pause=MENDING_PAUSE) from None
                except (ValueError, ServiceError) as error:
                    message = f"{name}: the connection {CONNECTIONS[name]!r} cannot be used: {error}"
                    raise ChannelError(message, pause=MENDING_PAUSE) from error
            return opened[name]

        yield open_channel


def notify_slack_of(failure: "Failure") -> None:
    """Tell Slack of a failure without the database; raises what keeps it from going out."""
    from include.alerts.slack_fallback import notify_slack_directly
    from include.services import find_service

    answers = endpoint(CONNECTIONS["slack"])
    channel = _slack_channel(answers)
    address = answers.base_url or str(find_service("slack-bot" if channel else "slack").base_url)
    notify_slack_directly(address, answers.secret or "", channel, failure)


def _slack_channel(answers: Endpoint) -> str | None:
    """The channel that a bot posts to; None: the connection is an incoming webhook."""
    if not (answers.secret or "").startswith("xox"):
        return None
    channel = extra_of(Connection.get(CONNECTIONS["slack"])).get("channel")
    if not channel:
        raise ValueError('a bot\'s token needs a channel: write {"channel": "#alerts"} into extra')
    return str(channel)


def _open_slack(stack: ExitStack, engine: "Engine") -> "SlackBot | SlackWebhook":
    from include.alerts.channels import SlackBot, SlackWebhook
    from include.http.client import Client
    from include.services import find_service

    answers = endpoint(CONNECTIONS["slack"])
    if not answers.secret:
        raise ValueError("it has no password: a webhook's T…/B…/…, or a bot's token")
    channel = _slack_channel(answers)
    if channel:
        return SlackBot(stack.enter_context(Client(find_service("slack-bot"), answers, engine)), channel)
    return SlackWebhook(stack.enter_context(Client(find_service("slack"), answers, engine)), answers.secret)


def _open_email(stack: ExitStack, engine: "Engine") -> "Mail":
    from include.alerts.channels import Mail, MailServer

    connection = Connection.get(CONNECTIONS["email"])
    extra = extra_of(connection)
    security = extra.get("security", "starttls")
    recipients = extra.get("to") or []
    return Mail(
        MailServer(
            host=connection.host or "",
            port=connection.port or (465 if security == "tls" else 587),
            sender=str(extra.get("from") or connection.login or ""),
            recipients=(recipients,) if isinstance(recipients, str) else tuple(map(str, recipients)),
            login=connection.login or None,
            password=connection.password or None,
            security=security,
        )
    )


def _open_pagerduty(stack: ExitStack, engine: "Engine") -> "PagerDuty":
    from include.alerts.channels import PagerDuty
    from include.http.client import Client
    from include.services import find_service

    answers = endpoint(CONNECTIONS["pagerduty"])
    if not answers.secret:
        raise ValueError("it has no password: the integration's routing key")
    return PagerDuty(stack.enter_context(Client(find_service("pagerduty"), answers, engine)), answers.secret)


def _open_webhook(stack: ExitStack, engine: "Engine") -> "Webhook":
    from include.alerts.channels import Webhook
    from include.http.client import Client
    from include.services import find_service

    answers = endpoint(CONNECTIONS["webhook"])
    address = urlsplit(answers.base_url)
    if address.query or address.fragment:
        raise ValueError(
            "its address has a query; put what is secret into the password, which signs each message"
        )
    if not answers.secret:
        raise ValueError("it has no password: the secret that signs each message")
    if not address.netloc:
        raise ValueError("it has no host: the receiver's address")
    host = Endpoint(f"{address.scheme}://{address.netloc}", answers.secret)
    return Webhook(
        stack.enter_context(Client(find_service("webhook"), host, engine)),
        address.path or "/",
        answers.secret,
    )


_OPENERS: "dict[str, Callable[[ExitStack, Engine], Channel]]" = {
    "slack": _open_slack,
    "email": _open_email,
    "pagerduty": _open_pagerduty,
    "webhook": _open_webhook,
}
