"""What all pages share: templates, the address under which they are mounted, headers that keep them safe."""

import hashlib
import json
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from include.humanize import age_text, ago_text, count_text, duration_text, money_text, number_text, size_text
from include.web.freeze_banner import noted_freeze, noted_trouble
from include.web.pages.navigation import GROUPS

TEMPLATES = Path(__file__).parent / "templates"
STYLE = "".join((TEMPLATES / f"{name}.css").read_text() for name in ("style", "charts"))
# In the order in which they run. The theme is first, so that no page is painted in the wrong one.
SCRIPTS = tuple((TEMPLATES / f"{name}.js").read_text() for name in ("theme", "leave_frame", "live"))


def _hashes(*texts: str) -> str:
    """What a browser may run or apply: these texts, letter by letter."""
    digests = (b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
    return " ".join(f"'sha256-{digest}'" for digest in digests)


# Pages bring their style and their scripts with them, load nothing but themselves, and are framed by
# Airflow's UI alone. A style="…" or an onclick="…" in a page is not obeyed.
SECURITY_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src {_hashes(STYLE)}; "
    f"script-src {_hashes(*SCRIPTS)}; connect-src 'self'; "
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


def start_path(dag_id: str, **conf: Any) -> str:
    """Where the desk has the form of a DAG, filled in with `conf`; below the address of the desk.

    A list stands there once for each of its values, None is left out. Airflow 3.3's own form takes no values
    from its address (apache/airflow#54800), so that the desk has one.
    """
    fields = [
        (name, json.dumps(value) if isinstance(value, bool | dict) else str(value))
        for name, given in conf.items()
        for value in (given if isinstance(given, list | tuple) else [given])
        if value is not None
    ]
    return f"/start/{quote(dag_id, safe='')}" + (f"?{urlencode(fields)}" if fields else "")


@pass_context
def form_link(context: Context, dag_id: str, **conf: Any) -> str:
    """The address of a DAG's form, filled in; in templates `form_link("replay_trades", trade_ids=[id])`."""
    return str(context["root"]) + start_path(dag_id, **conf)


_environment.globals |= {"style": STYLE, "scripts": SCRIPTS, "navigation": GROUPS, "form_link": form_link}
_environment.globals |= {"count_text": count_text, "age_text": age_text, "ago_text": ago_text}
_environment.globals |= {"money_text": money_text, "number_text": number_text, "size_text": size_text}
_environment.globals |= {"duration_text": duration_text}


def render(template: str, request: Request, *, status: int = 200, **shown: Any) -> HTMLResponse:
    """Render a template; `shown` is escaped. Links begin with `root`, where the application is mounted."""
    root = request.scope["root_path"]
    text = _environment.get_template(template).render(
        root=root,
        path=request.scope["path"].removeprefix(root),
        now=datetime.now(UTC),
        status=status,
        frozen=noted_freeze(request),
        freeze_unknown=noted_trouble(request),
        **shown,
    )
    return HTMLResponse(text, status_code=status)
