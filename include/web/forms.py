"""Forms of the pages: what a person sends is taken only from a form that we gave this very browser.

A random token stands in a cookie that no other site's page makes the browser send, and in a hidden field of
the form; both must be the same. No server state, so any worker may answer.
"""

import hmac
import secrets
from typing import Any

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse

from include.web.rendering import render

COOKIE = "tradeops_form"
FIELD = "token"
MOST_FIELDS = 50


def render_form(template: str, request: Request, *, status: int = 200, **shown: Any) -> HTMLResponse:
    """Render a page with forms, as `render` does; each form has `form_field`, a hidden field."""
    token = request.cookies.get(COOKIE) or secrets.token_urlsafe(32)
    answer = render(template, request, status=status, form_name=FIELD, form_token=token, **shown)
    answer.set_cookie(
        COOKIE,
        token,
        path=request.scope["root_path"] or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


async def read_form(request: Request) -> dict[str, str]:
    """Read the fields that a form of ours sent, without its token; files are left out.

    A field that is there several times has its values joined by a line break. A dependency of a route; raises
    HTTPException: 403 for what another site's page made the browser send, 422 for what is no text.
    """
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise HTTPException(403, "this form was sent by a page of another site")
    form = await request.form(max_fields=MOST_FIELDS, max_files=0)
    sent: dict[str, str] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            sent[name] = f"{sent[name]}\n{value}" if name in sent else value
    given, kept = sent.pop(FIELD, ""), request.cookies.get(COOKIE, "")
    if not kept or not hmac.compare_digest(given.encode(), kept.encode()):
        raise HTTPException(403, "the form is not one of this page: open the page anew and send it again")
    if any("\x00" in text for text in sent.values()):
        raise HTTPException(422, "the form holds a NUL character")
    return sent
