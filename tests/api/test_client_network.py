"""What networks and servers can do below HTTP: every poll ends in time, with its exact reason, over real sockets."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from api.polls import BALANCE, account, failure, fetch
from shortgenius_exporter.api.client import Client
from shortgenius_exporter.core.reason import Reason
from upstreams import (
    GOOD_ANSWER,
    GOOD_BODY,
    Script,
    Upstream,
    after_a_good_answer,
    answer,
    at_first,
    close_at_once,
    drip_after,
    flood_after,
    keep_answering,
    never_answer,
    never_read,
    nobody_listening,
    reset_after,
    serving,
)

HASTY = 0.3  # for what is to run into it: a machine under load must not turn other faults into timeouts
OK = b"HTTP/1.1 200 OK\r\n"
GZIPPED = OK + b"Content-Encoding: gzip\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


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
        error = failure(client, account(upstream.url, timeout=HASTY))
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
        error = failure(client, account(upstream.url))
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
        assert fetch(client, account(upstream.url)) == BALANCE


def test_a_refused_connection_is_told_at_once(client: Client) -> None:
    with nobody_listening() as port:
        error = failure(client, account(f"http://127.0.0.1:{port}"))
    assert (error.reason, str(error)) == (Reason.CONNECTION, f"127.0.0.1:{port} refused the connection")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_name_that_does_not_exist_is_a_connection_failure(client: Client, scheme: str) -> None:
    error = failure(client, account(f"{scheme}://api.invalid"))
    assert (error.reason, str(error)) == (Reason.CONNECTION, "the name of api.invalid could not be resolved")


def test_a_name_that_cannot_exist_is_a_connection_failure(client: Client) -> None:
    host = f"{'a' * 64}.invalid"
    error = failure(client, account(f"http://{host}"))
    assert (error.reason, str(error)) == (Reason.CONNECTION, f"the name of {host} could not be resolved")


@contextmanager
def swallowing_packets() -> Iterator[tuple[str, int]]:
    """An address that does not even answer an attempt to connect."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as waiting:
        for _ in range(4):  # more than its queue holds: Linux drops what comes after
            queued = waiting.enter_context(socket.socket())
            queued.setblocking(False)
            queued.connect_ex(full.getsockname())
        yield full.getsockname()


def test_an_address_that_swallows_packets_ends_in_time(client: Client) -> None:
    with swallowing_packets() as (host, port):
        error = failure(client, account(f"http://{host}:{port}", timeout=HASTY))
    assert (error.reason, str(error)) == (Reason.TIMEOUT, TOO_LATE)


def test_an_address_that_swallows_packets_leaves_time_for_the_next(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(keep_answering) as upstream, swallowing_packets() as deaf:
        addresses = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in (deaf, ("127.0.0.1", upstream.port))
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: addresses)
        assert fetch(client, account("http://two-addresses.example", timeout=4)) == BALANCE


def test_a_client_works_after_each_failure(client: Client) -> None:
    with serving(never_answer) as dead, serving(keep_answering) as healthy:
        assert failure(client, account(dead.url, timeout=HASTY)).reason is Reason.TIMEOUT
        assert fetch(client, account(healthy.url)) == BALANCE


def test_the_connection_is_kept_for_the_next_poll(client: Client) -> None:
    with serving(keep_answering) as upstream:
        for _ in range(5):
            fetch(client, account(upstream.url))
        assert (upstream.connections, len(upstream.requests)) == (1, 5)


def test_the_connection_is_kept_after_an_error_status(client: Client) -> None:
    def refuse(upstream: Upstream, connection: socket.socket) -> None:
        while True:
            upstream.read_request(connection)
            connection.sendall(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n{}")

    with serving(refuse) as upstream:
        errors = [failure(client, account(upstream.url)) for _ in range(3)]
        assert [(error.reason, error.retry_after) for error in errors] == [(Reason.RATE_LIMITED, 7.0)] * 3
        assert upstream.connections == 1


LEFTOVERS = [
    pytest.param(flood_after(OK + b"Content-Length: 10000000\r\n\r\n"), id="too large"),
    pytest.param(drip_after(b"HTTP/1.1 103 Early Hints\r\n\r\n", b""), id="an interim answer other than 100"),
]


@pytest.mark.parametrize("faulty", LEFTOVERS)
def test_a_new_connection_with_an_answer_left_in_it_is_not_used_again(client: Client, faulty: Script) -> None:
    with serving(at_first(faulty)) as upstream:
        assert failure(client, account(upstream.url)).reason is Reason.INVALID_RESPONSE
        assert fetch(client, account(upstream.url)) == BALANCE
        assert upstream.connections == 2


@pytest.mark.parametrize(
    "faulty",
    [
        *LEFTOVERS,
        pytest.param(drip_after(OK + b"Content-Length: 1000\r\n\r\n", b" "), id="cut by the deadline"),
    ],
)
def test_a_kept_connection_with_an_answer_left_in_it_is_not_used_again(client: Client, faulty: Script) -> None:
    with serving(at_first(after_a_good_answer(faulty))) as upstream:
        fetch(client, account(upstream.url))
        failure(client, account(upstream.url, timeout=HASTY))
        assert fetch(client, account(upstream.url)) == BALANCE
        assert upstream.connections == 2


def test_an_idle_connection_that_the_server_closed_is_replaced(client: Client) -> None:
    with serving(answer(GOOD_ANSWER)) as upstream:
        fetch(client, account(upstream.url))
        assert fetch(client, account(upstream.url)) == BALANCE


@pytest.mark.parametrize("end", [answer(b""), reset_after(b"")], ids=["closed", "reset"])
def test_a_kept_connection_that_ends_as_it_is_used_is_replaced_once(client: Client, end: Script) -> None:
    with serving(at_first(after_a_good_answer(end))) as upstream:
        fetch(client, account(upstream.url))
        assert fetch(client, account(upstream.url)) == BALANCE
        assert (upstream.connections, len(upstream.requests)) == (2, 3)


def test_a_request_is_repeated_only_once(client: Client) -> None:
    close = answer(b"")
    with serving(at_first(after_a_good_answer(close), close)) as upstream:
        fetch(client, account(upstream.url))
        assert failure(client, account(upstream.url)).reason is Reason.CONNECTION
        assert (upstream.connections, len(upstream.requests)) == (2, 3)


def test_a_fresh_connection_that_is_closed_is_not_tried_again(client: Client) -> None:
    with serving(answer(b"")) as upstream:
        failure(client, account(upstream.url))
        assert upstream.connections == 1


def test_the_repeated_request_shares_the_deadline_of_the_first(client: Client) -> None:
    with serving(at_first(after_a_good_answer(answer(b"")), never_answer)) as upstream:
        fetch(client, account(upstream.url))
        assert failure(client, account(upstream.url, timeout=HASTY)).reason is Reason.TIMEOUT


def test_netrc_does_not_replace_the_key(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("home")
    (home / ".netrc").write_text("default login someone password else\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NETRC", str(home / ".netrc"))
    with serving(keep_answering) as upstream:
        fetch(client, account(upstream.url))
        assert b"\r\nAuthorization: Bearer sk-very-secret-0001\r\n" in upstream.requests[0]


def test_the_request_on_the_wire_is_the_documented_one(client: Client) -> None:
    with serving(keep_answering) as upstream:
        fetch(client, account(upstream.url + "/api/v1"))
        line, *headers = upstream.requests[0].decode().removesuffix("\r\n\r\n").split("\r\n")
    assert line == "GET /api/v1/credits HTTP/1.1"
    names = sorted(header.partition(":")[0] for header in headers)
    assert names == ["Accept", "Accept-Encoding", "Authorization", "Host", "User-Agent"]
