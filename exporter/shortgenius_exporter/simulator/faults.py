"""What can be wrong with an answer, as data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """A way to answer wrongly. What each sends is the table in ``scripts.py``.

    ``CONNECT_*`` act on a new connection, before TLS and before any byte is read, so they can only be set
    globally. All others act on one request, whose key tells the account.
    """

    CONNECT_HANG = "connect_hang"
    CONNECT_CLOSE = "connect_close"

    HANG = "hang"
    CLOSE = "close"
    RESET = "reset"
    RESET_BODY = "reset_body"
    NOT_HTTP = "not_http"
    SLOW = "slow"
    DRIP_HEADERS = "drip_headers"
    DRIP_INFORMATIONAL = "drip_informational"
    DRIP_BODY = "drip_body"
    ENDLESS_BODY = "endless_body"
    GZIP_BOMB = "gzip_bomb"
    LENGTH_TOO_LONG = "length_too_long"
    LENGTH_TOO_SHORT = "length_too_short"

    RAW_BODY = "raw_body"
    TRUNCATED_JSON = "truncated_json"
    HTML = "html"
    EMPTY = "empty"
    NO_CONTENT = "no_content"
    UTF_16 = "utf_16"
    BYTE_ORDER_MARK = "byte_order_mark"
    TOP_LEVEL_LIST = "top_level_list"
    DEEP_NESTING = "deep_nesting"
    BALANCE_NULL = "balance_null"
    BALANCE_LIST = "balance_list"
    BALANCE_STRING = "balance_string"
    DUPLICATE_KEYS = "duplicate_keys"
    MANY_KEYS = "many_keys"
    ODD_KEYS = "odd_keys"

    VALUE_STRING = "value_string"
    VALUE_BOOL = "value_bool"
    VALUE_NULL = "value_null"
    VALUE_NAN = "value_nan"
    VALUE_INFINITY = "value_infinity"
    VALUE_MINUS_INFINITY = "value_minus_infinity"
    VALUE_OVERFLOW = "value_overflow"
    VALUE_NEGATIVE = "value_negative"
    VALUE_400_DIGITS = "value_400_digits"
    VALUE_NESTED = "value_nested"

    REDIRECT = "redirect"
    STATUS_400 = "status_400"
    STATUS_401 = "status_401"
    STATUS_402 = "status_402"
    STATUS_403 = "status_403"
    STATUS_404 = "status_404"
    STATUS_418 = "status_418"
    STATUS_429 = "status_429"
    STATUS_500 = "status_500"
    STATUS_502 = "status_502"
    STATUS_503 = "status_503"


ON_CONNECT = frozenset({Fault.CONNECT_HANG, Fault.CONNECT_CLOSE})

# What a flaky account meets: the everyday failures of a busy service.
FLAKY = (
    Fault.STATUS_500,
    Fault.STATUS_502,
    Fault.STATUS_503,
    Fault.STATUS_429,
    Fault.RESET_BODY,
    Fault.CLOSE,
    Fault.HTML,
    Fault.TRUNCATED_JSON,
)


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault with its particulars; each fault uses those that concern it.

    ``delay``: seconds before a slow answer, or between two drips. ``retry_after``: that header of the
    ``STATUS_*`` faults, verbatim. ``location``: where a redirect leads. ``body``: what ``RAW_BODY`` answers.
    ``count``: how many keys or levels. ``credit_type``: whose value is bad; the account's first where ``None``.
    """

    fault: Fault
    delay: float = 0.05
    retry_after: str | None = None
    location: str = "http://127.0.0.1:9/"
    body: bytes = b""
    count: int = 100_000
    credit_type: str | None = None
