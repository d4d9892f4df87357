"""The table of what an upstream can do wrong and what is to come of it: one row an account of one exporter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.simulator.faults import Fault, Injection

Credits = Mapping[str, float]
ALLOWANCE = {"credits": 217, "image_credits": 40}
WHOLE: Credits = MappingProxyType({name: float(amount) for name, amount in ALLOWANCE.items()})
NOTHING: Credits = MappingProxyType({})
# The rest is above `limits.max_credit_types`.
FIRST_32: Credits = MappingProxyType({**WHOLE, **{f"credits_{index}": float(index) for index in range(30)}})
ONLY_IMAGES: Credits = MappingProxyType({"image_credits": 40.0})
MINUTE, HOUR = 60, 3600


class Place(Enum):
    """Where a row's account asks; ``SIMULATOR`` is the simulated API, the others lead elsewhere."""

    SIMULATOR = "simulator"
    NEVER_ACCEPTED = "never reads"
    CLOSED_AT_ONCE = "closes"
    NOBODY = "unused port"
    NO_SUCH_NAME = "name that does not exist"
    EXPIRED = "expired certificate"
    SELF_SIGNED = "self-signed certificate"
    OTHER_HOST = "certificate of another host"
    NO_TLS = "plain HTTP at an https address"
    PROXY_REFUSES = "proxy that answers 407"
    PROXY_DOWN = "proxy that is not there"


@dataclass(frozen=True)
class Row:
    """``reason`` is ``None`` where the poll succeeds, with ``credits`` and ``ignored`` fields.

    ``asks_again_in``: seconds, where it is not the usual backoff from five seconds. ``{elsewhere}`` in an
    injection's location is the address of another server.
    """

    what: str
    injection: Injection | None = None
    reason: Reason | None = None
    credits: Credits = field(default_factory=dict)
    ignored: int = 0
    place: Place = Place.SIMULATOR
    asks_again_in: tuple[float, float] | None = None


def _at(place: Place, what: str, reason: Reason) -> Row:
    return Row(what, reason=reason, place=place)


def _fails(what: str, fault: Fault, reason: Reason = Reason.INVALID_RESPONSE) -> Row:
    return Row(what, Injection(fault), reason)


def _raw(what: str, body: bytes, credits: Credits | None = None, ignored: int = 0) -> Row:
    reason = Reason.INVALID_RESPONSE if credits is None else None
    return Row(what, Injection(Fault.RAW_BODY, body=body), reason, credits or NOTHING, ignored)


def _value(what: str, fault: Fault) -> Row:
    return Row(what, Injection(fault), None, ONLY_IMAGES, ignored=1)


def _number(what: str, text: bytes) -> Row:
    return _raw(what, b'{"balance": {"credits": %s, "image_credits": 40}}' % text, ONLY_IMAGES, ignored=1)


def _status(status: int, reason: Reason, wait: tuple[float, float] | None = None) -> Row:
    return Row(str(status), Injection(Fault(f"status_{status}")), reason, asks_again_in=wait)


def _retry(status: int, how: str, header: str, reason: Reason, wait: tuple[float, float] | None = None) -> Row:
    injection = Injection(Fault(f"status_{status}"), retry_after=header)
    return Row(f"{status}, Retry-After {how}", injection, reason, asks_again_in=wait)


_SLOW_END = (12 * MINUTE, 15 * MINUTE)

TRANSPORT = (
    _at(Place.NEVER_ACCEPTED, "connects, then silence", Reason.TIMEOUT),
    _at(Place.CLOSED_AT_ONCE, "accepts and closes", Reason.CONNECTION),
    _at(Place.NOBODY, "connection refused", Reason.CONNECTION),
    _at(Place.NO_SUCH_NAME, "DNS failure", Reason.CONNECTION),
    _at(Place.EXPIRED, "expired certificate", Reason.TLS),
    _at(Place.SELF_SIGNED, "self-signed certificate", Reason.TLS),
    _at(Place.OTHER_HOST, "certificate of another host", Reason.TLS),
    _at(Place.NO_TLS, "plain HTTP where TLS is due", Reason.TLS),
    _at(Place.PROXY_REFUSES, "proxy refuses", Reason.CONNECTION),
    _at(Place.PROXY_DOWN, "proxy is not there", Reason.CONNECTION),
)
HTTP = (
    _fails("reads the request, never answers", Fault.HANG, Reason.TIMEOUT),
    _fails("closes instead of answering", Fault.CLOSE, Reason.CONNECTION),
    _fails("resets instead of answering", Fault.RESET, Reason.CONNECTION),
    _fails("resets mid-body", Fault.RESET_BODY, Reason.CONNECTION),
    _fails("drips headers", Fault.DRIP_HEADERS, Reason.TIMEOUT),
    _fails("drips 102 answers", Fault.DRIP_INFORMATIONAL),
    _fails("drips the body", Fault.DRIP_BODY, Reason.TIMEOUT),
    _fails("endless body", Fault.ENDLESS_BODY),
    _fails("gzip bomb (1 GiB in 1 MiB)", Fault.GZIP_BOMB),
    _fails("Content-Length too long", Fault.LENGTH_TOO_LONG, Reason.CONNECTION),
    _fails("Content-Length too short", Fault.LENGTH_TOO_SHORT),
    _fails("another protocol", Fault.NOT_HTTP),
    Row("redirect to another host", Injection(Fault.REDIRECT, location="{elsewhere}"), Reason.REDIRECT),
    _fails("HTML with 200", Fault.HTML),
    _fails("empty 200", Fault.EMPTY),
    _fails("204", Fault.NO_CONTENT),
)
BODIES = (
    _fails("truncated JSON", Fault.TRUNCATED_JSON),
    _fails("JSON in UTF-16", Fault.UTF_16),
    Row("JSON with a byte order mark", Injection(Fault.BYTE_ORDER_MARK), None, WHOLE),
    _raw("invalid UTF-8", b'{"balance": {"credits": 217, "\xff": 1}}'),
    _fails("top-level list", Fault.TOP_LEVEL_LIST),
    _raw("top-level number", b"217"),
    _raw("no balance", b'{"credits": 217}'),
    _fails("balance null", Fault.BALANCE_NULL),
    _fails("balance a list", Fault.BALANCE_LIST),
    _fails("balance a string", Fault.BALANCE_STRING),
    _raw("balance empty", b'{"balance": {}}', NOTHING),
    _fails("nesting of depth 100,000", Fault.DEEP_NESTING),
    _fails("100,000 keys", Fault.MANY_KEYS),
    Row("1,000 keys", Injection(Fault.MANY_KEYS, count=1000), None, FIRST_32, ignored=970),
    Row("duplicate keys", Injection(Fault.DUPLICATE_KEYS), None, NOTHING, ignored=2),
    Row("keys with quotes, newlines, emoji, 10,000 characters", Injection(Fault.ODD_KEYS), None, WHOLE, ignored=10),
)
VALUES = (
    _value("value a string", Fault.VALUE_STRING),
    _value("value a bool", Fault.VALUE_BOOL),
    _value("value null", Fault.VALUE_NULL),
    _value("value NaN", Fault.VALUE_NAN),
    _value("value Infinity", Fault.VALUE_INFINITY),
    _value("value -Infinity", Fault.VALUE_MINUS_INFINITY),
    _value("value 1e400", Fault.VALUE_OVERFLOW),
    _value("value -1", Fault.VALUE_NEGATIVE),
    _value("value a 400-digit integer", Fault.VALUE_400_DIGITS),
    _number("value a 5,000-digit integer", b"9" * 5000),
    _value("value an object", Fault.VALUE_NESTED),
    _number("value a list", b"[217]"),
)
STATUSES = (
    _status(400, Reason.CLIENT_ERROR),
    _status(401, Reason.AUTH, _SLOW_END),
    _status(402, Reason.PAYMENT_REQUIRED),
    _status(403, Reason.AUTH, _SLOW_END),
    _status(404, Reason.CLIENT_ERROR),
    _status(418, Reason.CLIENT_ERROR),
    _status(429, Reason.RATE_LIMITED),
    _retry(429, "in seconds (600)", "600", Reason.RATE_LIMITED, (10 * MINUTE, 10 * MINUTE)),
    _retry(429, "as a date, 20 minutes ahead", "{in_20_minutes}", Reason.RATE_LIMITED, (20 * MINUTE, 20 * MINUTE)),
    _retry(429, "negative", "-5", Reason.RATE_LIMITED),
    _retry(429, "absurd (10^12 s)", "1000000000000", Reason.RATE_LIMITED, (HOUR, HOUR)),
    _retry(429, "garbage", "soon, promise", Reason.RATE_LIMITED),
    _status(500, Reason.SERVER_ERROR),
    _status(502, Reason.SERVER_ERROR),
    _status(503, Reason.SERVER_ERROR),
    _retry(503, "in seconds (600)", "600", Reason.SERVER_ERROR, (10 * MINUTE, 10 * MINUTE)),
)
GROUPS: Mapping[str, tuple[Row, ...]] = {
    "Below HTTP": TRANSPORT,
    "HTTP": HTTP,
    "Bodies": BODIES,
    "Values": VALUES,
    "Statuses": STATUSES,
}
ROWS = tuple(row for rows in GROUPS.values() for row in rows)
