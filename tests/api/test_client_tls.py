"""TLS: what is trusted, and that nothing in the environment can change it."""

from __future__ import annotations

import hashlib
import socket
import ssl
import urllib.request
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
import trustme
from cryptography import x509

from api.polls import BALANCE, account, failure, fetch
from pki import server_context
from shortgenius_exporter.api.client import Client
from shortgenius_exporter.api.tls import TlsContexts
from shortgenius_exporter.core.reason import Reason
from upstreams import (
    GOOD_ANSWER,
    LINGER_ZERO,
    Script,
    Upstream,
    answer,
    drip_after,
    keep_answering,
    never_answer,
    never_read,
    serving,
)

HASTY = 0.5


class Authority:
    """A certificate authority of our own, in a file, and the servers it vouches for."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.file = folder / f"{id(self)}.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def server(self, *names: str, not_after: datetime | None = None) -> ssl.SSLContext:
        return server_context(self._ca, *names, not_after=not_after)

    def hashed_folder(self) -> Path:
        """As OpenSSL looks into one: by a hash of the subject, in small letters and without its head."""
        subject = x509.load_pem_x509_certificate(self._ca.cert_pem.bytes()).subject
        canonical = x509.Name([x509.NameAttribute(one.oid, str(one.value).lower()) for one in subject]).public_bytes()
        bare = canonical[2:] if canonical[1] < 128 else canonical[2 + (canonical[1] & 127) :]
        folder = self.file.with_suffix("")
        folder.mkdir()
        name = int.from_bytes(hashlib.sha1(bare).digest()[:4], "little")
        (folder / f"{name:08x}.0").symlink_to(self.file)
        return folder


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_the_certificate_of_a_configured_authority_is_trusted(client: Client, authority: Authority) -> None:
    with serving(keep_answering, authority.server("localhost")) as upstream:
        assert fetch(client, account(upstream.tls_url, authority.file)) == BALANCE


def test_a_tls_connection_is_kept_for_the_next_poll(client: Client, authority: Authority) -> None:
    with serving(keep_answering, authority.server("localhost")) as upstream:
        for _ in range(3):
            fetch(client, account(upstream.tls_url, authority.file))
        assert (upstream.connections, len(upstream.requests)) == (1, 3)


def test_a_kept_tls_connection_that_ends_as_it_is_used_is_replaced(client: Client, authority: Authority) -> None:
    with serving(answer(GOOD_ANSWER), authority.server("localhost")) as upstream:
        for _ in range(3):
            assert fetch(client, account(upstream.tls_url, authority.file)) == BALANCE
        assert upstream.connections == 3


def test_each_account_has_its_own_authority(client: Client, authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path)
    with (
        serving(keep_answering, authority.server("localhost")) as one,
        serving(keep_answering, other.server("localhost")) as two,
    ):
        assert fetch(client, account(one.tls_url, authority.file)) == BALANCE
        assert fetch(client, account(two.tls_url, other.file)) == BALANCE
        assert failure(client, account(one.tls_url, other.file)).reason is Reason.TLS
        assert failure(client, account(two.tls_url)).reason is Reason.TLS


def test_a_replaced_ca_file_is_used_for_the_next_connection(
    client: Client, authority: Authority, tmp_path: Path
) -> None:
    new = Authority(tmp_path)
    with serving(answer(GOOD_ANSWER), new.server("localhost")) as upstream:
        asked = account(upstream.tls_url, authority.file)
        assert failure(client, asked).reason is Reason.TLS
        new.file.replace(authority.file)
        assert fetch(client, asked) == BALANCE


@pytest.mark.parametrize("spoil", [Path.unlink, lambda file: file.write_text("half a certif")], ids=["gone", "spoilt"])
def test_a_ca_file_that_cannot_be_used_any_more_leaves_the_last_authority_in_use(
    client: Client, authority: Authority, spoil: Callable[[Path], object]
) -> None:
    with serving(answer(GOOD_ANSWER), authority.server("localhost")) as upstream:
        fetch(client, account(upstream.tls_url, authority.file))
        spoil(authority.file)
        assert fetch(client, account(upstream.tls_url, authority.file)) == BALANCE
        assert upstream.connections == 2


@pytest.mark.parametrize(
    ("names", "age", "message"),
    [
        pytest.param(["localhost"], timedelta(days=-1), "certificate has expired", id="expired"),
        pytest.param(
            ["elsewhere.example"],
            timedelta(days=1),
            "Hostname mismatch, certificate is not valid for 'localhost'.",
            id="of another host",
        ),
    ],
)
def test_a_certificate_that_is_not_valid_is_a_tls_failure(
    client: Client, authority: Authority, names: list[str], age: timedelta, message: str
) -> None:
    server = authority.server(*names, not_after=datetime.now(UTC) + age)
    with serving(keep_answering, server) as upstream:
        error = failure(client, account(upstream.tls_url, authority.file))
        assert str(error) == f"the certificate of localhost:{upstream.port} is not valid here: {message}"
        assert error.reason is Reason.TLS
        assert upstream.requests == []


def test_an_authority_nobody_configured_is_a_tls_failure(client: Client, authority: Authority) -> None:
    with serving(keep_answering, authority.server("localhost")) as upstream:
        error = failure(client, account(upstream.tls_url))
        assert error.reason is Reason.TLS
        assert str(error).startswith(f"the certificate of localhost:{upstream.port} is not valid here: ")
        assert upstream.requests == []


def asked_by_requests(url: str) -> int:
    with requests.Session() as session:
        return session.get(url).status_code


def asked_by_python(url: str) -> int:
    # An opener of its own: the common one keeps the authorities that it began with.
    with urllib.request.build_opener().open(url) as answered:
        return int(answered.status)


CA_VARIABLES = {
    "REQUESTS_CA_BUNDLE": asked_by_requests,
    "CURL_CA_BUNDLE": asked_by_requests,
    "SSL_CERT_FILE": asked_by_python,
    "SSL_CERT_DIR": asked_by_python,
}


@pytest.mark.parametrize(("variable", "other_client"), CA_VARIABLES.items(), ids=CA_VARIABLES)
def test_the_environment_cannot_add_an_authority_as_it_can_elsewhere(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, variable: str, other_client: Callable[[str], int]
) -> None:
    for one in CA_VARIABLES:
        monkeypatch.delenv(one, raising=False)
    monkeypatch.setenv(variable, str(authority.hashed_folder() if variable.endswith("DIR") else authority.file))
    with (
        serving(keep_answering, authority.server("localhost")) as upstream,
        closing(Client(TlsContexts())) as client,
    ):
        assert other_client(upstream.tls_url) == 200
        asked = len(upstream.requests)
        assert failure(client, account(upstream.tls_url)).reason is Reason.TLS
        assert len(upstream.requests) == asked


def test_the_environment_cannot_take_an_authority_away(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, client: Client
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(Authority(tmp_path).file))
    with serving(keep_answering, authority.server("localhost")) as upstream:
        assert fetch(client, account(upstream.tls_url, authority.file)) == BALANCE


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(never_answer, id="says nothing"),
        pytest.param(drip_after(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), id="drips headers"),
        pytest.param(drip_after(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="drips interim answers"),
        pytest.param(drip_after(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b" "), id="drips the body"),
    ],
)
def test_whatever_a_server_drips_inside_tls_a_poll_ends_at_its_timeout(
    client: Client, authority: Authority, script: Script
) -> None:
    with serving(script, authority.server("localhost")) as upstream:
        error = failure(client, account(upstream.tls_url, authority.file, HASTY))
        assert (error.reason, str(error)) == (Reason.TIMEOUT, "no complete answer within 0.5 s")


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(never_read, id="never begins"),
        # The head of a TLS record that announces 16 KiB, then its bytes one by one.
        pytest.param(
            lambda upstream, connection: (
                connection.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc"),
                upstream.drip(connection, b"\x03"),
            ),
            id="drips",
        ),
    ],
)
def test_a_handshake_that_does_not_end_ends_at_the_timeout(
    client: Client, authority: Authority, script: Script
) -> None:
    with serving(script) as upstream:
        error = failure(client, account(upstream.tls_url, authority.file, HASTY))
        assert (error.reason, str(error)) == (Reason.TIMEOUT, "no complete answer within 0.5 s")


def test_a_server_without_tls_is_a_tls_failure(client: Client) -> None:
    def speak_http(upstream: object, connection: ssl.SSLSocket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        connection.recv(65536)

    with serving(speak_http) as upstream:  # type: ignore[arg-type]
        error = failure(client, account(upstream.tls_url))
        assert error.reason is Reason.TLS
        assert str(error) == f"no TLS connection to localhost:{upstream.port} could be agreed on"


@pytest.mark.parametrize(
    ("linger", "reason", "message"),
    [
        pytest.param(b"", Reason.TLS, "no TLS connection to {host} could be agreed on", id="closed"),
        pytest.param(LINGER_ZERO, Reason.CONNECTION, "{host} closed the connection", id="reset"),
    ],
)
def test_a_connection_cut_inside_its_handshake_is_a_failure_told_at_once(
    client: Client, authority: Authority, linger: bytes, reason: Reason, message: str
) -> None:
    def hear_and_cut(upstream: Upstream, connection: socket.socket) -> None:
        connection.recv(65536)
        if linger:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    with serving(hear_and_cut) as upstream:
        error = failure(client, account(upstream.tls_url, authority.file))
        assert (error.reason, str(error)) == (reason, message.format(host=f"localhost:{upstream.port}"))


def test_a_server_that_only_speaks_an_old_tls_is_a_tls_failure(client: Client, authority: Authority) -> None:
    server = authority.server("localhost")
    server.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        server.minimum_version = server.maximum_version = ssl.TLSVersion.TLSv1_1
    with serving(keep_answering, server) as upstream:
        assert failure(client, account(upstream.tls_url, authority.file)).reason is Reason.TLS


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(None, "No such file or directory", id="missing"),
        pytest.param("", "no certificate in it", id="empty"),
        pytest.param("no certificate", "no certificate in it", id="not PEM"),
    ],
)
def test_a_ca_file_that_cannot_be_used_is_a_tls_failure_that_names_it(
    client: Client, tmp_path: Path, content: str | None, problem: str
) -> None:
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_text(content)
    error = failure(client, account("https://localhost:1", ca_file))
    assert error.reason is Reason.TLS
    assert str(error) == f"ca_file {ca_file} cannot be used: {problem}"
