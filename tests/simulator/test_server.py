from __future__ import annotations

import http.client
import json
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from shortgenius_exporter.simulator.faults import Fault, Injection
from shortgenius_exporter.simulator.server import SimulatorServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shortgenius_exporter.simulator.clock import SimulatedClock
    from shortgenius_exporter.simulator.model import World


class Client:
    """One kept-alive connection."""

    def __init__(self, server: SimulatorServer) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)

    def get(self, path: str, key: str = "sk-one") -> tuple[int, Any]:
        return self.request("GET", path, None, {"Authorization": f"Bearer {key}"})

    def post(self, path: str, document: object) -> tuple[int, Any]:
        return self.request("POST", path, json.dumps(document), {})

    def request(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> tuple[int, Any]:
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        return response.status, json.loads(response.read())

    def balance(self, key: str = "sk-one") -> Any:
        status, document = self.get("/api/v1/credits", key)
        assert status == 200
        return document["balance"]


@pytest.fixture
def client(server: SimulatorServer) -> Iterator[Client]:
    client = Client(server)
    yield client
    client.connection.close()


def test_one_connection_carries_many_requests(server: SimulatorServer, client: Client) -> None:
    for key in ("sk-one", "sk-two", "sk-one", "sk-nobody"):
        client.get("/api/v1/credits", key)
    assert [server.requests(name) for name in ("one", "two", "four", None)] == [2, 1, 0, 1]
    assert [server.connections(name) for name in ("one", "two", "four", None)] == [1, 1, 0, 1]
    assert server.open_connections == 1


def test_arrivals_are_in_real_time(server: SimulatorServer, clock: SimulatedClock, client: Client) -> None:
    before = clock.real()
    client.balance()
    client.balance()
    first, second = server.arrivals("one")
    assert before <= first <= second <= clock.real()


def test_pipelined_requests_are_answered_in_order(server: SimulatorServer) -> None:
    request = b"GET /api/v1/credits HTTP/1.1\r\nAuthorization: Bearer sk-%s\r\n%s\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request % (b"one", b"") + request % (b"two", b"Connection: close\r\n"))
        answers = connection.makefile("rb").read()
    assert answers.index(b'{"credits": 50}') < answers.index(b'{"credits": 100, ')


@pytest.mark.parametrize("nonsense", [b"\x16\x03\x01\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"])
def test_a_client_that_speaks_no_http_is_dropped(server: SimulatorServer, nonsense: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(nonsense)
        assert connection.recv(1) == b""


def test_unknown_paths_and_methods_are_refused(client: Client) -> None:
    assert client.get("/api/v1/videos") == (404, {"message": "Not Found"})
    refused = client.request("DELETE", "/api/v1/credits", None, {"Authorization": "Bearer sk-one"})
    assert refused == (405, {"message": "Method Not Allowed"})


def test_a_fault_meets_its_account_alone_until_cleared(server: SimulatorServer, client: Client) -> None:
    server.inject(Fault.STATUS_503, "one", "two")
    assert [client.get("/api/v1/credits", f"sk-{name}")[0] for name in ("one", "two", "four")] == [503, 503, 200]
    server.clear("one")
    assert [client.get("/api/v1/credits", f"sk-{name}")[0] for name in ("one", "two", "four")] == [200, 503, 200]


def test_an_accounts_own_fault_goes_before_everybodys(server: SimulatorServer, client: Client) -> None:
    server.inject(Fault.STATUS_503)
    server.inject(Fault.STATUS_402, "one")
    assert [client.get("/api/v1/credits", f"sk-{name}")[0] for name in ("one", "two", "nobody")] == [402, 503, 503]


def test_admin_moves_the_books(client: Client) -> None:
    for action, arguments in [
        ("top_up", {"credit_type": "credits", "amount": 30}),
        ("refund", {"credit_type": "credits", "amount": 5}),
        ("spend", {"credit_type": "credits", "amount": 15}),
        ("drain", {"credit_type": "credits", "to": 2}),
        ("renew", {}),
    ]:
        assert client.post(f"/admin/{action}", {"account": "one", **arguments}) == (200, None)
    books = {"opening": 50, "balance": 50, "spent": 83, "granted": 83, "expired": 0}
    assert client.get("/admin/books?account=one") == (200, {"credits": books})
    assert client.balance() == {"credits": 50}


def test_admin_sets_and_clears_faults(client: Client) -> None:
    assert client.post("/admin/fault", {"fault": "status_402", "account": "one"}) == (200, None)
    assert client.get("/api/v1/credits")[0] == 402
    assert client.post("/admin/clear", {"account": "one"}) == (200, None)
    assert client.balance() == {"credits": 50}


def test_admin_revokes_restores_and_rotates_keys(client: Client) -> None:
    client.post("/admin/revoke", {"account": "one"})
    assert client.get("/api/v1/credits")[0] == 401
    client.post("/admin/restore", {"account": "one"})
    assert client.get("/api/v1/credits")[0] == 200
    client.post("/admin/rotate", {"account": "one", "key": "sk-new"})
    assert client.get("/api/v1/credits")[0] == 401
    assert client.balance("sk-new") == {"credits": 50}


def test_admin_hides_credit_types(client: Client) -> None:
    client.post("/admin/hide", {"account": "two", "credit_types": ["high_quality_video_credits"]})
    assert client.balance("sk-two") == {"credits": 100}


def test_admin_moves_time(client: Client) -> None:
    client.post("/admin/jump", {"seconds": 6 * 3_600})
    assert client.balance() == {"credits": 44}


def test_admin_lists_accounts_and_events_without_keys(server: SimulatorServer, client: Client) -> None:
    client.post("/admin/spend", {"account": "one", "credit_type": "credits", "amount": 1})
    status, accounts = client.get("/admin/accounts")
    assert status == 200
    assert accounts[2] == {
        "account": "one",
        "balance": {"credits": 49},
        "revoked": False,
        "fault": None,
        "requests": 0,
    }
    event = {"time": server.api.world.now, "credit_type": "credits", "delta": -1, "kind": "spend"}
    assert client.get("/admin/events?account=one") == (200, [event])
    assert "sk-" not in json.dumps(accounts)


@pytest.mark.parametrize(
    ("action", "arguments", "message"),
    [
        ("revoke", {"account": "nobody"}, "revoke: no account or credit type 'nobody'"),
        (
            "spend",
            {"account": "one", "credit_type": "gems", "amount": 1},
            "spend: no account or credit type 'gems'",
        ),
        ("drain", {"account": "one"}, "drain: missing a required argument: 'credit_type'"),
        ("fault", {"fault": "sleepy"}, "'sleepy' is not a valid Fault"),
        (
            "fault",
            {"fault": "connect_hang", "account": "one"},
            "connect_hang comes before the key is known: set it for all accounts",
        ),
        ("rotate", {"account": "one", "key": "sk-two"}, "another account has this key"),
        ("jump", {"seconds": -1}, "time does not go back"),
        ("top_up", [], "the body is to be a JSON object of arguments"),
    ],
)
def test_admin_says_what_it_refuses(client: Client, action: str, arguments: object, message: str) -> None:
    assert client.post(f"/admin/{action}", arguments) == (400, {"message": message})


def test_admin_names_its_actions(client: Client) -> None:
    status, document = client.post("/admin/explode", {})
    assert status == 400
    assert document["message"].startswith("no action 'explode'; there are accounts, books, events, fault, ")


def test_admin_changes_nothing_by_get(client: Client) -> None:
    assert client.get("/admin/revoke?account=one") == (405, {"message": "use POST /admin/revoke"})
    assert client.balance() == {"credits": 50}


def test_waiting_for_requests_that_never_come_fails(server: SimulatorServer) -> None:
    with pytest.raises(TimeoutError, match=r"one made 0 of 1 requests within 0\.01 s"):
        server.wait_for_requests("one", 1, timeout=0.01)


@pytest.mark.parametrize(
    "injection",
    [
        Injection(Fault.CONNECT_HANG),
        Injection(Fault.HANG),
        Injection(Fault.SLOW, delay=60),
        Injection(Fault.DRIP_BODY, delay=60),
        Injection(Fault.ENDLESS_BODY),
        None,
    ],
    ids=lambda injection: injection.fault.value if injection else "idle",
)
def test_close_ends_every_connection_and_thread_at_once(
    world: World, clock: SimulatedClock, injection: Injection | None
) -> None:
    before = set(threading.enumerate())
    server = SimulatorServer(world, clock)
    server.start()
    if injection:
        server.inject(injection)
    clients = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(5)]
    for connection in clients:
        connection.sendall(b"GET /api/v1/credits HTTP/1.1\r\n\r\n")
    if injection is None or injection.fault is not Fault.CONNECT_HANG:
        server.wait_for_requests(None, 5)
    began = clock.real()
    server.close()
    assert clock.real() - began < 1.0
    assert set(threading.enumerate()) <= before
    assert server.open_connections == 0
    for connection in clients:
        connection.close()


def test_a_client_that_gives_up_frees_its_thread(server: SimulatorServer) -> None:
    server.inject(Fault.HANG)
    before = set(threading.enumerate())
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"GET /api/v1/credits HTTP/1.1\r\n\r\n")
        server.wait_for_requests(None, 1)
        hanging = set(threading.enumerate()) - before
    for thread in hanging:
        thread.join(10)
    assert [thread.is_alive() for thread in hanging] == [False]


def test_the_listening_port_is_free_after_close(world: World, clock: SimulatedClock) -> None:
    with SimulatorServer(world, clock) as server:
        port = server.port
    with SimulatorServer(world, clock, port=port) as server:
        assert server.base_url == f"http://127.0.0.1:{port}/api/v1"


def test_prints_nothing(server: SimulatorServer, client: Client, capfd: pytest.CaptureFixture[str]) -> None:
    client.balance()
    server.inject(Fault.RESET, "one")
    with pytest.raises(ConnectionResetError):
        client.balance()
    assert capfd.readouterr() == ("", "")
