"""The exception tree: one class for each reason."""

from __future__ import annotations

import http.client
import ssl
from inspect import getmembers, isclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortgenius_exporter.api import errors
from shortgenius_exporter.api.errors import (
    ApiError,
    ConnectionFailedError,
    DeadlineError,
    InvalidResponseError,
    TlsError,
    error_for_status,
)
from shortgenius_exporter.api.failures import causes, error_for_failure
from shortgenius_exporter.core.reason import Reason

CLASSES = [kind for _, kind in getmembers(errors, isclass) if issubclass(kind, ApiError) and kind is not ApiError]


def test_every_reason_of_the_network_is_the_meaning_of_exactly_one_class() -> None:
    assert sorted(kind.reason for kind in CLASSES) == sorted(set(Reason) - {Reason.INTERNAL})


def test_the_tree_in_the_documentation_is_the_tree_in_the_code() -> None:
    drawn = errors.__doc__ or ""
    for kind in CLASSES:
        assert f" {kind.__name__} " in drawn
        assert f"``{kind.reason}``" in drawn


def test_only_the_root_has_no_reason() -> None:
    assert not hasattr(ApiError, "reason")


@pytest.mark.parametrize(
    ("status", "reason", "message"),
    [
        (401, Reason.AUTH, "401 Unauthorized: the key was rejected"),
        (403, Reason.AUTH, "403 Forbidden: the key may not read the balances"),
        (
            402,
            Reason.PAYMENT_REQUIRED,
            "402 Payment Required: the account has to be paid for before the API answers",
        ),
        (429, Reason.RATE_LIMITED, "429 Too Many Requests: too many requests"),
        (400, Reason.CLIENT_ERROR, "400 Bad Request: the request was refused"),
        (404, Reason.CLIENT_ERROR, "404 Not Found: nothing there: is base_url right?"),
        (499, Reason.CLIENT_ERROR, "499: the request was refused"),
        (500, Reason.SERVER_ERROR, "500 Internal Server Error: the API failed"),
        (503, Reason.SERVER_ERROR, "503 Service Unavailable: the API failed"),
        (599, Reason.SERVER_ERROR, "599: the API failed"),
        (301, Reason.REDIRECT, "301 Moved Permanently: redirects are not followed: is base_url right?"),
        (304, Reason.REDIRECT, "304 Not Modified: redirects are not followed: is base_url right?"),
        (201, Reason.INVALID_RESPONSE, "201 Created: only a 200 can carry balances"),
        (204, Reason.INVALID_RESPONSE, "204 No Content: only a 200 can carry balances"),
        (103, Reason.INVALID_RESPONSE, "103 Early Hints: only a 200 can carry balances"),
        (600, Reason.INVALID_RESPONSE, "600: only a 200 can carry balances"),
        (999, Reason.INVALID_RESPONSE, "999: only a 200 can carry balances"),
    ],
)
def test_a_status_has_one_reason(status: int, reason: Reason, message: str) -> None:
    error = error_for_status(status, retry_after=None)
    assert (error.reason, str(error), error.retry_after) == (reason, message, None)


@given(st.integers(min_value=100, max_value=999).filter(lambda status: status != 200), st.floats(min_value=0))
def test_every_status_is_an_error_with_the_wait_that_was_asked_for(status: int, retry_after: float) -> None:
    error = error_for_status(status, retry_after)
    assert error.reason is not Reason.INTERNAL
    assert str(error).startswith(str(status))
    assert error.retry_after == retry_after


def test_the_cause_inside_decides_and_not_its_wrapping() -> None:
    certificate = ssl.SSLCertVerificationError("bad")
    certificate.verify_message = "certificate has expired"
    try:
        raise OSError("wrapped", ValueError(certificate)) from KeyError()
    except OSError as wrapped:
        error = error_for_failure(wrapped, "example.com")
    assert isinstance(error, TlsError)
    assert str(error) == "the certificate of example.com is not valid here: certificate has expired"


@pytest.mark.parametrize(
    ("failure", "kind", "message"),
    [
        (ConnectionRefusedError(), ConnectionFailedError, "example.com refused the connection"),
        (ConnectionResetError(), ConnectionFailedError, "example.com closed the connection"),
        (BrokenPipeError(), ConnectionFailedError, "example.com closed the connection"),
        (TimeoutError(), DeadlineError, "example.com took too long"),
        (ssl.SSLEOFError(), TlsError, "no TLS connection to example.com could be agreed on"),
        (http.client.BadStatusLine(""), InvalidResponseError, "what example.com sent is not valid HTTP"),
        (
            http.client.IncompleteRead(b""),
            ConnectionFailedError,
            "example.com closed the connection inside its answer",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_failure_of_the_network_has_its_class_and_words(
    failure: Exception, kind: type[ApiError], message: str
) -> None:
    error = error_for_failure(failure, "example.com")
    assert (type(error), str(error)) == (kind, message)


def test_a_cause_counts_that_was_being_handled_when_another_error_came() -> None:
    try:
        try:
            raise ConnectionRefusedError
        except ConnectionRefusedError:
            raise OSError("while that was tidied up")  # noqa: B904 - as careless libraries do
    except OSError as found:
        error = error_for_failure(found, "example.com")
    assert str(error) == "example.com refused the connection"


def test_a_failure_of_no_known_kind_is_a_failed_connection() -> None:
    error = error_for_failure(OSError("sk-1"), "example.com")
    assert isinstance(error, ConnectionFailedError)
    assert str(error) == "the connection to example.com failed"


def test_causes_that_name_each_other_end() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert list(causes(one)) == [one, other]
