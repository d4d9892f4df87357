"""The listen addresses, as real sockets."""

from __future__ import annotations

import socket

import pytest

from shortgenius_exporter.web.listen import ListenError, listen


@pytest.mark.parametrize("address", ["127.0.0.1:0", ":0", "localhost:0"])
def test_a_socket_takes_connections(address: str) -> None:
    sockets = listen([address])
    with socket.create_connection(("127.0.0.1", sockets[-1].getsockname()[1])):
        pass
    for one in sockets:
        one.close()


def test_a_taken_port_says_so_and_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ListenError) as caught:
            listen([address])
    assert str(caught.value) == (
        f"--web.listen-address: cannot listen on {address}: Address already in use "
        "(is another exporter running?); choose another with --web.listen-address HOST:PORT"
    )


@pytest.mark.parametrize(
    "address", ["10217", "host:", "host:x", "::1:80", "host:70000", "host:٣", "host:" + "9" * 5000, ""]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ListenError, match="is not HOST:PORT"):
        listen([address])


def test_a_mistyped_address_is_a_message() -> None:
    with pytest.raises(ListenError) as caught:
        listen(["127.0..0.1:0"])
    assert str(caught.value) == (
        "--web.listen-address: cannot listen on 127.0..0.1:0: '127.0..0.1' is not a host name or address"
    )


def test_sockets_opened_before_a_bad_address_are_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ListenError):
        listen([address, "nonsense"])
    listen([address])[0].close()
