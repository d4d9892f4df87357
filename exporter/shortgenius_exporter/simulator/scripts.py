"""What the server sends for each fault: a script of steps, free of sockets."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from http import HTTPStatus
from itertools import repeat
from typing import NamedTuple

from shortgenius_exporter.simulator.faults import Fault, Injection


class Send(NamedTuple):
    """Bytes for the client, as they are."""

    data: bytes


class Wait(NamedTuple):
    """A pause; ``None`` lasts until the client has gone or the server closes."""

    seconds: float | None


class End(Enum):
    """How a connection ends; without it, it is kept for the next request."""

    CLOSE = "close"
    RESET = "reset"


Step = Send | Wait | End
Script = Iterator[Step]
Balances = Mapping[str, int]
_Writer = Callable[[Injection, Balances], Script]

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_BOMB_BLOCK, _BOMB_BLOCKS = 10 * 2**20, 100  # unpacked bytes of a block: 1 GiB from 1 MiB


def response(status: int, body: bytes, *headers: tuple[str, str], content_type: str = "application/json") -> bytes:
    """A whole HTTP answer, in one piece."""
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def answer(document: object) -> bytes:
    """A success."""
    return response(200, json.dumps(document).encode())


def error(status: int, *headers: tuple[str, str]) -> bytes:
    """An error in the documented shape: ``{"message": ...}``."""
    return response(status, json.dumps({"message": HTTPStatus(status).phrase}).encode(), *headers)


def balance_body(balances: Balances) -> bytes:
    return json.dumps({"balance": balances}).encode()


def fault_script(injection: Injection, balances: Balances) -> Script:
    """The steps by which ``injection`` answers a request whose right answer is ``balances``."""
    return _SCRIPTS[injection.fault](injection, balances)


def _hang(_injection: Injection, _balances: Balances) -> Script:
    yield Wait(None)
    yield End.CLOSE


def _close(_injection: Injection, _balances: Balances) -> Script:
    yield End.CLOSE


def _reset(_injection: Injection, _balances: Balances) -> Script:
    yield End.RESET


def _reset_body(_injection: Injection, balances: Balances) -> Script:
    whole = response(200, balance_body(balances))
    yield Send(whole[:-5])
    yield End.RESET


def _not_http(_injection: Injection, _balances: Balances) -> Script:
    yield Send(b"SSH-2.0-OpenSSH_9.2\r\n")
    yield End.CLOSE


def _slow(injection: Injection, balances: Balances) -> Script:
    yield Wait(injection.delay)
    yield Send(response(200, balance_body(balances)))


def _drip(injection: Injection, head: bytes, drip: bytes) -> Script:
    yield Send(head)
    for step in repeat((Wait(injection.delay), Send(drip))):
        yield from step


def _drip_headers(injection: Injection, _balances: Balances) -> Script:
    return _drip(injection, _HEAD + b"X-Drip: ", b"a")


def _drip_informational(injection: Injection, _balances: Balances) -> Script:
    return _drip(injection, b"", b"HTTP/1.1 102 Processing\r\n\r\n")


def _drip_body(injection: Injection, balances: Balances) -> Script:
    return _drip(injection, _HEAD + b"Content-Length: 60000\r\n\r\n" + balance_body(balances)[:-1], b" ")


def _endless_body(_injection: Injection, balances: Balances) -> Script:
    yield Send(_HEAD + b"Connection: close\r\n\r\n" + balance_body(balances)[:-1])
    yield from repeat(Send(b" " * 65_536))


def _gzip_bomb(_injection: Injection, balances: Balances) -> Script:
    opening, closing = balance_body(balances)[:-1], b"}"
    packed = gzip.compress(b" " * _BOMB_BLOCK)
    yield Send(_HEAD + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n" + gzip.compress(opening))
    yield from repeat(Send(packed), _BOMB_BLOCKS)
    yield Send(gzip.compress(closing))
    yield End.CLOSE


def _length_too_long(_injection: Injection, balances: Balances) -> Script:
    body = balance_body(balances)
    yield Send(_HEAD + b"Content-Length: %d\r\n\r\n" % (len(body) + 100) + body)
    yield End.CLOSE


def _length_too_short(_injection: Injection, balances: Balances) -> Script:
    body = balance_body(balances)
    yield Send(_HEAD + b"Content-Length: %d\r\n\r\n" % (len(body) - 5) + body)


def _body(make: Callable[[Injection, Balances], bytes], status: int = 200, kind: str = "application/json") -> _Writer:
    """A complete answer, wrong only in its body."""

    def script(injection: Injection, balances: Balances) -> Script:
        yield Send(response(status, make(injection, balances), content_type=kind))

    return script


def _value(text: str) -> _Writer:
    """The right body, but for one credit type whose JSON value is ``text``."""

    def make(injection: Injection, balances: Balances) -> bytes:
        bad = injection.credit_type or next(iter(balances), "credits")
        members = {name: str(amount) for name, amount in balances.items()} | {bad: text}
        return _object(list(members.items()))

    return _body(make)


def _object(members: list[tuple[str, str]]) -> bytes:
    inner = ", ".join(f"{json.dumps(name)}: {text}" for name, text in members)
    return f'{{"balance": {{{inner}}}}}'.encode()


def _duplicate_keys(_injection: Injection, balances: Balances) -> bytes:
    return _object([(name, str(amount + more)) for name, amount in balances.items() for more in (0, 1)])


def _many_keys(injection: Injection, balances: Balances) -> bytes:
    return balance_body({**balances, **{f"credits_{index}": index for index in range(injection.count)}})


def _odd_keys(_injection: Injection, balances: Balances) -> bytes:
    odd = ('qu"ote', "new\nline", "back\\slash", "\N{COIN}", "a" * 10_000, "", "UPPER", "__class__", "9", "a b")
    return balance_body({**balances, **dict.fromkeys(odd, 1)})


def _deep_nesting(injection: Injection, _balances: Balances) -> bytes:
    return b'{"balance": ' + b"[" * injection.count + b"]" * injection.count + b"}"


def _balance(document: object) -> _Writer:
    return _body(lambda _injection, _balances: json.dumps({"balance": document}).encode())


def _redirect(injection: Injection, _balances: Balances) -> Script:
    yield Send(error(302, ("Location", injection.location)))


def _status(status: int) -> _Writer:
    def script(injection: Injection, _balances: Balances) -> Script:
        headers = () if injection.retry_after is None else (("Retry-After", injection.retry_after),)
        yield Send(error(status, *headers))

    return script


_SCRIPTS: Mapping[Fault, _Writer] = {
    Fault.CONNECT_HANG: _hang,
    Fault.CONNECT_CLOSE: _close,
    Fault.HANG: _hang,
    Fault.CLOSE: _close,
    Fault.RESET: _reset,
    Fault.RESET_BODY: _reset_body,
    Fault.NOT_HTTP: _not_http,
    Fault.SLOW: _slow,
    Fault.DRIP_HEADERS: _drip_headers,
    Fault.DRIP_INFORMATIONAL: _drip_informational,
    Fault.DRIP_BODY: _drip_body,
    Fault.ENDLESS_BODY: _endless_body,
    Fault.GZIP_BOMB: _gzip_bomb,
    Fault.LENGTH_TOO_LONG: _length_too_long,
    Fault.LENGTH_TOO_SHORT: _length_too_short,
    Fault.RAW_BODY: _body(lambda injection, _: injection.body),
    Fault.TRUNCATED_JSON: _body(lambda _, balances: balance_body(balances)[:-5]),
    Fault.HTML: _body(lambda *_: b"<!doctype html><title>Maintenance</title>", kind="text/html"),
    Fault.EMPTY: _body(lambda *_: b""),
    Fault.NO_CONTENT: lambda *_: iter([Send(b"HTTP/1.1 204 No Content\r\n\r\n")]),
    Fault.UTF_16: _body(lambda _, balances: balance_body(balances).decode().encode("utf-16")),
    Fault.BYTE_ORDER_MARK: _body(lambda _, balances: b"\xef\xbb\xbf" + balance_body(balances)),
    Fault.TOP_LEVEL_LIST: _body(lambda _, balances: b"[" + balance_body(balances) + b"]"),
    Fault.DEEP_NESTING: _body(_deep_nesting),
    Fault.BALANCE_NULL: _balance(None),
    Fault.BALANCE_LIST: _balance([217]),
    Fault.BALANCE_STRING: _balance("217"),
    Fault.DUPLICATE_KEYS: _body(_duplicate_keys),
    Fault.MANY_KEYS: _body(_many_keys),
    Fault.ODD_KEYS: _body(_odd_keys),
    Fault.VALUE_STRING: _value('"217"'),
    Fault.VALUE_BOOL: _value("true"),
    Fault.VALUE_NULL: _value("null"),
    Fault.VALUE_NAN: _value("NaN"),
    Fault.VALUE_INFINITY: _value("Infinity"),
    Fault.VALUE_MINUS_INFINITY: _value("-Infinity"),
    Fault.VALUE_OVERFLOW: _value("1e400"),
    Fault.VALUE_NEGATIVE: _value("-1"),
    Fault.VALUE_400_DIGITS: _value("9" * 400),
    Fault.VALUE_NESTED: _value('{"amount": 217}'),
    Fault.REDIRECT: _redirect,
    **{fault: _status(int(fault.removeprefix("status_"))) for fault in Fault if fault.startswith("status_")},
}
