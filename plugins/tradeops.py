"""Shows the pages of `include.web` inside Airflow's UI, to people who are logged in. Wiring only."""

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin


class Pages:
    """The web application, made at its first request: every task process loads this file too."""

    @cached_property
    def app(self) -> Any:
        """Guarded as a whole: Airflow's own server lets anybody into a plugin's application."""
        from airflow.api_fastapi.core_api.security import get_user
        from fastapi import Depends

        from include.airflow.connections import open_database
        from include.web import build_app

        return build_app(lambda: open_database("web"), [Depends(get_user)])

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request (ASGI)."""
        await self.app(scope, receive, send)


class TradeopsPlugin(AirflowPlugin):
    """What Airflow's loader looks for."""

    name = "tradeops"
    fastapi_apps = [{"name": "tradeops", "app": Pages(), "url_prefix": "/tradeops"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {
            "name": "Alerts",
            "href": "/tradeops/alerts",
            "destination": "nav",
            "url_route": "alerts",
        },
        {
            "name": "Data quality",
            "href": "/tradeops/data-docs",
            "destination": "nav",
            "url_route": "data-quality",
        },
        {
            "name": "Database upkeep",
            "href": "/tradeops/maintenance",
            "destination": "nav",
            "url_route": "database-upkeep",
        },
        {
            "name": "Probes",
            "href": "/tradeops/probes",
            "destination": "nav",
            "url_route": "probes",
        },
    ]
