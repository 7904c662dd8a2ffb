"""What is shown inside Airflow's own server: pages for people, and the API for programs.

`build_app` and `build_api` make the applications that the plugin mounts, over a `WebHost`.
"""

from include.web.api.app import build_api
from include.web.app import build_app
from include.web.host import WebHost

__all__ = ["WebHost", "build_api", "build_app"]
