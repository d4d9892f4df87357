"""Each fault, seen through a plain socket: what arrives, byte for byte, and how the connection ends."""

from __future__ import annotations

import gzip
import json
import socket
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from shortgenius_exporter.simulator.faults import ON_CONNECT, Fault, Injection
from shortgenius_exporter.simulator.scripts import End, Send, Wait, fault_script

if TYPE_CHECKING:
    from shortgenius_exporter.simulator.server import SimulatorServer

RIGHT = {"credits": 100, "high_quality_video_credits": 7}
GOOD = b'{"balance": {"credits": 100, "high_quality_video_credits": 7}}'


def receive(server: SimulatorServer, injection: Injection, at_most: int | None = None) -> bytes:
    """What account ``two`` gets until the connection ends, or ``at_most`` so many bytes."""
    server.inject(injection, "two")
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"GET /api/v1/credits HTTP/1.1\r\nAuthorization: Bearer sk-two\r\nConnection: close\r\n\r\n")
        with closing(connection.makefile("rb")) as stream:
            return stream.read() if at_most is None else stream.read(at_most)


def split(answer: bytes) -> tuple[bytes, dict[bytes, bytes], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    headers = dict(line.split(b": ", 1) for line in lines)
    return status, headers, body


def body(server: SimulatorServer, fault: Fault, **particulars: Any) -> bytes:
    status, headers, body = split(receive(server, Injection(fault, **particulars)))
    assert status == b"HTTP/1.1 200 OK"
    assert int(headers[b"Content-Length"]) == len(body)
    return body


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault.TRUNCATED_JSON, GOOD[:-5]),
        (Fault.HTML, b"<!doctype html><title>Maintenance</title>"),
        (Fault.EMPTY, b""),
        (Fault.UTF_16, GOOD.decode().encode("utf-16")),
        (Fault.BYTE_ORDER_MARK, b"\xef\xbb\xbf" + GOOD),
        (Fault.TOP_LEVEL_LIST, b"[" + GOOD + b"]"),
        (Fault.BALANCE_NULL, b'{"balance": null}'),
        (Fault.BALANCE_LIST, b'{"balance": [217]}'),
        (Fault.BALANCE_STRING, b'{"balance": "217"}'),
    ],
)
def test_a_bad_body_arrives_verbatim(server: SimulatorServer, fault: Fault, expected: bytes) -> None:
    assert body(server, fault) == expected


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Fault.VALUE_STRING, '"217"'),
        (Fault.VALUE_BOOL, "true"),
        (Fault.VALUE_NULL, "null"),
        (Fault.VALUE_NAN, "NaN"),
        (Fault.VALUE_INFINITY, "Infinity"),
        (Fault.VALUE_MINUS_INFINITY, "-Infinity"),
        (Fault.VALUE_OVERFLOW, "1e400"),
        (Fault.VALUE_NEGATIVE, "-1"),
        (Fault.VALUE_400_DIGITS, "9" * 400),
        (Fault.VALUE_NESTED, '{"amount": 217}'),
    ],
)
def test_a_bad_value_spoils_one_field_only(server: SimulatorServer, fault: Fault, text: str) -> None:
    good, bad = ("credits", 100), "high_quality_video_credits"
    expected = f'{{"balance": {{"{good[0]}": {good[1]}, "{bad}": {text}}}}}'
    assert body(server, fault, credit_type=bad).decode() == expected
    assert body(server, fault).decode() == f'{{"balance": {{"credits": {text}, "{bad}": 7}}}}'


def test_a_raw_body_is_the_callers(server: SimulatorServer) -> None:
    assert body(server, Fault.RAW_BODY, body=b"\x00\xff") == b"\x00\xff"


def test_duplicate_keys_disagree(server: SimulatorServer) -> None:
    pairs = json.loads(body(server, Fault.DUPLICATE_KEYS), object_pairs_hook=list)
    assert pairs[0][1][:2] == [("credits", 100), ("credits", 101)]


def test_many_keys_are_as_many_as_asked_besides_the_right_ones(server: SimulatorServer) -> None:
    assert len(json.loads(body(server, Fault.MANY_KEYS))["balance"]) == 100_002
    assert len(json.loads(body(server, Fault.MANY_KEYS, count=3))["balance"]) == 5


def test_odd_keys_come_with_the_right_ones(server: SimulatorServer) -> None:
    balance = json.loads(body(server, Fault.ODD_KEYS))["balance"]
    assert {name: balance[name] for name in RIGHT} == RIGHT
    assert {'qu"ote', "new\nline", "\N{COIN}", "a" * 10_000, "", "UPPER"} <= balance.keys()


def test_nesting_is_as_deep_as_asked(server: SimulatorServer) -> None:
    assert body(server, Fault.DEEP_NESTING, count=3) == b'{"balance": [[[]]]}'
    assert body(server, Fault.DEEP_NESTING).count(b"[") == 100_000


def test_no_content_has_no_body(server: SimulatorServer) -> None:
    assert receive(server, Injection(Fault.NO_CONTENT)) == b"HTTP/1.1 204 No Content\r\n\r\n"


def test_a_redirect_leads_where_asked(server: SimulatorServer) -> None:
    status, headers, _ = split(receive(server, Injection(Fault.REDIRECT, location="https://other.example/x")))
    assert (status, headers[b"Location"]) == (b"HTTP/1.1 302 Found", b"https://other.example/x")


@pytest.mark.parametrize("text", ["7", "Wed, 21 Oct 2015 07:28:00 GMT", "-1", "1e99", "soon"])
@pytest.mark.parametrize("fault", [Fault.STATUS_429, Fault.STATUS_503])
def test_retry_after_is_sent_verbatim(server: SimulatorServer, fault: Fault, text: str) -> None:
    _, headers, _ = split(receive(server, Injection(fault, retry_after=text)))
    assert headers[b"Retry-After"] == text.encode()


def test_without_retry_after_there_is_none(server: SimulatorServer) -> None:
    _, headers, _ = split(receive(server, Injection(Fault.STATUS_429)))
    assert b"Retry-After" not in headers


@pytest.mark.parametrize(("fault", "difference"), [(Fault.LENGTH_TOO_LONG, 100), (Fault.LENGTH_TOO_SHORT, -5)])
def test_a_wrong_length_is_wrong(server: SimulatorServer, fault: Fault, difference: int) -> None:
    _, headers, body = split(receive(server, Injection(fault)))
    assert (body, int(headers[b"Content-Length"])) == (GOOD, len(GOOD) + difference)


def test_a_body_that_is_reset_breaks_off(server: SimulatorServer) -> None:
    assert receive(server, Injection(Fault.RESET_BODY), at_most=80).endswith(GOOD[:9])
    with pytest.raises(ConnectionResetError):
        receive(server, Injection(Fault.RESET_BODY))


@pytest.mark.parametrize("fault", [Fault.CLOSE, Fault.CONNECT_CLOSE])
def test_a_closed_connection_says_nothing(server: SimulatorServer, fault: Fault) -> None:
    server.inject(fault)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        if fault not in ON_CONNECT:
            connection.sendall(b"GET /api/v1/credits HTTP/1.1\r\n\r\n")
        assert connection.recv(1) == b""


def test_something_that_is_not_http(server: SimulatorServer) -> None:
    assert receive(server, Injection(Fault.NOT_HTTP)) == b"SSH-2.0-OpenSSH_9.2\r\n"


@pytest.mark.parametrize(
    ("fault", "drips"),
    [
        (Fault.DRIP_HEADERS, b"X-Drip: aaaaaaaaaa"),
        (Fault.DRIP_INFORMATIONAL, b"HTTP/1.1 102 Processing\r\n\r\n" * 3),
        (Fault.DRIP_BODY, GOOD[:-1] + b" " * 10),
    ],
)
def test_a_drip_goes_on(server: SimulatorServer, fault: Fault, drips: bytes) -> None:
    received = receive(server, Injection(fault, delay=0.001), at_most=150)
    assert drips in received


@pytest.mark.parametrize("fault", [Fault.DRIP_HEADERS, Fault.DRIP_INFORMATIONAL, Fault.DRIP_BODY])
def test_a_drip_waits_its_delay_before_each_drop(fault: Fault) -> None:
    _, *steps = islice(fault_script(Injection(fault, delay=3.5), RIGHT), 5)
    assert [step == Wait(3.5) for step in steps] == [True, False, True, False]


def test_an_endless_body_outgrows_every_cap(server: SimulatorServer) -> None:
    received = receive(server, Injection(Fault.ENDLESS_BODY), at_most=2_000_000)
    assert len(received) == 2_000_000
    assert b"Content-Length" not in received


def test_a_gzip_bomb_unpacks_to_a_gibibyte_of_valid_json() -> None:
    *sends, end = fault_script(Injection(Fault.GZIP_BOMB), RIGHT)
    packed = [step.data for step in sends if isinstance(step, Send)]
    opening = gzip.decompress(packed[0].partition(b"\r\n\r\n")[2])
    block, closing_brace = gzip.decompress(packed[1]), gzip.decompress(packed[-1])
    assert json.loads(opening + block + closing_brace) == {"balance": RIGHT}
    assert len(block) * (len(packed) - 2) == 1_000 * 2**20
    assert set(packed[1:-1]) == {packed[1]}
    assert sum(map(len, packed)) < 1_100_000
    assert end is End.CLOSE


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_a_script_even_without_balances(fault: Fault) -> None:
    assert isinstance(next(fault_script(Injection(fault), {})), Send | Wait | End)
