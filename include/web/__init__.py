"""Pages inside Airflow's own server: `build_app` makes the web application that the plugin mounts."""

from include.web.app import build_app

__all__ = ["build_app"]
