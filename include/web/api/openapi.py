"""The API's description: OpenAPI 3.1, and a page that shows it and loads nothing. Both are guarded."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from starlette.responses import JSONResponse

from include.web.api.errors import Problem
from include.web.rendering import render

ROOT = "/api/atge"
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


def description(read: Callable[[], dict[str, Any]], place: str) -> APIRouter:
    """Make the routes `/openapi.json` and `/docs`, which show what is mounted at a place.

    `read` gives the description of all by their whole paths.
    """
    router = APIRouter()

    def read_part() -> dict[str, Any]:
        made = read()
        return made | {
            "paths": {
                path.removeprefix(place): item
                for path, item in made["paths"].items()
                if path.startswith(f"{place}/")
            }
        }

    @router.get("/openapi.json", summary="This description")
    def show_openapi(request: Request) -> JSONResponse:
        return JSONResponse(read_part() | {"servers": [{"url": request.scope["root_path"] or "/"}]})

    @router.get("/docs", summary="This description as a page", response_class=HTMLResponse)
    def show_docs(request: Request) -> HTMLResponse:
        made = read_part()
        operations = [
            (method.upper(), request.scope["root_path"] + path, operation)
            for path, item in made["paths"].items()
            for method, operation in item.items()
        ]
        return render("api.html", request, made=made, operations=operations)

    return router
