"""What is shown inside Airflow's own server: pages for people, and the API for programs.

`build_app`, `build_api` and `build_cron` make the applications that the plugin mounts, over what `host.py`
says that they are handed.
"""

from include.web.api.app import build_api
from include.web.api.cron import build_cron
from include.web.app import build_app
from include.web.host import DeskHost, WebHost

__all__ = [
    "DeskHost",
    "WebHost",
    "build_api",
    "build_app",
    "build_cron",
]
