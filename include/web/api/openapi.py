"""The API's description: OpenAPI 3.1, and a page that shows it and loads nothing. Both are guarded."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from starlette.responses import JSONResponse

from include.web.api.errors import Problem
from include.web.rendering import render

SCHEMES = {
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key `top_…`, or a token of Airflow (`POST /auth/token`).",
    },
    "apiKeyHeader": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "airflowLogin": {"type": "apiKey", "in": "cookie", "name": "_token", "description": "Airflow's cookie."},
}


def describe(app: FastAPI, schemes: dict[str, Any]) -> dict[str, Any]:
    """Describe the application; made once."""
    if not app.openapi_schema:
        made = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            openapi_version="3.1.0",
        )
        components = made.setdefault("components", {})
        components["securitySchemes"] = schemes
        schemas = components.setdefault("schemas", {})
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= problem.pop("$defs") | {"Problem": problem}
        made["security"] = [{name: []} for name in schemes]
        app.openapi_schema = made
    return app.openapi_schema


def description(app: FastAPI, schemes: dict[str, Any]) -> APIRouter:
    """Make the routes `/openapi.json` and `/docs`."""
    router = APIRouter()

    @router.get("/openapi.json", summary="This description")
    def show_openapi(request: Request) -> JSONResponse:
        servers = [{"url": request.scope["root_path"] or "/"}]
        return JSONResponse(describe(app, schemes) | {"servers": servers})

    @router.get("/docs", summary="This description as a page", response_class=HTMLResponse)
    def show_docs(request: Request) -> HTMLResponse:
        made = describe(app, schemes)
        operations = [
            (method.upper(), path, operation)
            for path, item in made["paths"].items()
            for method, operation in item.items()
        ]
        return render("api.html", request, made=made, operations=operations)

    return router
