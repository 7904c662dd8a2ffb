"""The project's documents: what runbooks and forms link to."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from include.web.documents import INDEX, read_document
from include.web.rendering import render


def docs() -> APIRouter:
    """Make the routes `/docs` and `/docs/<page>`; a page may be named with its ending, as files link it."""
    router = APIRouter()

    @router.get("/docs", response_class=HTMLResponse)
    def show_index(request: Request) -> Response:
        return show_document(request, INDEX)

    @router.get("/docs/{name:path}", response_class=HTMLResponse)
    def show_document(request: Request, name: str) -> Response:
        root = request.scope["root_path"]
        if name.endswith(".md"):
            return RedirectResponse(f"{root}/docs/{name.removesuffix('.md')}")
        document = read_document(name, root)
        return render("document.html", request, status=200 if document else 404, document=document)

    return router
