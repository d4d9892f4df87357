"""Everything that can go wrong with one request.

ApiError
 ├── AuthError               401, 403              reason ``auth``
 ├── PaymentRequiredError    402                   reason ``payment_required``
 ├── RateLimitedError        429                   reason ``rate_limited``
 ├── ClientError             other 4xx             reason ``client_error``
 ├── ServerError             5xx                   reason ``server_error``
 ├── RedirectError           3xx, never followed   reason ``redirect``
 ├── DeadlineError           the total time is up  reason ``timeout``
 ├── ConnectionFailedError   DNS, TCP, proxy, cut  reason ``connection``
 ├── TlsError                certificate, protocol reason ``tls``
 └── InvalidResponseError    not the documented JSON, reason ``invalid_response``

Messages are our own words and never quote the upstream, which could echo the key.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar

from shortgenius_exporter.core.reason import Reason


class ApiError(Exception):
    """A request without a usable answer; ``retry_after`` is the seconds the upstream asked to wait, if it did."""

    reason: ClassVar[Reason]

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class AuthError(ApiError):
    reason = Reason.AUTH


class PaymentRequiredError(ApiError):
    reason = Reason.PAYMENT_REQUIRED


class RateLimitedError(ApiError):
    reason = Reason.RATE_LIMITED


class ClientError(ApiError):
    reason = Reason.CLIENT_ERROR


class ServerError(ApiError):
    reason = Reason.SERVER_ERROR


class RedirectError(ApiError):
    reason = Reason.REDIRECT


class DeadlineError(ApiError):
    reason = Reason.TIMEOUT


class ConnectionFailedError(ApiError):
    reason = Reason.CONNECTION


class TlsError(ApiError):
    reason = Reason.TLS


class InvalidResponseError(ApiError):
    reason = Reason.INVALID_RESPONSE


_BY_STATUS: dict[int, tuple[type[ApiError], str]] = {
    401: (AuthError, "the key was rejected"),
    402: (PaymentRequiredError, "the account has to be paid for before the API answers"),
    403: (AuthError, "the key may not read the balances"),
    404: (ClientError, "nothing there: is base_url right?"),
    429: (RateLimitedError, "too many requests"),
}
_BY_CLASS: dict[int, tuple[type[ApiError], str]] = {
    3: (RedirectError, "redirects are not followed: is base_url right?"),
    4: (ClientError, "the request was refused"),
    5: (ServerError, "the API failed"),
}


def error_for_status(status: int, retry_after: float | None) -> ApiError:
    """The exception for an HTTP status other than 200."""
    kind, meaning = _BY_STATUS.get(status) or _BY_CLASS.get(
        status // 100, (InvalidResponseError, "only a 200 can carry balances")
    )
    return kind(f"{_status_line(status)}: {meaning}", retry_after)


def _status_line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
