"""The web configuration file: what it means, and every problem with its place. promtool judges what we call valid."""

from __future__ import annotations

import re
import ssl
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from pki import TLS, Directory, directory, hashed
from shortgenius_exporter.config import ConfigError
from shortgenius_exporter.web.config import WebConfig, load
from shortgenius_exporter.web.tls import ClientAuth
from support import run_exporter, write

EXAMPLE = Path(__file__).parents[2] / "docs" / "web-configuration.md"
HASH = hashed("correct horse")


@pytest.fixture
def here(tmp_path: Path) -> Directory:
    return directory(tmp_path)


def problems(here: Directory, text: str) -> list[str]:
    """Without the file's name."""
    with pytest.raises(ConfigError) as error:
        load(here.config(text))
    return [line.removeprefix(f"{here.path}/web.yml:") for line in str(error.value).splitlines()]


def test_no_file_means_http_for_everyone() -> None:
    assert load(None) == WebConfig()


@pytest.mark.parametrize("text", ["", "# nothing\n", "tls_server_config:\nbasic_auth_users:\nhttp_server_config:\n"])
def test_an_empty_file_means_http_for_everyone_as_in_the_toolkit(here: Directory, text: str) -> None:
    config = load(here.config(text))
    assert (config.scheme, dict(config.users), dict(config.headers)) == ("http", {}, {})


def test_paths_are_relative_to_the_file(here: Directory) -> None:
    config = load(here.config(TLS))
    assert config.tls is not None
    assert config.tls.settings.cert_file == here.path / "server.pem"
    assert config.scheme == "https"
    assert set(config.stamps) == {here.path / name for name in ("web.yml", "server.pem", "server.key")}


def test_versions_default_to_those_that_are_secure(here: Directory) -> None:
    tls = load(here.config(TLS)).tls
    assert tls is not None
    assert (tls.context.minimum_version, tls.context.maximum_version) == (
        ssl.TLSVersion.TLSv1_2,
        ssl.TLSVersion.TLSv1_3,
    )


@pytest.mark.parametrize("version", ["TLS12", "TLS13"])
def test_one_version_can_be_demanded(here: Directory, version: str) -> None:
    both = f"min_version: {version}, max_version: {version}"
    tls = load(here.config(TLS.replace("}", f", {both}}}"))).tls
    assert tls is not None
    assert tls.context.minimum_version == tls.context.maximum_version == tls.settings.min_version


@pytest.mark.parametrize("auth", ["VerifyClientCertIfGiven", "RequireAndVerifyClientCert"])
def test_client_certificates_are_verified(here: Directory, auth: str) -> None:
    tls = load(here.config(TLS.replace("}", f", client_auth_type: {auth}, client_ca_file: ca.pem}}"))).tls
    assert tls is not None
    assert tls.settings.client_auth is ClientAuth(auth)
    assert tls.context.verify_mode == ssl.CERT_OPTIONAL


def test_a_users_hash_is_not_shown(here: Directory) -> None:
    config = load(here.config(f"basic_auth_users: {{prometheus: {HASH}}}\n"))
    assert config.users["prometheus"].reveal() == HASH
    assert HASH not in repr(config)


@pytest.mark.parametrize("prefix", ["$2a$", "$2b$", "$2y$"])
def test_every_usual_prefix_of_bcrypt_is_taken(here: Directory, prefix: str) -> None:
    text = HASH.replace("$2b$", prefix)
    assert load(here.config(f"basic_auth_users: {{u: '{text}'}}\n")).users["u"].reveal() == text


def test_blank_headers_are_absent(here: Directory) -> None:
    headers = "{X-Frame-Options: deny, Content-Security-Policy: '', X-XSS-Protection: }"
    config = load(here.config(f"http_server_config: {{http2: false, headers: {headers}}}\n"))
    assert config.headers == {"x-frame-options": "deny"}


REFUSED = [
    ("tls_server_config: {}", "1:20: tls_server_config: has no cert_file: name the PEM file"),
    (
        "tls_server_config: {cert_file: gone.pem, key_file: server.key}",
        "1:32: tls_server_config.cert_file: does not exist: create it, or correct the path "
        "(relative to the directory of the configuration file)",
    ),
    (
        "tls_server_config: {cert_file: server.pem, key_file: ca.pem}",
        "1:54: tls_server_config.key_file: holds no private key: expected PEM, -----BEGIN PRIVATE KEY-----",
    ),
    (
        "tls_server_config: {cert_file: server.key, key_file: server.key}",
        "1:32: tls_server_config.cert_file: holds no certificate: expected PEM, -----BEGIN CERTIFICATE-----",
    ),
    (
        "tls_server_config: {cert_file: ca.pem, key_file: server.key}",
        "1:50: tls_server_config.key_file: is not the key of the certificate: give the pair",
    ),
    (TLS.replace("}", ", cipher_suites: []}"), "is for programs in Go: remove it; OpenSSL's secure defaults are used"),
    (TLS.replace("}", ", prefer_server_cipher_suites: true}"), "prefer_server_cipher_suites: is for programs in Go"),
    (TLS.replace("}", ", curve_preferences: [X25519]}"), "curve_preferences: is for programs in Go: remove it"),
    (TLS.replace("}", ", cert: PEM}"), "cert: is not supported: write the certificate to a file and name it in"),
    (TLS.replace("}", ", client_auth_type: RequestClientCert}"), "accepts any stranger's certificate"),
    (TLS.replace("}", ", client_auth_type: Always}"), "must be one of NoClientCert, VerifyClientCertIfGiven, Requ"),
    (TLS.replace("}", ", client_auth_type: RequireAndVerifyClientCert}"), "client_auth_type: needs client_ca_file"),
    (TLS.replace("}", ", client_ca_file: ca.pem}"), "has no use without client_auth_type"),
    (TLS.replace("}", ", client_allowed_sans: [a]}"), "needs client_auth_type: RequireAndVerifyClientCert"),
    (TLS.replace("}", ", min_version: TLS11}"), "is a version that is no longer secure (RFC 8996): use TLS12 or TLS13"),
    (TLS.replace("}", ", min_version: SSL3}"), "must be TLS12 or TLS13"),
    (TLS.replace("}", ", min_version: TLS13, max_version: TLS12}"), "is above max_version: swap them, or remove one"),
    (TLS.replace("}", ", min_versoin: TLS13}"), "unknown setting: did you mean min_version?"),
    ("cert_file: a", "1:1: cert_file: unknown setting: it belongs under tls_server_config"),
    ("basic_auth_user: {}", "1:1: basic_auth_user: unknown setting: did you mean basic_auth_users?"),
    ("basic_auth_users: [a]", "basic_auth_users: is a list: expected names with bcrypt hashes"),
    ("basic_auth_users: {u: hunter2}", "1:23: basic_auth_users.u: is not a bcrypt hash: make one with htpasswd"),
    ("basic_auth_users: {u: 12345}", "1:23: basic_auth_users.u: is a number to YAML: put it in quotes"),
    (f"basic_auth_users: {{u: {HASH.replace('$04$', '$15$')}}}", "has cost 15, where one check is worthless or takes"),
    (f"basic_auth_users: {{'a:b': {HASH}}}", "cannot be a user's name: it must not be empty or hold a colon"),
    (f"basic_auth_users:\n  u: {HASH}\n  u: {HASH}\n", "3:3: basic_auth_users.u: is given twice, first on line 2"),
    ("http_server_config: {http2: true}", "1:29: http_server_config.http2: is not supported, HTTP/1.1 is what"),
    ("http_server_config: {headers: {Server: x}}", "headers.Server: unknown setting: expected one of Content-Sec"),
    ("http_server_config: {headers: {X-Frame-Options: no}}", "must be deny or sameorigin"),
    ('http_server_config: {headers: {X-XSS-Protection: "a\\r\\nb: c"}}', "holds a line break or a character beyond"),
    ("rate_limit: {interval: 1s, burst: 2}", "1:13: rate_limit: is not supported"),
    ("[]", "1:1: is a list: expected a mapping with tls_server_config: or basic_auth_users:"),
    ("a: 'b", "not valid YAML"),
]


@pytest.mark.parametrize(("text", "expected"), REFUSED)
def test_problems_have_a_place_and_advice(here: Directory, text: str, expected: str) -> None:
    found = problems(here, text)
    assert any(expected in line for line in found), found
    assert all(re.match(r"\d+:\d+: ", line) for line in found)
    assert not any("hunter2" in line or HASH in line for line in found)


def test_every_problem_is_reported_at_once(here: Directory) -> None:
    text = "tls_server_config: {cert_file: gone, cipher_suites: []}\nbasic_auth_users: {a: b}\nrate_limit: {}\n"
    places = ["1:20", "1:32", "1:53", "2:23", "3:13"]
    assert [":".join(line.split(":")[:2]) for line in problems(here, text)] == places


def test_an_encrypted_key_is_refused_rather_than_asked_about(here: Directory) -> None:
    path = here.path / "server.key"
    key = load_pem_private_key(path.read_bytes(), None)
    form = PrivateFormat.TraditionalOpenSSL
    path.write_bytes(key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"password")))
    [line] = problems(here, TLS)
    assert "key_file: is encrypted: give a key without a password" in line


def test_broken_pem_is_refused(here: Directory) -> None:
    write(here.path / "server.pem", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    [line] = problems(here, TLS)
    assert "cert_file: cannot be used with its key: " in line


def test_a_missing_file_is_one_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path / "none.yml")
    assert str(error.value) == f"{tmp_path}/none.yml: does not exist: create it, or correct the path"


def test_the_example_in_the_documentation_is_valid_for_us_and_for_the_toolkit(here: Directory) -> None:
    example = re.search(r"```yaml\n(.*?)```", EXAMPLE.read_text(), re.DOTALL)
    assert example is not None
    path = here.config(example[1])
    config = load(path)
    assert config.tls is not None
    assert list(config.users) == ["prometheus"]
    assert config.headers == {"strict-transport-security": "max-age=31536000"}
    judged = subprocess.run(["promtool", "check", "web-config", path], capture_output=True, text=True, check=False)
    assert (judged.returncode, judged.stdout + judged.stderr) == (0, f"{path} SUCCESS\n")


def test_config_check_looks_at_the_web_configuration_too(here: Directory) -> None:
    good = run_exporter(
        "--config.check", "--web.config.file", str(here.config(TLS)), SHORTGENIUS_API_KEY="sk-a-long-key"
    )
    assert (good.returncode, good.stdout) == (
        0,
        f"environment: fine, 1 account\n{here.path}/web.yml: fine, https, 0 users\n",
    )
    bad = run_exporter(
        "--config.check", "--web.config.file", str(here.config("rate_limit: {}")), SHORTGENIUS_API_KEY="two words"
    )
    assert bad.returncode == 2
    assert [line.split(": ")[0] for line in bad.stderr.splitlines()] == ["environment", f"{here.path}/web.yml:1:13"]
