"""Proxies: the configured one, or the environment's; neither sees the key of an HTTPS account."""

from __future__ import annotations

import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from api.polls import BALANCE, PATIENT, account, failure, fetch
from pki import server_context
from shortgenius_exporter.api.client import Client
from shortgenius_exporter.core.account import Account
from shortgenius_exporter.core.reason import Reason
from upstreams import Script, Upstream, answer, drip_after, keep_answering, never_answer, nobody_listening, serving

# Only the proxy knows where this is.
API = "https://api.example"


@pytest.fixture
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(file))
    return file


@pytest.fixture
def api(ca: trustme.CA) -> Iterator[Upstream]:
    with serving(keep_answering, server_context(ca, "api.example", "localhost")) as upstream:
        yield upstream


def tunnel_to(port: int) -> Script:
    """A CONNECT proxy that leads to ``port`` of this machine, whatever host it is asked for."""

    def script(proxy: Upstream, connection: socket.socket) -> None:
        proxy.read_request(connection)
        with socket.create_connection(("127.0.0.1", port)) as onward:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=[onward, connection])
            back.start()
            pump(connection, onward)
            back.join()

    return script


def pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


def drip_a_handshake(proxy: Upstream, connection: socket.socket) -> None:
    proxy.read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    connection.recv(65536)
    connection.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")
    proxy.drip(connection, b"\x03")


def behind(proxy_url: str, ca_file: Path | None = None, timeout: float = PATIENT, base_url: str = API) -> Account:
    return account(base_url, ca_file, timeout, proxy_url)


def test_a_configured_proxy_is_used_and_does_not_see_the_key(client: Client, api: Upstream, ca_file: Path) -> None:
    with serving(tunnel_to(api.port)) as proxy:
        assert fetch(client, behind(proxy.url, ca_file)) == BALANCE
        assert fetch(client, behind(proxy.url, ca_file)) == BALANCE
        assert len(proxy.requests) == 1
        assert proxy.requests[0].startswith(b"CONNECT api.example:443 HTTP/1.")
        assert b"Bearer" not in proxy.requests[0]
    assert len(api.requests) == 2


def test_the_proxy_alone_is_told_its_password(client: Client, api: Upstream, ca_file: Path) -> None:
    with serving(tunnel_to(api.port)) as proxy:
        fetch(client, behind(f"http://user:pass@127.0.0.1:{proxy.port}", ca_file))
        expected = b"Proxy-Authorization: Basic " + b64encode(b"user:pass")
        assert expected in proxy.requests[0].split(b"\r\n")
    assert b"Proxy-Authorization" not in api.requests[0]


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
def test_the_proxy_of_the_environment_is_used(
    client: Client, api: Upstream, ca_file: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    with serving(tunnel_to(api.port)) as proxy:
        monkeypatch.setenv(variable, proxy.url)
        assert fetch(client, account(API, ca_file)) == BALANCE
        assert proxy.connections == 1


def test_a_host_of_no_proxy_is_asked_directly(
    client: Client, api: Upstream, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tunnel_to(api.port)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "localhost")
        assert fetch(client, account(api.tls_url, ca_file)) == BALANCE
        assert proxy.connections == 0


def test_a_configured_proxy_wins_over_the_environment(
    client: Client, api: Upstream, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tunnel_to(api.port)) as ours, serving(tunnel_to(api.port)) as theirs:
        monkeypatch.setenv("HTTPS_PROXY", theirs.url)
        monkeypatch.setenv("NO_PROXY", "*")
        assert fetch(client, behind(ours.url, ca_file)) == BALANCE
        assert (ours.connections, theirs.connections) == (1, 0)


def test_an_api_without_tls_is_asked_through_the_proxy_too(client: Client) -> None:
    with serving(keep_answering) as proxy:
        assert fetch(client, behind(proxy.url, base_url="http://api.example")) == BALANCE
        assert proxy.requests[0].startswith(b"GET http://api.example/credits HTTP/1.1\r\n")


def test_a_proxy_may_itself_speak_tls(client: Client, api: Upstream, ca: trustme.CA, ca_file: Path) -> None:
    with serving(tunnel_to(api.port), server_context(ca, "localhost")) as proxy:
        assert fetch(client, behind(proxy.tls_url, ca_file)) == BALANCE


@pytest.mark.parametrize("status", [b"403 Forbidden", b"407 Proxy Authentication Required", b"502 Bad Gateway"])
def test_a_proxy_that_refuses_is_a_connection_failure_without_its_password(client: Client, status: bytes) -> None:
    with serving(answer(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")) as proxy:
        error = failure(client, behind(f"http://user:sk-proxy@127.0.0.1:{proxy.port}"))
    assert error.reason is Reason.CONNECTION
    assert str(error) == "the proxy did not let the request to api.example through"


def test_a_proxy_that_is_not_there_is_a_connection_failure(client: Client) -> None:
    with nobody_listening() as port:
        error = failure(client, behind(f"http://127.0.0.1:{port}"))
    assert error.reason is Reason.CONNECTION
    assert str(error) == "the proxy did not let the request to api.example through"


@pytest.mark.parametrize("proxy_url", ["http://proxy.invalid:3128", "https://proxy.invalid:3128"])
@pytest.mark.parametrize("base_url", ["http://api.example", API])
def test_a_proxy_whose_name_does_not_exist_is_not_mistaken_for_the_api(
    client: Client, proxy_url: str, base_url: str
) -> None:
    error = failure(client, behind(proxy_url, base_url=base_url))
    assert (error.reason, str(error)) == (Reason.CONNECTION, "the name of the proxy could not be resolved")


STALLS = pytest.mark.parametrize(
    "script",
    [
        pytest.param(never_answer, id="says nothing"),
        pytest.param(drip_after(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), id="drips headers"),
        pytest.param(drip_a_handshake, id="drips a handshake"),
    ],
)


@STALLS
def test_a_proxy_that_stalls_ends_at_the_timeout(client: Client, script: Script) -> None:
    with serving(script) as proxy:
        assert failure(client, behind(proxy.url, timeout=0.3)).reason is Reason.TIMEOUT


@STALLS
def test_a_tls_proxy_that_stalls_ends_at_the_timeout(
    client: Client, ca: trustme.CA, ca_file: Path, script: Script
) -> None:
    with serving(script, server_context(ca, "localhost")) as proxy:
        assert failure(client, behind(proxy.tls_url, ca_file, timeout=0.5)).reason is Reason.TIMEOUT


def test_the_certificate_of_a_tls_proxy_is_verified(client: Client, ca: trustme.CA) -> None:
    with serving(never_answer, server_context(ca, "localhost")) as proxy:
        error = failure(client, behind(proxy.tls_url))
        assert error.reason is Reason.TLS
        assert str(error).startswith("the certificate of the proxy is not valid here: ")
        assert proxy.requests == []


def test_an_api_that_drips_behind_a_tls_proxy_ends_at_the_timeout(
    client: Client, ca: trustme.CA, ca_file: Path
) -> None:
    dripping = drip_after(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b" ")
    with (
        serving(dripping, server_context(ca, "api.example")) as api,
        serving(tunnel_to(api.port), server_context(ca, "localhost")) as proxy,
    ):
        assert failure(client, behind(proxy.tls_url, ca_file, timeout=0.5)).reason is Reason.TIMEOUT
