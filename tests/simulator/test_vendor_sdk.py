"""The vendor's own client is the judge of what the simulator answers."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import shortgenius
import trustme
from shortgenius import Shortgenius

from pki import server_context
from shortgenius_exporter.simulator.faults import Fault, Injection
from shortgenius_exporter.simulator.server import SimulatorServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from shortgenius_exporter.simulator.clock import SimulatedClock
    from shortgenius_exporter.simulator.model import World


def ask(server: SimulatorServer, key: str, **options: Any) -> Any:
    with Shortgenius(api_key=key, base_url=server.base_url, max_retries=0, **options) as client:
        return client.credits.list()


@pytest.mark.parametrize(
    ("account", "balance"),
    [
        (
            "four",
            {
                "credits": 217,
                "animated_video_credits": 3,
                "high_quality_video_credits": 5,
                "image_credits": 40,
            },
        ),
        ("two", {"credits": 100, "high_quality_video_credits": 7}),
        ("one", {"credits": 50}),
    ],
)
def test_reads_every_generation_of_the_balance(server: SimulatorServer, account: str, balance: dict[str, int]) -> None:
    assert ask(server, f"sk-{account}").balance.model_dump(exclude_unset=True) == balance


def test_health_is_ok_for_a_known_key_only(server: SimulatorServer) -> None:
    with Shortgenius(api_key="sk-one", base_url=server.base_url, max_retries=0) as client:
        assert client.health.check().status == "ok"
    with (
        Shortgenius(api_key="sk-nobody", base_url=server.base_url, max_retries=0) as client,
        pytest.raises(shortgenius.AuthenticationError),
    ):
        client.health.check()


def nothing(_server: SimulatorServer) -> None:
    """The key alone is at fault."""


@pytest.mark.parametrize(
    ("key", "prepare"),
    [("sk-nobody", nothing), ("sk-one", lambda server: server.admin("revoke", account="one"))],
    ids=["unknown key", "revoked key"],
)
def test_a_refused_key_is_an_authentication_error(
    server: SimulatorServer, key: str, prepare: Callable[[SimulatorServer], None]
) -> None:
    prepare(server)
    with pytest.raises(shortgenius.AuthenticationError) as raised:
        ask(server, key)
    assert raised.value.body == {"message": "Unauthorized"}


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        (Fault.STATUS_400, shortgenius.BadRequestError, "Bad Request"),
        (Fault.STATUS_401, shortgenius.AuthenticationError, "Unauthorized"),
        (Fault.STATUS_402, shortgenius.APIStatusError, "Payment Required"),
        (Fault.STATUS_403, shortgenius.PermissionDeniedError, "Forbidden"),
        (Fault.STATUS_404, shortgenius.NotFoundError, "Not Found"),
        (Fault.STATUS_418, shortgenius.APIStatusError, "I'm a Teapot"),
        (Fault.STATUS_429, shortgenius.RateLimitError, "Too Many Requests"),
        (Fault.STATUS_500, shortgenius.InternalServerError, "Internal Server Error"),
        (Fault.STATUS_502, shortgenius.InternalServerError, "Bad Gateway"),
        (Fault.STATUS_503, shortgenius.InternalServerError, "Service Unavailable"),
    ],
)
def test_every_status_is_the_error_it_is_documented_to_be(
    server: SimulatorServer, fault: Fault, error: type[shortgenius.APIStatusError], message: str
) -> None:
    server.inject(fault, "one")
    with pytest.raises(error) as raised:
        ask(server, "sk-one")
    assert raised.value.status_code == int(fault.removeprefix("status_"))
    assert raised.value.body == {"message": message}


@pytest.mark.parametrize("fault", [Fault.CONNECT_CLOSE, Fault.CLOSE, Fault.RESET, Fault.RESET_BODY, Fault.NOT_HTTP])
def test_a_broken_connection_is_a_connection_error(server: SimulatorServer, fault: Fault) -> None:
    server.inject(fault)
    with pytest.raises(shortgenius.APIConnectionError):
        ask(server, "sk-one")


@pytest.mark.parametrize("fault", [Fault.CONNECT_HANG, Fault.HANG])
def test_silence_is_a_timeout(server: SimulatorServer, fault: Fault) -> None:
    server.inject(fault)
    with pytest.raises(shortgenius.APITimeoutError):
        ask(server, "sk-one", timeout=0.1)


def test_a_slow_answer_is_right_in_the_end(server: SimulatorServer) -> None:
    server.inject(Injection(Fault.SLOW, delay=0.15), "one")
    with pytest.raises(shortgenius.APITimeoutError):
        ask(server, "sk-one", timeout=0.05)
    assert ask(server, "sk-one", timeout=10).balance.credits == 50


def test_a_rate_limit_says_when_to_come_back(server: SimulatorServer) -> None:
    server.admin("rate_limit", account="one", requests=2, seconds=30)
    ask(server, "sk-one")
    ask(server, "sk-one")
    with pytest.raises(shortgenius.RateLimitError) as raised:
        ask(server, "sk-one")
    assert 28 <= int(raised.value.response.headers["Retry-After"]) <= 30
    assert ask(server, "sk-two").balance.credits == 100


def test_speaks_tls(world: World, clock: SimulatedClock) -> None:
    authority = trustme.CA()
    context = server_context(authority, "127.0.0.1")
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with SimulatorServer(world, clock, ssl_context=context) as server:
        with httpx.Client(verify=trusting) as http:
            assert ask(server, "sk-one", http_client=http).balance.credits == 50
        with pytest.raises(shortgenius.APIConnectionError, match="Connection error"):
            ask(server, "sk-one")
