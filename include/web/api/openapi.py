"""The API's description: OpenAPI 3.1, and a page that shows it and loads nothing. Both are guarded."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from starlette.responses import JSONResponse

from include.web.api.errors import Problem
from include.web.rendering import render

ROOT = "/api/atge"  # where the routes of the description are mounted
SCHEMES: dict[str, Any] = {
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key `top_…`, or a token of Airflow (`POST /auth/token`).",
    },
    "apiKeyHeader": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "airflowLogin": {"type": "apiKey", "in": "cookie", "name": "_token", "description": "Airflow's cookie."},
}


def describe(app: FastAPI) -> dict[str, Any]:
    """Describe the routes of an application."""
    made = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        openapi_version="3.1.0",
    )
    components = made.setdefault("components", {})
    components["securitySchemes"] = SCHEMES
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    components.setdefault("schemas", {}).update(problem.pop("$defs") | {"Problem": problem})
    return made | {"security": [{name: []} for name in SCHEMES]}


def description(read: Callable[[], dict[str, Any]]) -> APIRouter:
    """Make the routes `/openapi.json` and `/docs`, which show the description that is read."""
    router = APIRouter()

    @router.get("/openapi.json", summary="This description")
    def show_openapi(request: Request) -> JSONResponse:
        return JSONResponse(read() | {"servers": [{"url": _server(request) or "/"}]})

    @router.get("/docs", summary="This description as a page", response_class=HTMLResponse)
    def show_docs(request: Request) -> HTMLResponse:
        made = read()
        operations = [
            (method.upper(), _server(request) + path, operation)
            for path, item in made["paths"].items()
            for method, operation in item.items()
        ]
        return render("api.html", request, made=made, operations=operations)

    return router


def _server(request: Request) -> str:
    """What stands before the paths of the description: nothing, or where Airflow is mounted."""
    root: str = request.scope["root_path"]
    return root.removesuffix(ROOT)
