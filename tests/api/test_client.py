"""What the client sends, and what it makes of complete HTTP answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import version

import pytest
import responses

from shortgenius_exporter.api.client import MAX_BODY_BYTES, Client, prepare
from shortgenius_exporter.api.errors import ApiError, InvalidResponseError
from shortgenius_exporter.api.tls import TlsContexts
from shortgenius_exporter.core.account import Account
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.core.secret import Secret

KEY = Secret("sk-very-secret-0001")
URL = "https://shortgenius.com/api/v1/credits"
NOW = 1_768_478_400.0  # 2026-01-15T12:00:00Z
REQUEST = prepare(Account("studio", KEY), KEY)


@pytest.fixture
def client() -> Iterator[Client]:
    with closing(Client(TlsContexts(), wall=lambda: NOW)) as client:
        yield client


@pytest.fixture
def api() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as api:
        yield api


def failure(client: Client) -> ApiError:
    with pytest.raises(ApiError) as raised:
        client.fetch(REQUEST)
    return raised.value


def test_an_answer_is_a_balance(client: Client, api: responses.RequestsMock) -> None:
    api.get(URL, json={"balance": {"credits": 217, "image_credits": None}})
    assert client.fetch(REQUEST) == Balance({"credits": 217.0}, ignored=1)


def test_the_request_says_who_asks_and_for_what_and_no_more(client: Client, api: responses.RequestsMock) -> None:
    api.get(URL, json={"balance": {}})
    client.fetch(REQUEST)
    sent = api.calls[0].request
    assert (sent.method, sent.url, sent.body) == ("GET", URL, None)
    assert dict(sent.headers) == {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Authorization": "Bearer sk-very-secret-0001",
        "User-Agent": f"shortgenius-exporter/{version('shortgenius-exporter')}",
    }


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://api.shortgenius.com/v1", "https://api.shortgenius.com/v1/credits"),
        ("https://api.shortgenius.com/v1/", "https://api.shortgenius.com/v1/credits"),
        ("http://[::1]:8080", "http://[::1]:8080/credits"),
    ],
)
def test_the_url_is_the_base_url_and_credits(base_url: str, url: str) -> None:
    assert prepare(Account("studio", KEY, base_url=base_url), KEY).prepared.url == url


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (201, Reason.INVALID_RESPONSE),
        (400, Reason.CLIENT_ERROR),
        (401, Reason.AUTH),
        (402, Reason.PAYMENT_REQUIRED),
        (403, Reason.AUTH),
        (404, Reason.CLIENT_ERROR),
        (429, Reason.RATE_LIMITED),
        (500, Reason.SERVER_ERROR),
        (502, Reason.SERVER_ERROR),
    ],
)
def test_a_status_other_than_200_is_a_failure_whatever_its_body_says(
    client: Client, api: responses.RequestsMock, status: int, reason: Reason
) -> None:
    api.get(URL, json={"balance": {"credits": 217}}, status=status)
    assert failure(client).reason is reason


def test_a_204_has_no_body_and_so_no_balance(client: Client, api: responses.RequestsMock) -> None:
    api.get(URL, status=204)
    assert failure(client).reason is Reason.INVALID_RESPONSE


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_never_followed(client: Client, api: responses.RequestsMock, status: int) -> None:
    api.get(URL, status=status, headers={"Location": "https://elsewhere.example/credits"})
    assert failure(client).reason is Reason.REDIRECT
    assert [call.request.url for call in api.calls] == [URL]


@pytest.mark.parametrize(
    ("header", "seconds"), [("30", 30.0), ("Thu, 15 Jan 2026 12:00:20 GMT", 20.0), ("soon", None), (None, None)]
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_failure_tells_how_long_the_api_asked_to_wait(
    client: Client, api: responses.RequestsMock, status: int, header: str | None, seconds: float | None
) -> None:
    api.get(URL, status=status, headers={} if header is None else {"Retry-After": header})
    assert failure(client).retry_after == seconds


def test_a_body_that_quotes_the_key_is_not_quoted(client: Client, api: responses.RequestsMock) -> None:
    api.get(URL, status=401, json={"message": "sk-very-secret-0001 is revoked"})
    assert str(failure(client)) == "401 Unauthorized: the key was rejected"


def test_a_body_of_64_kib_is_read_whole(client: Client, api: responses.RequestsMock) -> None:
    api.get(URL, body=b'{"balance": {"credits": 1}}'.ljust(MAX_BODY_BYTES))
    assert client.fetch(REQUEST) == Balance({"credits": 1.0})


def test_a_body_larger_than_64_kib_is_invalid(client: Client, api: responses.RequestsMock) -> None:
    api.get(URL, body=b'{"balance": {"credits": 1}}'.ljust(MAX_BODY_BYTES + 1))
    error = failure(client)
    assert isinstance(error, InvalidResponseError)
    assert str(error) == "the answer is larger than 64 KiB"


def test_the_balance_counts_whatever_content_type_it_claims(client: Client, api: responses.RequestsMock) -> None:
    api.get(URL, body='{"balance": {"credits": 1}}', content_type="text/html")
    assert client.fetch(REQUEST) == Balance({"credits": 1.0})


def test_a_request_shows_neither_the_key_nor_the_proxy() -> None:
    request = prepare(Account("studio", KEY, proxy_url=Secret("http://user:sk-proxy@127.0.0.1:3128")), KEY)
    assert "sk-" not in repr(request)
