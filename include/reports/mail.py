"""A report as a mail: text, HTML, and the pictures by their Content-IDs; and handing it over."""

from collections.abc import Mapping
from email.message import EmailMessage

from include.alerts.channels import StoredConnection
from include.mail import MailServer, begin_mail, hand_over
from include.reports.build import Report
from include.reports.render import render_html, render_summary, render_text
from include.reports.sent import Sent

CONNECTION = "report_mail"
NEEDS = 'a host, login and password, and in extra {"from": …, "to": […]}'


def send_mail(
    report: Report, pictures: Mapping[str, bytes], stored: StoredConnection, *, desk_url: str
) -> Sent:
    """Send a report to the people of the connection.

    Raises MailError, and ValueError, in words, where the connection lacks something.
    """
    server = MailServer.read(stored.host, stored.port, stored.login, stored.secret, stored.extra)
    mail = compose_mail(report, pictures, server, desk_url=desk_url)
    refused = hand_over(mail, server)
    left_out = f"; refused for {', '.join(refused)}" if refused else ""
    took = [address for address in server.recipients if address not in refused]
    return Sent(", ".join(took), f"accepted{left_out}", {"message_id": str(mail["Message-ID"])})


def compose_mail(
    report: Report, pictures: Mapping[str, bytes], server: MailServer, *, desk_url: str
) -> EmailMessage:
    """Write the mail. Sent twice it is the same mail: its Message-ID is that of the report and its version.

    `pictures` are PNG, by the names of their charts.
    """
    version = report.key.version
    mail = begin_mail(
        server,
        subject=f"[tradeops] {report.title}: {render_summary(report)[0]}",
        id=_message_id(report, version, server),
        # a newer version goes into the conversation of the first
        follows=_message_id(report, 1, server) if version > 1 else None,
    )
    mail.set_content(render_text(report, desk_url=desk_url))
    ids = {name: f"{name}.{report.key.id}@{server.domain}" for name in pictures}
    html = render_html(report, {name: f"cid:{id}" for name, id in ids.items()}, desk_url=desk_url)
    mail.add_alternative(html, subtype="html")
    *_, shown = mail.iter_parts()  # the HTML is the last
    for name, png in pictures.items():
        shown.add_related(
            png, "image", "png", cid=f"<{ids[name]}>", filename=f"{name}.png", disposition="inline"
        )
    return mail


def _message_id(report: Report, version: int, server: MailServer) -> str:
    period = report.period
    return f"<{period.kind}-{period.start}-v{version}.{report.key.id}@{server.domain}>"
