"""TLS contexts from files, and what a client's certificate says."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, NoReturn

from shortgenius_exporter.config.problems import file_problem


class ClientAuth(Enum):
    """Those of Go's ``tls.ClientAuthType`` that verify what they ask for."""

    NONE = "NoClientCert"
    IF_GIVEN = "VerifyClientCertIfGiven"
    REQUIRED = "RequireAndVerifyClientCert"


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """``tls_server_config``, decoded. ``allowed_sans``: empty for any client whose certificate is good."""

    cert_file: Path
    key_file: Path
    client_auth: ClientAuth = ClientAuth.NONE
    client_ca_file: Path | None = None
    allowed_sans: frozenset[str] = frozenset()
    min_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    max_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.cert_file, self.key_file, *([self.client_ca_file] if self.client_ca_file else []))


class CertificateError(Exception):
    """``detail`` says what is wrong with the file that ``field`` of ``tls_server_config`` names."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field} {detail}")
        self.field = field
        self.detail = detail


def server_context(settings: TlsSettings) -> ssl.SSLContext:
    """Reads the files. Raises CertificateError.

    A required client certificate is asked for and verified here, but its absence is not an error yet: the
    kubelet has none, and may ask for health. ``guard`` refuses everything else.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = settings.min_version
    context.maximum_version = settings.max_version
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    _load_certificate(context, settings)
    if settings.client_auth is not ClientAuth.NONE and settings.client_ca_file is not None:
        _read("client_ca_file", settings.client_ca_file, b"-----BEGIN CERTIFICATE-----", "certificate")
        try:
            context.load_verify_locations(cafile=settings.client_ca_file)
        except ssl.SSLError as error:
            raise CertificateError("client_ca_file", f"cannot be used: {error.reason or 'broken PEM'}") from None
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def _load_certificate(context: ssl.SSLContext, settings: TlsSettings) -> None:
    _read("cert_file", settings.cert_file, b"-----BEGIN CERTIFICATE-----", "certificate")
    _read("key_file", settings.key_file, b"PRIVATE KEY-----", "private key")
    try:
        context.load_cert_chain(settings.cert_file, settings.key_file, password=_no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise CertificateError("key_file", "is not the key of the certificate: give the pair") from None
        raise CertificateError("cert_file", f"cannot be used with its key: {error.reason or 'broken PEM'}") from None


def _no_password() -> NoReturn:
    """Without this, OpenSSL would ask for a password on the terminal."""
    raise CertificateError("key_file", "is encrypted: give a key without a password, readable by this user only")


def _read(field: str, path: Path, marker: bytes, noun: str) -> None:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CertificateError(field, file_problem(error)) from None
    if marker not in content:
        raise CertificateError(field, f"holds no {noun}: expected PEM, -----BEGIN {noun.upper()}-----")


def alternative_names(certificate: Mapping[str, Any]) -> Iterator[str]:
    """The DNS names, addresses, e-mail addresses and URIs of a certificate as ``SSLSocket.getpeercert`` gives it."""
    for kind, value in certificate.get("subjectAltName", ()):
        if kind in ("DNS", "email", "URI"):
            yield value
        elif kind == "IP Address":
            yield same_address(value)


def same_address(text: str) -> str:
    """IP addresses in one way of writing; other text as it is."""
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return text
