"""Which port a component gets."""

import os
import socket

import pytest

from local import ports
from local.ports import choose_port, describe_holder, fixed_port, free_port, is_free
from local.state import StackError


@pytest.fixture
def taken():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.fixture(autouse=True)
def no_fixed_ports(monkeypatch):
    for component in ports.PREFERRED:
        monkeypatch.delenv(ports.variable(component), raising=False)


def test_the_port_of_last_time_is_kept():
    last = free_port()
    assert choose_port("airflow", last) == last


def test_the_preferred_port_is_taken_first(monkeypatch):
    wanted = free_port()
    monkeypatch.setitem(ports.PREFERRED, "airflow", wanted)
    assert choose_port("airflow", None) == wanted


def test_a_taken_port_moves_and_says_who_holds_it(monkeypatch, taken, capsys):
    monkeypatch.setitem(ports.PREFERRED, "airflow", taken)
    chosen = choose_port("airflow", None)
    assert chosen != taken and is_free(chosen)
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert f"Port {taken} is taken by" in said and f"(process {os.getpid()})" in said
    assert f"airflow moves to {chosen}" in said


def test_a_taken_port_of_last_time_falls_back_to_the_preferred_one(monkeypatch, taken):
    wanted = free_port()
    monkeypatch.setitem(ports.PREFERRED, "airflow", wanted)
    assert choose_port("airflow", taken) == wanted


def test_a_server_on_all_addresses_takes_the_port_too():
    with socket.socket() as server:
        server.bind(("0.0.0.0", 0))  # noqa: S104
        server.listen()
        assert not is_free(server.getsockname()[1])


def test_a_fixed_port_is_used(monkeypatch):
    wanted = free_port()
    monkeypatch.setenv("TRADEOPS_PORT_SANDBOX", str(wanted))
    assert fixed_port("sandbox") == choose_port("sandbox", last=1234) == wanted


def test_a_fixed_port_never_moves_and_its_holder_is_named(monkeypatch, taken):
    monkeypatch.setenv("TRADEOPS_PORT_SANDBOX", str(taken))
    with pytest.raises(StackError, match=rf"(?s){taken}.*process {os.getpid()}.*TRADEOPS_PORT_SANDBOX"):
        choose_port("sandbox", None)


@pytest.mark.parametrize("text", ["http", "0", "80", "65536", "-1", "8080.5"])
def test_what_is_no_port_is_refused(monkeypatch, text):
    monkeypatch.setenv("TRADEOPS_PORT_AIRFLOW", text)
    with pytest.raises(StackError, match="TRADEOPS_PORT_AIRFLOW") as caught:
        fixed_port("airflow")
    assert caught.value.exit_code == 2


def test_the_holder_of_a_free_port_is_nobody_we_know():
    assert describe_holder(free_port()) == "a process of another user"
