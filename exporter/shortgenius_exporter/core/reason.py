"""Why a poll failed."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """The values of the ``reason`` label, each the meaning of exactly one API exception class."""

    AUTH = "auth"
    PAYMENT_REQUIRED = "payment_required"
    RATE_LIMITED = "rate_limited"
    CLIENT_ERROR = "client_error"
    SERVER_ERROR = "server_error"
    REDIRECT = "redirect"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    TLS = "tls"
    INVALID_RESPONSE = "invalid_response"
    INTERNAL = "internal"
