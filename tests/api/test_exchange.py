"""The second request on a connection goes another way than the first; nobody may be able to tell."""

from __future__ import annotations

import gzip
import socket
import threading

import pytest

from shortgenius_exporter.api.client import MAX_BODY_BYTES, BalanceRequest, Client, prepare
from shortgenius_exporter.api.errors import ApiError
from shortgenius_exporter.core.account import Account
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.secret import Secret
from upstreams import (
    GOOD_ANSWER,
    GOOD_BODY,
    Script,
    Upstream,
    after_a_good_answer,
    answer,
    at_first,
    drip_after,
    keep_answering,
    serving,
)

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
LENGTH = b"Content-Length: %d\r\n\r\n"
PACKED = gzip.compress(GOOD_BODY)


def request_to(url: str, key: str = "sk-1", timeout: float = 2.0) -> BalanceRequest:
    return prepare(Account("studio", Secret(key), base_url=url, poll_timeout=timeout), Secret(key))


def outcome(client: Client, request: BalanceRequest) -> tuple[object, ...]:
    """A balance, or all that a failure says."""
    try:
        return (client.fetch(request),)
    except ApiError as error:
        return type(error), str(error), error.retry_after


SCRIPTS = [
    pytest.param(answer(GOOD_ANSWER), id="a good answer"),
    pytest.param(answer(CHUNKED + b"1d\r\n" + GOOD_BODY + b"\r\n0\r\nX: y\r\n\r\n"), id="chunks and a trailer"),
    pytest.param(answer(OK + b"\r\n" + GOOD_BODY), id="until it closes"),
    pytest.param(answer(b"HTTP/1.0 200 OK\r\n\r\n" + GOOD_BODY), id="HTTP/1.0"),
    pytest.param(answer(b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD_ANSWER), id="after an interim answer"),
    pytest.param(answer(OK + b"Content-Encoding: gzip\r\n" + LENGTH % len(PACKED) + PACKED), id="gzip"),
    pytest.param(answer(OK + b"Content-Encoding: gzip\r\n" + LENGTH % 29 + GOOD_BODY), id="claims to be gzip"),
    pytest.param(
        answer(OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b" " * 5_000_000)), id="gzip of too much"
    ),
    pytest.param(answer(OK + LENGTH % MAX_BODY_BYTES + GOOD_BODY.ljust(MAX_BODY_BYTES)), id="as long as allowed"),
    pytest.param(answer(OK + LENGTH % 10**6 + GOOD_BODY.ljust(10**6)), id="too long"),
    pytest.param(answer(OK + LENGTH % 30 + GOOD_BODY), id="announces more"),
    pytest.param(answer(OK + LENGTH % 10 + GOOD_BODY), id="announces less"),
    pytest.param(answer(CHUNKED + b"1d\r\n" + GOOD_BODY), id="cuts the chunks"),
    pytest.param(answer(CHUNKED + b"zz\r\n" + GOOD_BODY), id="bad chunk size"),
    pytest.param(answer(b"HTTP/1.1 429 Slow Down\r\nRetry-After: 7\r\n" + LENGTH % 2 + b"{}"), id="429"),
    pytest.param(answer(b"HTTP/1.1 204 No Content\r\n\r\n"), id="204"),
    pytest.param(answer(b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/\r\n\r\n"), id="redirect"),
    pytest.param(answer(b"SSH-2.0-OpenSSH_9.2\r\n"), id="speaks SSH"),
    pytest.param(answer(b"HTTP/1.1 abc OK\r\n\r\n"), id="status is no number"),
    pytest.param(answer(OK + b"X: y\r\n" * 200 + b"\r\n"), id="200 headers"),
    pytest.param(answer(OK + b"X: " + b"y" * 70_000 + b"\r\n\r\n"), id="a long header"),
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_answer_means_the_same_on_a_new_and_on_a_kept_connection(client: Client, script: Script) -> None:
    with serving(script) as upstream:
        fresh = outcome(client, request_to(upstream.url))
        first = str(upstream.port)
    with serving(after_a_good_answer(script)) as upstream:
        client.fetch(request_to(upstream.url))
        kept = outcome(client, request_to(upstream.url))
        assert (upstream.connections, len(upstream.requests)) == (1, 2)
        second = str(upstream.port)
    assert [str(part).replace(second, first) for part in kept] == [str(part) for part in fresh]


def test_both_ways_send_the_same_request(client: Client) -> None:
    with serving(keep_answering) as upstream:
        for _ in range(2):
            client.fetch(request_to(upstream.url + "/api/v1", "sk-2"))
        first, second = (sorted(sent.split(b"\r\n")) for sent in upstream.requests)
    assert second == first


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        ("https://api.example/v1", b"api.example"),
        ("https://api.example:443/v1", b"api.example"),
        ("http://api.example:443/v1", b"api.example:443"),
        ("http://api.example:80", b"api.example"),
        ("http://[::1]:8080", b"[::1]:8080"),
    ],
)
def test_the_host_is_named_without_the_port_that_the_scheme_has_anyway(base_url: str, host: bytes) -> None:
    assert request_to(base_url).message.split(b"\r\n")[1] == b"Host: " + host


def test_accounts_of_one_upstream_share_a_connection_and_each_sends_its_key(client: Client) -> None:
    with serving(keep_answering) as upstream:
        for key in ("sk-a", "sk-b", "sk-c"):
            client.fetch(request_to(upstream.url, key))
        assert upstream.connections == 1
        keys = [sent.partition(b"Bearer ")[2].partition(b"\r\n")[0] for sent in upstream.requests]
    assert keys == [b"sk-a", b"sk-b", b"sk-c"]


def test_what_came_while_nothing_was_asked_is_not_taken_for_an_answer(client: Client) -> None:
    said = threading.Event()

    def goodbye(upstream: Upstream, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        said.set()

    with serving(at_first(after_a_good_answer(goodbye))) as upstream:
        client.fetch(request_to(upstream.url))
        assert said.wait(30)
        assert client.fetch(request_to(upstream.url)) == Balance({"credits": 217.0})


def test_a_kept_connection_on_which_nothing_comes_any_more_ends_in_time_and_is_not_used_again(client: Client) -> None:
    with serving(at_first(after_a_good_answer(drip_after(OK, b"X")))) as upstream:
        client.fetch(request_to(upstream.url))
        assert outcome(client, request_to(upstream.url, timeout=0.3))[1] == "no complete answer within 0.3 s"
        assert client.fetch(request_to(upstream.url)) == Balance({"credits": 217.0})
        assert upstream.connections == 2
