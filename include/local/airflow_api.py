"""A small client of the local stack's own Airflow: its REST API, logged in as the admin."""

from typing import Any

import httpx

from include.local.state import StackError

TIMEOUT = 15.0  # seconds for one answer


class ApiError(StackError):
    """Airflow refused or did not answer; the message gives the request and the reason."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status  # None: no answer at all


class AirflowApi:
    """Call the REST API; the login token is fetched when first needed.

    The stack is on this machine, so proxies and other settings of the environment are left aside.
    """

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self._login = {"username": user, "password": password}
        self._token = ""
        self._client = httpx.Client(base_url=url, timeout=TIMEOUT, trust_env=False)

    def __call__(self, method: str, path: str, json: Any = None) -> Any:
        """Send a request to `/api/v2` + path and return the decoded answer, None where it is empty.

        Raises:
            ApiError: no answer, or a status of 400 and above; the message holds what Airflow said.
        """
        if not self._token:
            self._token = self._send("POST", "/auth/token", self._login)["access_token"]
        return self._send(method, f"/api/v2{path}", json)

    def health(self) -> dict[str, dict[str, Any]]:
        """What Airflow says about its parts: `{"scheduler": {"status": …, "latest_…_heartbeat": …}, …}`."""
        read: dict[str, dict[str, Any]] = self._send("GET", "/api/v2/monitor/health", None)
        return read

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _send(self, method: str, path: str, json: Any) -> Any:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            answer = self._client.request(method, path, json=json, headers=headers)
        except httpx.HTTPError as error:
            raise ApiError(f"{method} {self.url}{path}: {type(error).__name__}: {error}") from error
        if answer.is_error:
            raise ApiError(
                f"{method} {self.url}{path}: {answer.status_code} {answer.text[:300]}", answer.status_code
            )
        return answer.json() if answer.content else None
