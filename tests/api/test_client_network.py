"""What networks and servers can do below HTTP: every poll ends in time, with its exact reason, over real sockets."""

from __future__ import annotations

import gzip
import socket
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import count

import pytest

from shortgenius_exporter.api.client import BalanceRequest, Client, prepare
from shortgenius_exporter.api.errors import ApiError
from shortgenius_exporter.api.failures import causes
from shortgenius_exporter.api.tls import TlsContexts
from shortgenius_exporter.core.account import Account
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.core.secret import Secret
from upstreams import (
    GOOD_ANSWER,
    GOOD_BODY,
    Script,
    Upstream,
    answer,
    close_at_once,
    drip_after,
    flood_after,
    keep_answering,
    never_answer,
    never_read,
    reset_after,
    serving,
    unused_port,
)

KEY = "sk-very-secret-0001"
PATIENT = 10.0
HASTY = 0.3  # for what is to run into it: a machine under load must not turn other faults into timeouts
SLACK = 2.0
OK = b"HTTP/1.1 200 OK\r\n"
GZIPPED = OK + b"Content-Encoding: gzip\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def client() -> Iterator[Client]:
    with closing(Client(TlsContexts())) as client:
        yield client


def request_to(url: str, timeout: float = PATIENT) -> BalanceRequest:
    key = Secret(KEY)
    return prepare(Account("studio", key, base_url=url, poll_timeout=timeout), key)


def failure(client: Client, request: BalanceRequest) -> ApiError:
    """The failure of one poll that ends in time and tells nobody the key."""
    began = time.monotonic()
    with pytest.raises(ApiError) as raised:
        client.fetch(request)
    assert time.monotonic() - began < request.timeout + SLACK
    for error in causes(raised.value):
        assert KEY not in "".join(traceback.format_exception(error)) + repr(error)
    return raised.value


TOO_LATE = "no complete answer within 0.3 s"
CUT = "{host} closed the connection inside its answer"
NOT_HTTP = "what {host} sent is not valid HTTP"
TOO_LARGE = "the answer is larger than 64 KiB"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(never_read, id="accepts and says nothing"),
        pytest.param(never_answer, id="reads and says nothing"),
        pytest.param(drip_after(b"", b"H"), id="drips the status line"),
        pytest.param(drip_after(OK, b"X"), id="drips one header"),
        pytest.param(drip_after(OK, b"X: y\r\n"), id="drips headers"),
        pytest.param(drip_after(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="drips interim answers"),
        pytest.param(drip_after(OK + b"Content-Length: 1000\r\n\r\n", b" "), id="drips the body"),
        pytest.param(drip_after(OK + b"\r\n", b" "), id="drips a body of no length"),
        pytest.param(drip_after(CHUNKED, b"1\r\n \r\n"), id="drips chunks"),
        pytest.param(drip_after(CHUNKED, b"0"), id="drips the size of a chunk"),
        pytest.param(drip_after(CHUNKED + b"0\r\n", b"X: y\r\n"), id="drips the trailer"),
        pytest.param(
            drip_after(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 99\r\n\r\n", b" "),
            id="drips the body of an error",
        ),
    ],
)
def test_whatever_a_server_drips_a_poll_ends_at_its_timeout(client: Client, script: Script) -> None:
    with serving(script) as upstream:
        error = failure(client, request_to(upstream.url, HASTY))
        assert (error.reason, str(error)) == (Reason.TIMEOUT, TOO_LATE)


@pytest.mark.parametrize(
    ("script", "reason", "message"),
    [
        pytest.param(flood_after(OK + b"\r\n"), Reason.INVALID_RESPONSE, TOO_LARGE, id="endless body"),
        pytest.param(
            flood_after(OK + b"Content-Length: 10000000000\r\n\r\n"), Reason.INVALID_RESPONSE, TOO_LARGE, id="10 GB"
        ),
        pytest.param(flood_after(OK), Reason.INVALID_RESPONSE, NOT_HTTP, id="endless header"),
        pytest.param(answer(OK + b"X: y\r\n" * 200 + b"\r\n"), Reason.INVALID_RESPONSE, NOT_HTTP, id="200 headers"),
        pytest.param(
            answer(GZIPPED + b"\r\n" + gzip.compress(b" " * 50_000_000)),
            Reason.INVALID_RESPONSE,
            TOO_LARGE,
            id="gzip bomb",
        ),
        pytest.param(answer(GZIPPED + b"\r\n" + GOOD_BODY), Reason.INVALID_RESPONSE, NOT_HTTP, id="claims to be gzip"),
        pytest.param(
            reset_after(OK + b"Content-Length: 29\r\n\r\n" + GOOD_BODY[:9]),
            Reason.CONNECTION,
            "{host} closed the connection",
            id="resets inside the body",
        ),
        pytest.param(reset_after(OK), Reason.CONNECTION, "{host} closed the connection", id="resets in the headers"),
        pytest.param(
            answer(OK + b"Content-Length: 30\r\n\r\n" + GOOD_BODY), Reason.CONNECTION, CUT, id="announces more"
        ),
        pytest.param(
            answer(OK + b"Content-Length: 10\r\n\r\n" + GOOD_BODY),
            Reason.INVALID_RESPONSE,
            "the answer is not JSON",
            id="announces less",
        ),
        pytest.param(answer(CHUNKED + b"1D\r\n" + GOOD_BODY), Reason.CONNECTION, CUT, id="cuts the chunks"),
        pytest.param(close_at_once, Reason.CONNECTION, "{host} closed the connection", id="accepts and closes"),
        pytest.param(answer(b""), Reason.CONNECTION, "{host} closed the connection", id="reads and closes"),
        pytest.param(answer(b"SSH-2.0-OpenSSH_9.2\r\n"), Reason.INVALID_RESPONSE, NOT_HTTP, id="speaks SSH"),
        pytest.param(answer(b"\x00" * 512 + b"\n"), Reason.INVALID_RESPONSE, NOT_HTTP, id="speaks zeros"),
        pytest.param(answer(b"\r\n\r\n"), Reason.INVALID_RESPONSE, NOT_HTTP, id="speaks blank lines"),
        pytest.param(answer(b"HTTP/1.1 abc OK\r\n\r\n"), Reason.INVALID_RESPONSE, NOT_HTTP, id="status is no number"),
        pytest.param(
            answer(OK + b"Content-Length: 0\r\n\r\n"), Reason.INVALID_RESPONSE, "the answer is empty", id="empty body"
        ),
    ],
)
def test_a_fault_is_told_at_once_with_its_reason(client: Client, script: Script, reason: Reason, message: str) -> None:
    with serving(script) as upstream:
        error = failure(client, request_to(upstream.url))
        assert (error.reason, str(error)) == (reason, message.format(host=f"127.0.0.1:{upstream.port}"))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(GOOD_ANSWER, id="Content-Length"),
        pytest.param(OK + b"\r\n" + GOOD_BODY, id="until the connection closes"),
        pytest.param(CHUNKED + b"1d\r\n" + GOOD_BODY + b"\r\n0\r\n\r\n", id="chunks"),
        pytest.param(GZIPPED + b"\r\n" + gzip.compress(GOOD_BODY), id="gzip though not asked for"),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\n" + GOOD_BODY, id="HTTP/1.0"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD_ANSWER, id="after an interim answer"),
    ],
)
def test_an_answer_may_be_framed_in_any_way_of_http(client: Client, data: bytes) -> None:
    with serving(answer(data)) as upstream:
        assert client.fetch(request_to(upstream.url)) == Balance({"credits": 217.0})


def test_a_refused_connection_is_told_at_once(client: Client) -> None:
    port = unused_port()
    error = failure(client, request_to(f"http://127.0.0.1:{port}"))
    assert (error.reason, str(error)) == (Reason.CONNECTION, f"127.0.0.1:{port} refused the connection")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_name_that_does_not_exist_is_a_connection_failure(client: Client, scheme: str) -> None:
    error = failure(client, request_to(f"{scheme}://api.invalid"))
    assert (error.reason, str(error)) == (Reason.CONNECTION, "the name of api.invalid could not be resolved")


def test_a_name_that_cannot_exist_is_a_connection_failure(client: Client) -> None:
    error = failure(client, request_to(f"http://{'a' * 64}.invalid"))
    assert error.reason is Reason.CONNECTION


def test_an_address_that_swallows_packets_ends_in_time(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as waiting:
        for _ in range(4):  # more than its queue holds: Linux drops what comes after
            queued = waiting.enter_context(socket.socket())
            queued.setblocking(False)
            queued.connect_ex(full.getsockname())
        error = failure(client, request_to(f"http://127.0.0.1:{full.getsockname()[1]}", HASTY))
    assert (error.reason, str(error)) == (Reason.TIMEOUT, TOO_LATE)


def test_an_address_that_swallows_packets_leaves_time_for_the_next(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        serving(keep_answering) as upstream,
        socket.create_server(("127.0.0.1", 0), backlog=0) as full,
        ExitStack() as waiting,
    ):
        for _ in range(4):
            queued = waiting.enter_context(socket.socket())
            queued.setblocking(False)
            queued.connect_ex(full.getsockname())
        addresses = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", address)
            for address in (full.getsockname(), ("127.0.0.1", upstream.port))
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: addresses)
        assert client.fetch(request_to("http://two-addresses.example", timeout=4)) == Balance({"credits": 217.0})


def test_a_client_works_after_each_failure(client: Client) -> None:
    with serving(never_answer) as dead, serving(keep_answering) as healthy:
        assert failure(client, request_to(dead.url, HASTY)).reason is Reason.TIMEOUT
        assert client.fetch(request_to(healthy.url)) == Balance({"credits": 217.0})


def test_the_connection_is_kept_for_the_next_poll(client: Client) -> None:
    with serving(keep_answering) as upstream:
        for _ in range(5):
            client.fetch(request_to(upstream.url))
        assert (upstream.connections, len(upstream.requests)) == (1, 5)


def test_the_connection_is_kept_after_an_error_status(client: Client) -> None:
    def refuse(upstream: Upstream, connection: socket.socket) -> None:
        while True:
            upstream.read_request(connection)
            connection.sendall(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n{}")

    with serving(refuse) as upstream:
        errors = [failure(client, request_to(upstream.url)) for _ in range(3)]
        assert [(error.reason, error.retry_after) for error in errors] == [(Reason.RATE_LIMITED, 7.0)] * 3
        assert upstream.connections == 1


LEFTOVERS = [
    pytest.param(flood_after(OK + b"Content-Length: 10000000\r\n\r\n"), id="too large"),
    pytest.param(drip_after(b"HTTP/1.1 103 Early Hints\r\n\r\n", b""), id="an interim answer other than 100"),
]


@pytest.mark.parametrize("faulty", LEFTOVERS)
def test_a_new_connection_with_an_answer_left_in_it_is_not_used_again(client: Client, faulty: Script) -> None:
    numbers = count()

    def first_faulty(upstream: Upstream, connection: socket.socket) -> None:
        (faulty if next(numbers) == 0 else keep_answering)(upstream, connection)

    with serving(first_faulty) as upstream:
        assert failure(client, request_to(upstream.url)).reason is Reason.INVALID_RESPONSE
        assert client.fetch(request_to(upstream.url)) == Balance({"credits": 217.0})
        assert upstream.connections == 2


@pytest.mark.parametrize(
    "faulty",
    [
        *LEFTOVERS,
        pytest.param(drip_after(OK + b"Content-Length: 1000\r\n\r\n", b" "), id="cut by the deadline"),
    ],
)
def test_a_kept_connection_with_an_answer_left_in_it_is_not_used_again(client: Client, faulty: Script) -> None:
    numbers = count()

    def first_turns_faulty(upstream: Upstream, connection: socket.socket) -> None:
        if next(numbers) == 0:
            upstream.read_request(connection)
            connection.sendall(GOOD_ANSWER)
            faulty(upstream, connection)
        else:
            keep_answering(upstream, connection)

    with serving(first_turns_faulty) as upstream:
        client.fetch(request_to(upstream.url))
        failure(client, request_to(upstream.url, HASTY))
        assert client.fetch(request_to(upstream.url)) == Balance({"credits": 217.0})
        assert upstream.connections == 2


def test_an_idle_connection_that_the_server_closed_is_replaced(client: Client) -> None:
    with serving(answer(GOOD_ANSWER)) as upstream:
        client.fetch(request_to(upstream.url))
        assert client.fetch(request_to(upstream.url)) == Balance({"credits": 217.0})


@pytest.mark.parametrize("end", [answer(b""), reset_after(b"")], ids=["closed", "reset"])
def test_a_kept_connection_that_ends_as_it_is_used_is_replaced_once(client: Client, end: Script) -> None:
    numbers = count()

    def end_at_second_request(upstream: Upstream, connection: socket.socket) -> None:
        if next(numbers) == 0:
            upstream.read_request(connection)
            connection.sendall(GOOD_ANSWER)
            end(upstream, connection)
        else:
            keep_answering(upstream, connection)

    with serving(end_at_second_request) as upstream:
        client.fetch(request_to(upstream.url))
        assert client.fetch(request_to(upstream.url)) == Balance({"credits": 217.0})
        assert (upstream.connections, len(upstream.requests)) == (2, 3)


def test_a_request_is_repeated_only_once(client: Client) -> None:
    numbers = count()

    def answer_once_ever(upstream: Upstream, connection: socket.socket) -> None:
        upstream.read_request(connection)
        if next(numbers) == 0:
            connection.sendall(GOOD_ANSWER)
            upstream.read_request(connection)

    with serving(answer_once_ever) as upstream:
        client.fetch(request_to(upstream.url))
        assert failure(client, request_to(upstream.url)).reason is Reason.CONNECTION
        assert (upstream.connections, len(upstream.requests)) == (2, 3)


def test_a_fresh_connection_that_is_closed_is_not_tried_again(client: Client) -> None:
    with serving(answer(b"")) as upstream:
        failure(client, request_to(upstream.url))
        assert upstream.connections == 1


def test_the_repeated_request_shares_the_deadline_of_the_first(client: Client) -> None:
    numbers = count()

    def close_then_hang(upstream: Upstream, connection: socket.socket) -> None:
        upstream.read_request(connection)
        if next(numbers) == 0:
            connection.sendall(GOOD_ANSWER)
            upstream.read_request(connection)
        else:
            upstream.closing.wait()

    with serving(close_then_hang) as upstream:
        client.fetch(request_to(upstream.url))
        assert failure(client, request_to(upstream.url, HASTY)).reason is Reason.TIMEOUT


def test_netrc_does_not_replace_the_key(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("home")
    (home / ".netrc").write_text("default login someone password else\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NETRC", str(home / ".netrc"))
    with serving(keep_answering) as upstream:
        client.fetch(request_to(upstream.url))
        assert b"\r\nAuthorization: Bearer sk-very-secret-0001\r\n" in upstream.requests[0]


def test_the_request_on_the_wire_is_the_documented_one(client: Client) -> None:
    with serving(keep_answering) as upstream:
        client.fetch(request_to(upstream.url + "/api/v1"))
        line, *headers = upstream.requests[0].decode().removesuffix("\r\n\r\n").split("\r\n")
    assert line == "GET /api/v1/credits HTTP/1.1"
    names = sorted(header.partition(":")[0] for header in headers)
    assert names == ["Accept", "Accept-Encoding", "Authorization", "Host", "User-Agent"]
