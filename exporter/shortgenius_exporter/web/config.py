"""``--web.config.file``: TLS, basic auth and headers, in the file format of Prometheus' exporter-toolkit.

The format: https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from shortgenius_exporter.config import fields
from shortgenius_exporter.config.context import Context
from shortgenius_exporter.config.cursor import Cursor, Vocabulary
from shortgenius_exporter.config.file import read
from shortgenius_exporter.config.nodes import parse
from shortgenius_exporter.config.problems import RefusedError, Report, file_problem
from shortgenius_exporter.config.stamps import Stamps, stamps
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.web.tls import CertificateError, ClientAuth, TlsSettings, same_address, server_context

MAX_COST = 14
_HASH = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_GO_ONLY = "is for programs in Go: remove it"
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CLIENT_AUTH = {one.value: one for one in ClientAuth}
_UNVERIFIED = ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert")


@dataclass(frozen=True, slots=True)
class ServerTls:
    """``settings``, the context made from them, and the stamps of the files that it was made from."""

    settings: TlsSettings
    context: ssl.SSLContext
    stamps: Stamps


@dataclass(frozen=True, slots=True)
class WebConfig:
    """How requests come in. ``users``: bcrypt hashes by name; none means that no password is asked for.

    ``headers``: added to every answer, by lower-case name. ``stamps``: the files all this was read from.
    """

    tls: ServerTls | None = None
    users: Mapping[str, Secret] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    stamps: Stamps = field(default_factory=dict)

    @property
    def scheme(self) -> str:
        return "https" if self.tls else "http"


def load(path: Path | None) -> WebConfig:
    """Reads the file and the certificates it names. Raises ``ConfigError`` with all that is wrong.

    Without a file: HTTP for everyone.
    """
    if path is None:
        return WebConfig()
    seen = stamps([path])
    report = Report(str(path))
    root = parse(read(path, report), report)
    if root is None:
        return WebConfig(stamps=seen)
    cursor = Cursor(root, Context(report, path.absolute().parent, {}))
    config = cursor.decode(lambda cursor: _web_config(cursor, seen))
    if config is None or not report.clean:
        raise report.error()
    return config


def _web_config(root: Cursor, seen: Stamps) -> WebConfig:
    if root.is_null:
        return WebConfig(stamps=seen)
    found = _decode(root.entries("a mapping with tls_server_config: or basic_auth_users:", TOP), SECTIONS)
    tls: ServerTls | None = found.get("tls_server_config")
    return WebConfig(
        tls=tls,
        users=found.get("basic_auth_users") or {},
        headers=found.get("http_server_config") or {},
        stamps={**seen, **tls.stamps} if tls else seen,
    )


def _decode(entries: Mapping[str, Cursor], decoders: Mapping[str, Callable[[Cursor], Any]]) -> dict[str, Any]:
    return {name: entry.decode(decoders[name]) for name, entry in entries.items()}


def _tls(cursor: Cursor) -> ServerTls | None:
    if cursor.is_null:
        return None
    entries = cursor.entries("a mapping with cert_file: and key_file:", TLS)
    found = _decode(entries, TLS_FIELDS)
    for name in ("cert_file", "key_file"):
        if name not in entries:
            cursor.problem(f"has no {name}: name the PEM file")
    _check_together(entries, found)
    if not cursor.context.report.clean:
        return None
    settings = TlsSettings(**{_PARAMETERS.get(name, name): value for name, value in found.items()})
    seen = stamps(settings.files)
    try:
        return ServerTls(settings, server_context(settings), seen)
    except CertificateError as error:
        entries[error.field].problem(str(fields.unusable_file(entries[error.field], error.detail)))
        return None


_PARAMETERS = {"client_auth_type": "client_auth", "client_allowed_sans": "allowed_sans"}


def _check_together(entries: Mapping[str, Cursor], found: Mapping[str, Any]) -> None:
    auth = found.get("client_auth_type", ClientAuth.NONE)
    if auth is ClientAuth.NONE and "client_ca_file" in entries:
        entries["client_ca_file"].key_problem(f"has no use without client_auth_type: {ClientAuth.REQUIRED.value}")
    if auth in (ClientAuth.IF_GIVEN, ClientAuth.REQUIRED) and "client_ca_file" not in entries:
        entries["client_auth_type"].problem("needs client_ca_file: name the CA's certificate")
    if "client_allowed_sans" in entries and auth is not ClientAuth.REQUIRED:
        entries["client_allowed_sans"].key_problem(f"needs client_auth_type: {ClientAuth.REQUIRED.value}")
    lowest, highest = found.get("min_version"), found.get("max_version")
    if lowest and highest and lowest > highest:
        entries["min_version"].problem("is above max_version: swap them, or remove one")


def _file(cursor: Cursor) -> Path:
    """Looked at here, too, so that a missing file is reported together with everything else."""
    path = fields.path(cursor)
    try:
        path.open("rb").close()
    except OSError as error:
        raise fields.unusable_file(cursor, file_problem(error)) from None
    return path


def _client_auth(cursor: Cursor) -> ClientAuth:
    value = fields.text(cursor)
    if value in _UNVERIFIED:
        raise RefusedError(f"accepts any stranger's certificate and is not supported: use {ClientAuth.REQUIRED.value}")
    if value not in _CLIENT_AUTH:
        raise RefusedError(f"must be one of {', '.join(_CLIENT_AUTH)}")
    return _CLIENT_AUTH[value]


def _version(cursor: Cursor) -> ssl.TLSVersion:
    value = fields.text(cursor)
    if value in ("TLS10", "TLS11"):
        raise RefusedError("is a version that is no longer secure (RFC 8996): use TLS12 or TLS13")
    if value not in _VERSIONS:
        raise RefusedError("must be TLS12 or TLS13")
    return _VERSIONS[value]


def _allowed_sans(cursor: Cursor) -> frozenset[str]:
    names = [item.decode(fields.text) for item in cursor.items("a list of DNS names, addresses, e-mails or URIs")]
    if not names:
        raise RefusedError("allows nobody: name at least one, or remove it")
    return frozenset(same_address(name) for name in names if name)


def _users(cursor: Cursor) -> dict[str, Secret]:
    if cursor.is_null:
        return {}
    found = {}
    for name, entry in cursor.entries("names with bcrypt hashes, as {prometheus: $2b$10$...}").items():
        if not name or ":" in name:
            entry.key_problem("cannot be a user's name: it must not be empty or hold a colon")
        if (value := entry.decode(_hash)) is not None:
            found[name] = value
    return found


def _hash(cursor: Cursor) -> Secret:
    value = fields.secret_text(cursor)
    match = _HASH.fullmatch(value)
    if match is None:
        raise RefusedError("is not a bcrypt hash: make one with htpasswd -nBC 10 NAME, and give what follows NAME:")
    cost = int(match[1])
    if not 4 <= cost <= MAX_COST:  # noqa: PLR2004 - bcrypt's own lower bound
        raise RefusedError(
            f"has cost {cost}, where one check is worthless or takes seconds: use 10, at most {MAX_COST}"
        )
    return Secret(value)


def _http(cursor: Cursor) -> dict[str, str]:
    if cursor.is_null:
        return {}
    return _decode(cursor.entries("a mapping with headers:", HTTP), HTTP_FIELDS).get("headers") or {}


def _http2(cursor: Cursor) -> None:
    if cursor.scalar("false").text != "false":
        raise RefusedError("is not supported, HTTP/1.1 is what scrapes use: remove it, or set it to false")


def _headers(cursor: Cursor) -> dict[str, str]:
    if cursor.is_null:
        return {}
    found = _decode(cursor.entries("a mapping of headers", HEADERS), dict.fromkeys(HEADERS.names, _header))
    return {name.lower(): value for name, value in found.items() if value}


def _header(cursor: Cursor) -> str:
    """Blank is as good as absent."""
    value = cursor.scalar("text").text
    if not re.fullmatch(r"[ -~]*", value):
        raise RefusedError("holds a line break or a character beyond ASCII, which a header cannot: remove it")
    allowed = _HEADER_VALUES.get(cursor.key.text if cursor.key else "", ())
    if value and allowed and value not in allowed:
        raise RefusedError(f"must be {' or '.join(allowed)}")
    return value.strip()


def _refused(message: str) -> Callable[[Cursor], NoReturn]:
    def refuse(_: Cursor) -> NoReturn:
        raise RefusedError(message)

    return refuse


_HEADER_VALUES = {"X-Frame-Options": ("deny", "sameorigin"), "X-Content-Type-Options": ("nosniff",)}
HEADERS = Vocabulary(
    (
        "Content-Security-Policy",
        "Strict-Transport-Security",
        "X-Content-Type-Options",
        "X-Frame-Options",
        "X-XSS-Protection",
    ),
    {},
)
HTTP_FIELDS: dict[str, Callable[[Cursor], Any]] = {"http2": _http2, "headers": _headers}
TLS_FIELDS: dict[str, Callable[[Cursor], Any]] = {
    "cert_file": _file,
    "key_file": _file,
    "client_auth_type": _client_auth,
    "client_ca_file": _file,
    "client_allowed_sans": _allowed_sans,
    "min_version": _version,
    "max_version": _version,
    "cert": _refused("is not supported: write the certificate to a file and name it in cert_file"),
    "key": _refused("is not supported: write the key to a file and name it in key_file"),
    "client_ca": _refused("is not supported: write the certificate to a file and name it in client_ca_file"),
    "cipher_suites": _refused(f"{_GO_ONLY}; OpenSSL's secure defaults are used"),
    "curve_preferences": _refused(f"{_GO_ONLY}; OpenSSL's secure defaults are used"),
    "prefer_server_cipher_suites": _refused(_GO_ONLY),
}
SECTIONS: dict[str, Callable[[Cursor], Any]] = {
    "tls_server_config": _tls,
    "http_server_config": _http,
    "basic_auth_users": _users,
    "rate_limit": _refused("is not supported: connections and password checks are bounded without it; remove it"),
}
_ELSEWHERE = (
    dict.fromkeys(TLS_FIELDS, "under tls_server_config")
    | dict.fromkeys(HTTP_FIELDS, "under http_server_config")
    | dict.fromkeys(HEADERS.names, "under headers in http_server_config")
)
TOP = Vocabulary(tuple(SECTIONS), _ELSEWHERE)
TLS = Vocabulary(tuple(TLS_FIELDS), {})
HTTP = Vocabulary(tuple(HTTP_FIELDS), {})
