"""The servers that the table needs besides the simulator, and each row's account as configuration."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import trustme

from hostile.rows import ALLOWANCE, MINUTE, ROWS, Place
from pki import server_context
from shortgenius_exporter.simulator.faults import Injection
from shortgenius_exporter.simulator.server import SimulatorServer
from simulated import simulated
from upstreams import Script, Upstream, answer, close_at_once, keep_answering, never_read, nobody_listening, serving

HEALTHY = "healthy beside them"


@dataclass(frozen=True)
class Surroundings:
    """``accounts``: the configuration file's; ``elsewhere``: where a redirect leads and no key may come."""

    simulator: SimulatorServer
    elsewhere: Upstream
    accounts: tuple[dict[str, str], ...]


@contextmanager
def surroundings(folder: Path) -> Iterator[Surroundings]:
    with ExitStack() as stack:
        names = [HEALTHY, *(row.what for row in ROWS)]
        simulator = stack.enter_context(simulated(dict.fromkeys(names, ALLOWANCE), key=_key))
        elsewhere = stack.enter_context(serving(keep_answering))
        asked = {Place.SIMULATOR: {"base_url": simulator.base_url}, **_elsewhere(stack, folder)}
        for row in ROWS:
            if row.injection is not None:
                simulator.inject(_filled_in(row.injection, elsewhere), row.what)
        accounts = [{"name": row.what, "api_key": _key(row.what), **asked[row.place]} for row in ROWS]
        beside = {"name": HEALTHY, "api_key": _key(HEALTHY), "base_url": simulator.base_url, "poll_interval": "200ms"}
        yield Surroundings(simulator, elsewhere, (beside, *accounts))


def _key(name: str) -> str:
    return "sk-" + "".join(letter if letter.isascii() and letter.isalnum() else f"-{ord(letter):x}-" for letter in name)


def _filled_in(injection: Injection, elsewhere: Upstream) -> Injection:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=20 * MINUTE), usegmt=True)
    header = injection.retry_after and injection.retry_after.replace("{in_20_minutes}", later)
    return replace(injection, location=injection.location.replace("{elsewhere}", elsewhere.url), retry_after=header)


def _elsewhere(stack: ExitStack, folder: Path) -> dict[Place, dict[str, str]]:
    """What the accounts of each place are configured with."""
    ours, foreign = trustme.CA(), trustme.CA()
    ca_file = folder / "ca.pem"
    ours.cert_pem.write_to_path(str(ca_file))
    yesterday = datetime.now(UTC) - timedelta(days=1)

    def tls(context: ssl.SSLContext | None, script: Script = keep_answering) -> dict[str, str]:
        upstream = stack.enter_context(serving(script, context))
        return {"base_url": upstream.tls_url, "ca_file": str(ca_file)}

    refusing = stack.enter_context(
        serving(answer(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"))
    )
    return {
        Place.NEVER_ACCEPTED: {"base_url": stack.enter_context(serving(never_read)).url},
        Place.CLOSED_AT_ONCE: {"base_url": stack.enter_context(serving(close_at_once)).url},
        Place.NOBODY: {"base_url": f"http://127.0.0.1:{stack.enter_context(nobody_listening())}"},
        Place.NO_SUCH_NAME: {"base_url": "http://api.invalid"},
        Place.EXPIRED: tls(server_context(ours, "localhost", not_after=yesterday)),
        Place.SELF_SIGNED: tls(server_context(foreign, "localhost")),
        Place.OTHER_HOST: tls(server_context(ours, "other.example")),
        Place.NO_TLS: tls(None, _refuse),
        Place.PROXY_REFUSES: {"base_url": "https://api.example", "proxy_url": refusing.url},
        Place.PROXY_DOWN: {
            "base_url": "https://api.example",
            "proxy_url": f"http://127.0.0.1:{stack.enter_context(nobody_listening())}",
        },
    }


def _refuse(upstream: Upstream, connection: socket.socket) -> None:
    """As a server does that speaks HTTP and is sent something else."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
