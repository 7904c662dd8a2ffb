"""A small client of the local stack's own Airflow: its REST API, logged in as the admin."""

import time
from collections.abc import Callable
from typing import Any

import httpx

from local.state import StackError

TIMEOUT = 15.0  # seconds for one answer to a question, which may be asked again
ACT_TIMEOUT = 60.0  # seconds for one answer to what must not be done twice
PATIENCE = 300.0  # seconds for which a question is asked again: a busy machine answers late
SAY_AGAIN = 10.0  # seconds between two lines while waiting
BUSY = (502, 503, 504)


class ApiError(StackError):
    """Airflow refused or did not answer; the message gives the request and the reason."""

    def __init__(self, message: str, status: int | None = None, *, sent: bool = True) -> None:
        super().__init__(message)
        self.status = status  # None: no answer at all
        self.sent = sent  # whether Airflow may have acted on it


class AirflowApi:
    """Call the REST API; the login token is fetched when first needed.

    What gets no answer is asked again until its deadline, and `say` is told what is waited for; what would do
    something twice is repeated only when it never reached Airflow. The stack is on this machine, so proxies
    and other settings of the environment are left aside.
    """

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        *,
        patience: float = PATIENCE,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.url = url
        self._patience = patience
        self._say = say
        self._login = {"username": user, "password": password}
        self._token = ""
        self._client = httpx.Client(base_url=url, timeout=TIMEOUT, trust_env=False)

    def __call__(self, method: str, path: str, json: Any = None) -> Any:
        """Send a request to `/api/v2` + path and return the decoded answer, None where it is empty.

        Raises:
            ApiError: no answer, or a status of 400 and above; the message holds what Airflow said.
        """
        if not self._token:
            self._token = self._ask("POST", "/auth/token", self._login)["access_token"]
        return self._ask(method, f"/api/v2{path}", json)

    def trigger(self, dag_id: str, run_id: str) -> None:
        """Start a run under a name of our own, so that asking again after no answer starts no second one.

        Raises:
            ApiError: as a call.
        """
        body = {"logical_date": None, "dag_run_id": run_id}
        deadline = time.monotonic() + self._patience
        while True:
            try:
                self("POST", f"/dags/{dag_id}/dagRuns", body)
                return
            except ApiError as error:
                if error.status == 409:
                    return  # an earlier request has arrived after all
                if error.status is not None or time.monotonic() > deadline:
                    raise

    def health(self) -> dict[str, dict[str, Any]]:
        """What Airflow says about its parts: `{"scheduler": {"status": …, "latest_…_heartbeat": …}, …}`."""
        read: dict[str, dict[str, Any]] = self._send("GET", "/api/v2/monitor/health", None)
        return read

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _ask(self, method: str, path: str, json: Any) -> Any:
        began = said = time.monotonic()
        while True:
            try:
                return self._send(method, path, json)
            except ApiError as error:
                waited = time.monotonic() - began
                if not _may_repeat(method, path, error) or waited > self._patience:
                    raise
                if self._say and time.monotonic() - said > SAY_AGAIN:
                    self._say(f"waiting for Airflow's API, for {waited:.0f} s now: {error}")
                    said = time.monotonic()
            time.sleep(0.5)

    def _send(self, method: str, path: str, json: Any) -> Any:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        timeout = ACT_TIMEOUT if method == "POST" else TIMEOUT
        try:
            answer = self._client.request(method, path, json=json, headers=headers, timeout=timeout)
        except httpx.HTTPError as error:
            words = f"{method} {self.url}{path}: {type(error).__name__}: {error}"
            sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            raise ApiError(words, sent=sent) from error
        if answer.is_error:
            raise ApiError(
                f"{method} {self.url}{path}: {answer.status_code} {answer.text[:300]}", answer.status_code
            )
        return answer.json() if answer.content else None


def _may_repeat(method: str, path: str, error: ApiError) -> bool:
    if error.status is not None and error.status not in BUSY:
        return False
    return method != "POST" or path == "/auth/token" or not error.sent
