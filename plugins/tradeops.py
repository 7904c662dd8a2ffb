"""Shows the pages of `include.web` inside Airflow's UI, and serves its paths at the root. Wiring only."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

# Airflow answers these itself, with its UI's HTML, unless they are taken before its routes. No others are.
ROOT_PATHS = frozenset({"/health", "/config", "/metrics"})


class Application:
    """A web application, made at its first request: every task process loads this file too."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    @cached_property
    def app(self) -> Any:
        """The application itself."""
        return self._make()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request (ASGI)."""
        await self.app(scope, receive, send)


def make_pages() -> Any:
    """Guarded as a whole: Airflow's own server lets anybody into a plugin's application."""
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi import Depends

    from include.airflow.connections import open_database
    from include.web import build_app

    return build_app(lambda: open_database("web"), [Depends(get_user)])


def make_api() -> Any:
    """It has a guard of its own: keys, people and limits."""
    from include.airflow.host import web_host
    from include.web import build_api

    return build_api(web_host())


def make_root() -> Any:
    """Each of its routes but `/health` asks for the scrape secret or a login."""
    from include.airflow.connections import has_connection, open_database, settings_text
    from include.airflow.ended_runs import find_ended_runs
    from include.airflow.server import SCRAPE_CONNECTION, ProgramSecret, find_person, look_at_parts
    from include.web.root import build_root

    return build_root(
        lambda: open_database("web", measured=False),
        look_at_parts,
        settings_text,
        has_connection,
        find_ended_runs,
        find_person,
        ProgramSecret(SCRAPE_CONNECTION),
    )


class RootPaths:
    """A middleware of Airflow's server that answers the paths at the root and hands on all others."""

    def __init__(self, app: Any) -> None:
        self._airflow = app
        self._root = make_root()  # when the server starts: the first who asks is not to wait for imports

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request (ASGI)."""
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        ours = scope["type"] == "http" and path in ROOT_PATHS
        await (self._root if ours else self._airflow)(scope, receive, send)


def menu_entry(name: str, page: str, route: str) -> dict[str, str]:
    """Describe a page's place in Airflow's menu."""
    return {"name": name, "href": f"/tradeops/{page}", "destination": "nav", "url_route": route}


class TradeopsPlugin(AirflowPlugin):
    """What Airflow's loader looks for."""

    name = "tradeops"
    fastapi_apps = [  # noqa: RUF012
        {"name": "tradeops", "app": Application(make_pages), "url_prefix": "/tradeops"},
        {"name": "tradeops api", "app": Application(make_api), "url_prefix": "/api/atge"},
    ]
    fastapi_root_middlewares = [{"name": "tradeops", "middleware": RootPaths}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        menu_entry("Alerts", "alerts", "alerts"),
        menu_entry("Data quality", "data-docs", "data-quality"),
        menu_entry("Database upkeep", "maintenance", "database-upkeep"),
        menu_entry("Probes", "probes", "probes"),
    ]
