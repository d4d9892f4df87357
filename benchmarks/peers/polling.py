"""Polls accounts one after the other in a loop, the ways a user might write it, and prints what one poll costs.

``python -m benchmarks.peers.polling WAY BASE_URL CA_FILE COUNT RATE`` prints the CPU seconds of one poll. RATE is in
polls a second, 0 for as fast as can be: a poll among others costs less than one a while after the last.
"""

from __future__ import annotations

import json
import ssl
import sys
import time
from collections.abc import Callable

ACCOUNTS = 10_000
_WARM_UP = 20

Poll = Callable[[int], float]


def sdk(base_url: str, ca_file: str) -> Poll:
    """The vendor's own client. It wants one per key; one for all, over one connection, is the cheapest way."""
    import httpx  # noqa: PLC0415 - each way pays for its own imports, in its own process
    from shortgenius import Shortgenius  # noqa: PLC0415

    context = ssl.create_default_context(cafile=ca_file)
    client = Shortgenius(api_key="none", base_url=base_url, http_client=httpx.Client(verify=context))

    def poll(number: int) -> float:
        headers = {"Authorization": f"Bearer sk-{number:05}"}
        return client.credits.list(extra_headers=headers).balance.credits

    return poll


def bare(base_url: str, ca_file: str) -> Poll:
    """A prepared request per account on one ``requests`` session: about the least that ``requests`` can cost."""
    import requests  # noqa: PLC0415

    session = requests.Session()
    session.trust_env = False
    prepared = [
        session.prepare_request(
            requests.Request("GET", f"{base_url}/credits", headers={"Authorization": f"Bearer sk-{number:05}"})
        )
        for number in range(ACCOUNTS)
    ]

    def poll(number: int) -> float:
        answer = session.send(prepared[number], verify=ca_file, timeout=10)
        return float(json.loads(answer.content)["balance"]["credits"])

    return poll


def adapter(base_url: str, ca_file: str) -> Poll:
    """The same sent through the session's adapter, without the session's cookies, hooks and redirects."""
    import requests  # noqa: PLC0415

    session = requests.Session()
    prepared = [
        session.prepare_request(
            requests.Request("GET", f"{base_url}/credits", headers={"Authorization": f"Bearer sk-{number:05}"})
        )
        for number in range(ACCOUNTS)
    ]
    sender = session.get_adapter(base_url)

    def poll(number: int) -> float:
        answer = sender.send(prepared[number], verify=ca_file, timeout=10)
        return float(json.loads(answer.content)["balance"]["credits"])

    return poll


def straightforward(base_url: str, ca_file: str) -> Poll:
    """What one writes in an afternoon: ``requests.get`` and a labelled gauge."""
    import requests  # noqa: PLC0415
    from prometheus_client import Gauge  # noqa: PLC0415

    balance = Gauge("shortgenius_balance_credits", "Last reported balance.", ["account", "credit_type"])
    up = Gauge("shortgenius_up", "Whether the last poll succeeded.", ["account"])

    def poll(number: int) -> float:
        name, headers = f"studio-{number:05}", {"Authorization": f"Bearer sk-{number:05}"}
        answer = requests.get(f"{base_url}/credits", headers=headers, verify=ca_file, timeout=10)
        answer.raise_for_status()
        found = answer.json()["balance"]
        for credit_type, credits in found.items():
            balance.labels(name, credit_type).set(credits)
        up.labels(name).set(1)
        return float(found["credits"])

    return poll


WAYS = {way.__name__: way for way in (sdk, bare, adapter, straightforward)}


def main(way: str, base_url: str, ca_file: str, count: str, rate: str) -> None:
    poll = WAYS[way](base_url, ca_file)
    for number in range(_WARM_UP):
        poll(number)
    pause = 1 / float(rate) if float(rate) else 0.0
    started, began = time.monotonic(), time.process_time()
    for number in range(int(count)):
        poll(number % ACCOUNTS)
        if pause:
            time.sleep(max(started + (number + 1) * pause - time.monotonic(), 0))
    print((time.process_time() - began) / int(count))


if __name__ == "__main__":
    main(*sys.argv[1:])
