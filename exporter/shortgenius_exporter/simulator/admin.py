"""What can be done to a running simulator, by name: in process or as ``POST /admin/ACTION`` with a JSON object."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.simulator.api import Request, SimulatedApi
from shortgenius_exporter.simulator.faults import Fault, Injection
from shortgenius_exporter.simulator.plan import RateLimit
from shortgenius_exporter.simulator.scripts import answer, response

ADMIN_PATH = "/admin/"
_READS = frozenset({"accounts", "books", "events"})


def act(api: SimulatedApi, action: str, arguments: Mapping[str, Any]) -> Any:
    """Carries out ``action`` and returns what it says, ready for JSON; raises ``ValueError`` in plain words."""
    if action not in _ACTIONS:
        raise ValueError(f"no action {action!r}; there are {', '.join(_ACTIONS)}")
    perform = _ACTIONS[action]
    try:
        inspect.signature(perform).bind(api, **arguments)
    except TypeError as error:
        raise ValueError(f"{action}: {error}") from None
    with api.lock:
        api.world.advance(api.clock.now())
        try:
            return perform(api, **arguments)
        except KeyError as error:
            raise ValueError(f"{action}: no account or credit type {error}") from None
        except TypeError as error:
            raise ValueError(f"{action}: an argument has the wrong type: {error}") from None


def admin_answer(api: SimulatedApi, request: Request) -> bytes:
    """The HTTP side of :func:`act`: 400 with a message where it refuses, 405 for a change by ``GET``."""
    action = request.path.removeprefix(ADMIN_PATH)
    if request.method != "POST" and not (request.method == "GET" and action in _READS):
        return _message(405, f"use POST /admin/{action}")
    try:
        return answer(act(api, action, _arguments(request)))
    except ValueError as error:
        return _message(400, str(error))


def _arguments(request: Request) -> dict[str, Any]:
    if request.method == "GET":
        return dict(parse_qsl(urlsplit(request.target).query))
    document = json.loads(request.body or b"{}")
    if not isinstance(document, dict):
        raise ValueError("the body is to be a JSON object of arguments")
    return document


def _message(status: int, message: str) -> bytes:
    return response(status, json.dumps({"message": message}).encode())


def _accounts(api: SimulatedApi) -> list[dict[str, Any]]:
    return [
        {
            "account": name,
            "balance": api.world.balances(name),
            "revoked": api.world.is_revoked(name),
            "fault": injection.fault if (injection := api.injection(name)) else None,
            "requests": api.traffic.requests(name),
        }
        for name in api.world.accounts
    ]


def _books(api: SimulatedApi, account: str) -> dict[str, Any]:
    return {credit_type: asdict(books) for credit_type, books in api.world.books(account).items()}


def _events(api: SimulatedApi, account: str) -> list[dict[str, Any]]:
    return [event._asdict() for event in api.world.events(account)]


def _fault(
    api: SimulatedApi, fault: str, account: str | None = None, body: str | bytes = b"", **particulars: Any
) -> None:
    raw = body.encode() if isinstance(body, str) else body
    api.inject(Injection(Fault(fault), body=raw, **particulars), account)


def _clear(api: SimulatedApi, account: str | None = None) -> None:
    api.clear(account)


def _rotate(api: SimulatedApi, account: str, key: str) -> None:
    api.world.rotate(account, Secret(key))


def _rate_limit(api: SimulatedApi, account: str, requests: int | None = None, seconds: float = 60) -> None:
    api.limits.pop(api.world.accounts[account].name, None)
    if requests is not None:
        api.limits[account] = RateLimit(requests, seconds)


def _jump(api: SimulatedApi, seconds: float) -> None:
    if seconds < 0:
        raise ValueError("time does not go back")
    api.clock.jump(seconds)


def _top_up(api: SimulatedApi, account: str, credit_type: str, amount: int) -> None:
    api.world.top_up(account, credit_type, amount)


def _refund(api: SimulatedApi, account: str, credit_type: str, amount: int) -> None:
    api.world.refund(account, credit_type, amount)


def _spend(api: SimulatedApi, account: str, credit_type: str, amount: int) -> None:
    api.world.spend(account, credit_type, amount)


def _drain(api: SimulatedApi, account: str, credit_type: str, to: int = 0) -> None:
    api.world.drain(account, credit_type, to)


def _hide(api: SimulatedApi, account: str, credit_types: list[str]) -> None:
    api.world.hide(account, credit_types)


def _revoke(api: SimulatedApi, account: str) -> None:
    api.world.revoke(account)


def _restore(api: SimulatedApi, account: str) -> None:
    api.world.restore(account)


def _renew(api: SimulatedApi, account: str) -> None:
    api.world.renew(account)


_ACTIONS: Mapping[str, Callable[..., Any]] = {
    "accounts": _accounts,
    "books": _books,
    "events": _events,
    "fault": _fault,
    "clear": _clear,
    "revoke": _revoke,
    "restore": _restore,
    "renew": _renew,
    "rotate": _rotate,
    "top_up": _top_up,
    "refund": _refund,
    "spend": _spend,
    "drain": _drain,
    "hide": _hide,
    "rate_limit": _rate_limit,
    "jump": _jump,
}
