"""Certificates and web configuration files for tests."""

from __future__ import annotations

import functools
import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import bcrypt
import trustme

from support import write

TLS = "tls_server_config: {cert_file: server.pem, key_file: server.key}\n"


@functools.cache
def authority() -> trustme.CA:
    return trustme.CA()


@dataclass(frozen=True)
class Directory:
    """Where a web configuration and its certificates lie."""

    path: Path

    def config(self, text: str) -> Path:
        return write(self.path / "web.yml", text)

    def certify(self, name: str, *identities: str, ca: trustme.CA | None = None) -> None:
        """``NAME.pem`` and ``NAME.key``, replaced as one rename each."""
        leaf = (ca or authority()).issue_cert(*identities)
        for suffix, blob in (("key", leaf.private_key_pem), ("pem", leaf.cert_chain_pems[0])):
            blob.write_to_path(self.path / "new")
            (self.path / "new").replace(self.path / f"{name}.{suffix}")


def directory(path: Path) -> Directory:
    """With a certificate for 127.0.0.1 in ``server.pem`` and the authority's own in ``ca.pem``."""
    made = Directory(path)
    made.certify("server", "127.0.0.1", "localhost")
    authority().cert_pem.write_to_path(path / "ca.pem")
    return made


def trusting(client: Path | None = None) -> ssl.SSLContext:
    """A client that trusts the authority and has the certificate ``client.pem`` with ``client.key``, if given."""
    context = ssl.create_default_context(cadata=authority().cert_pem.bytes().decode())
    if client is not None:
        context.load_cert_chain(client.with_suffix(".pem"), client.with_suffix(".key"))
    return context


def server_context(ca: trustme.CA, *identities: str, not_after: datetime | None = None) -> ssl.SSLContext:
    """A server with a certificate of ``ca``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*identities, not_after=not_after).configure_cert(context)
    return context


@functools.cache
def hashed(password: str, cost: int = 4) -> str:
    """Always the same for the same password: it may name a test."""
    return bcrypt.hashpw(password.encode(), f"$2b${cost:02}${'salt' * 5}uu".encode()).decode()
