"""What all pages share: templates, the address under which they are mounted, headers that keep them safe."""

import hashlib
from base64 import b64encode
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from include.humanize import age_text, count_text

TEMPLATES = Path(__file__).parent / "templates"
LEAVE_FRAME = (TEMPLATES / "leave_frame.js").read_text()

# Pages bring their styles and their one script with them, load nothing, and are framed by Airflow's UI alone.
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    f"script-src 'sha256-{b64encode(hashlib.sha256(LEAVE_FRAME.encode()).digest()).decode()}'; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class SecurityHeaders:
    """ASGI middleware: every answer has SECURITY_HEADERS, but for those that it brings itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, secured)


_environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.globals["leave_frame"] = LEAVE_FRAME
_environment.globals |= {"count_text": count_text, "age_text": age_text}


def render(template: str, request: Request, *, status: int = 200, **shown: Any) -> HTMLResponse:
    """Render a template; `shown` is escaped. Links begin with `root`, where the application is mounted."""
    text = _environment.get_template(template).render(root=request.scope["root_path"], **shown)
    return HTMLResponse(text, status_code=status)
