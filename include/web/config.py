"""`/config`: every setting with its source, secrets masked, and which connections are there."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Response

from include.configuration import describe_connections, describe_settings
from include.settings.reader import SettingsError
from include.telemetry import redact
from include.web.api.encoding import JsonAnswer
from include.web.problems import problem


def config(read_settings: Callable[[], str], has_connection: Callable[[str], bool]) -> APIRouter:
    """Make the route `/config`; 503 in words while the settings cannot be read."""
    router = APIRouter()

    @router.get("/config")
    def show_configuration() -> Response:
        try:
            text = read_settings()
            shown: dict[str, Any] = {
                "settings": describe_settings(text),
                "connections": describe_connections(text, has_connection),
            }
        except SettingsError as error:
            return problem(503, redact(f"the settings cannot be read: {error}"))
        return JsonAnswer(shown)

    return router
