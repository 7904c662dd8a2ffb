"""Which port on 127.0.0.1 each component gets, and who holds one that is taken."""

import contextlib
import os
import socket

import psutil

from local.state import StackError

HOST = "127.0.0.1"
PREFERRED = {"postgres": 54329, "sandbox": 8090, "airflow": 8080}


def variable(component: str) -> str:
    """Name of the environment variable that fixes a component's port: `TRADEOPS_PORT_AIRFLOW`."""
    return f"TRADEOPS_PORT_{component.upper()}"


def fixed_port(component: str) -> int | None:
    """The port that the user fixed through the environment, None without one.

    Raises:
        StackError: the value is no port.
    """
    text = os.environ.get(variable(component))
    if not text:
        return None
    if not text.isdecimal() or not 1024 <= int(text) <= 65535:
        raise StackError(f"{variable(component)}={text} is no port: give a number from 1024 to 65535.", 2)
    return int(text)


def choose_port(component: str, last: int | None) -> int:
    """Choose a port for a component that does not run.

    The fixed one if there is one; else the port of last time, the preferred one, any free one, in this order.

    Raises:
        StackError: the fixed port is taken; the message names the process that holds it.
    """
    fixed = fixed_port(component)
    if fixed is not None:
        if not is_free(fixed):
            raise StackError(
                f"Port {fixed} for {component} is taken by {describe_holder(fixed)}. "
                f"Stop that, or choose another port in {variable(component)}."
            )
        return fixed
    wanted = last or PREFERRED[component]
    for port in (wanted, PREFERRED[component]):
        if is_free(port):
            return port
    chosen = free_port()
    print(f"Port {wanted} is taken by {describe_holder(wanted)}: {component} moves to {chosen}.", flush=True)
    return chosen


def http_url(port: int) -> str:
    """The address of what answers HTTP on a port, without a slash at the end."""
    return f"http://{HOST}:{port}"


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now.

    Raises:
        PermissionError: it is a port that needs root's rights.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            raise
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that nobody holds at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def describe_holder(port: int) -> str:
    """Say who listens on a port: `nginx (process 4711)`, as far as this user may know."""
    with contextlib.suppress(psutil.Error):  # macOS tells only root; the port is taken all the same
        for connection in psutil.net_connections(kind="tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
            if listens and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    return "a process of another user"
