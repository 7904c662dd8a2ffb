"""Shows the pages of `include.web` inside Airflow's UI, and serves its paths at the root. Wiring only."""

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

# Airflow answers these itself, with its UI's HTML, unless they are taken before its routes. No others are.
ROOT_PATHS = frozenset({"/health", "/status", "/config", "/metrics"})


def make(name: str) -> Any:
    """Make a web application. Every task process loads this file too, so nothing is imported before."""
    from include.airflow import applications

    return getattr(applications, name)()


class Application:
    """A web application, made at its first request."""

    def __init__(self, name: str) -> None:
        self._name = name

    @cached_property
    def app(self) -> Any:
        """The application itself."""
        return make(self._name)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request (ASGI)."""
        await self.app(scope, receive, send)


class RootPaths:
    """A middleware of Airflow's server that answers the paths at the root and hands on all others."""

    def __init__(self, app: Any) -> None:
        self._airflow = app
        self._root = make("root")  # when the server starts: the first who asks is not to wait for imports

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request (ASGI)."""
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        ours = scope["type"] == "http" and path in ROOT_PATHS
        await (self._root if ours else self._airflow)(scope, receive, send)


def view(destination: str, path: str, **more: Any) -> dict[str, Any]:
    """Describe a place of Airflow's UI at which the desk is shown."""
    icons = {"icon": "/tradeops/icon.svg", "icon_dark_mode": "/tradeops/icon-dark.svg"}
    return {"name": "Desk", "href": f"/tradeops/{path}", "destination": destination, **icons, **more}


class TradeopsPlugin(AirflowPlugin):
    """What Airflow's loader looks for."""

    name = "tradeops"
    fastapi_apps = [  # noqa: RUF012
        {"name": "tradeops", "app": Application("pages"), "url_prefix": "/tradeops"},
        {"name": "tradeops api", "app": Application("api"), "url_prefix": "/api/atge"},
        {"name": "tradeops access", "app": Application("access"), "url_prefix": "/api/access"},
        {"name": "tradeops cron", "app": Application("cron"), "url_prefix": "/api/cron"},
        {"name": "tradeops debug", "app": Application("debug"), "url_prefix": "/debug"},
        {"name": "tradeops risk", "app": Application("risk"), "url_prefix": "/api/risk"},
    ]
    fastapi_root_middlewares = [{"name": "tradeops", "middleware": RootPaths}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        view("nav", "overview", url_route="desk", nav_top_level=True),
        view("dag", "dags/{DAG_ID}", url_route="desk-of-dag"),
        view("dag_run", "dags/{DAG_ID}/runs/{RUN_ID}", url_route="desk-of-run"),
    ]
