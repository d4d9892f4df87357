"""TLS and passwords on the running exporter, as clients, the kubelet and a real Prometheus meet them."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from pki import TLS, Directory, directory, hashed, trusting
from support import (
    Answer,
    RunningExporter,
    a_second,
    ask,
    eventually,
    exporter,
    free_port,
    program,
    run_exporter,
    write,
)

NOBODY_LISTENS = "http://127.0.0.1:9/api/v1"
USERS = f"basic_auth_users: {{prometheus: {hashed('correct horse')}}}\n"
MUTUAL = TLS.replace("}", ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem}")
WITH_PASSWORD = {"Authorization": "Basic " + base64.b64encode(b"prometheus:correct horse").decode()}


@pytest.fixture
def here(tmp_path: Path) -> Directory:
    return directory(tmp_path)


@contextmanager
def secured(path: Path) -> Iterator[RunningExporter]:
    key = {"SHORTGENIUS_API_KEY": "sk-some-key", "SHORTGENIUS_BASE_URL": NOBODY_LISTENS}
    with exporter("--web.config.file", str(path), **key) as running:
        yield running


def status(running: RunningExporter, path: str = "/metrics", headers: Mapping[str, str] | None = None) -> int:
    return ask(running.url + path, headers=headers, tls=trusting()).status


def test_metrics_come_over_tls_and_only_with_the_password(here: Directory) -> None:
    with secured(here.config(TLS + USERS)) as running:
        assert running.url.startswith("https://")
        refused = ask(running.url + "/metrics", tls=trusting())
        assert (refused.status, refused.text) == (401, "This needs a user's name and password\n")
        assert refused.headers["www-authenticate"] == 'Basic realm="shortgenius-exporter", charset="UTF-8"'
        assert "shortgenius" not in refused.text
        wrong = {"Authorization": "Basic " + base64.b64encode(b"prometheus:wrong").decode()}
        assert status(running, headers=wrong) == 401
        assert status(running, headers=WITH_PASSWORD) == 200
        with pytest.raises((http.client.BadStatusLine, ConnectionError)):
            ask(running.url.replace("https", "http") + "/metrics", headers=WITH_PASSWORD)
    assert "correct horse" not in running.program.output
    assert hashed("correct horse") not in running.program.output


@pytest.mark.parametrize(
    "header",
    ["Basic", "Basic !!!", "Basic cHJvbWV0aGV1cw==", "Bearer x", "Basic /w==", "Digest " + "A" * 100, "Basic Og=="],
)
def test_malformed_credentials_are_refused_without_any_work(header: str, here: Directory) -> None:
    with secured(here.config(USERS)) as running:
        assert status(running, headers={"Authorization": header}) == 401


def test_every_path_but_the_probes_needs_the_password(here: Directory) -> None:
    with secured(here.config(TLS + USERS)) as running:
        paths = ["/", "/metrics", "/probe?target=default", "/-/reload", "/nothing", "/-/healthy/", "//-/healthy"]
        assert {path: status(running, path) for path in paths} == dict.fromkeys(paths, 401)
        assert status(running, "/-/healthy") == 200
        eventually(lambda: status(running, "/-/ready") == 200)


def test_configured_headers_are_on_every_answer(here: Directory) -> None:
    headers = "http_server_config: {headers: {X-Frame-Options: deny, Content-Security-Policy: default-src 'self'}}\n"
    with secured(here.config(USERS + headers)) as running:
        for answer in (ask(running.url + "/metrics"), ask(running.url + "/-/healthy")):
            assert answer.headers["x-frame-options"] == "deny"
            assert answer.headers["content-security-policy"] == "default-src 'self'"
            assert answer.headers["x-content-type-options"] == "nosniff"


def test_client_certificates(here: Directory) -> None:
    here.certify("client", "prometheus.example.org")
    here.certify("stranger", "prometheus.example.org", ca=trustme.CA())
    with secured(here.config(MUTUAL)) as running:
        ours = trusting(here.path / "client")
        assert ask(running.url + "/metrics", tls=ours).status == 200
        none = ask(running.url + "/metrics", tls=trusting())
        assert (none.status, "client certificate" in none.text) == (403, True)
        assert status(running, "/-/healthy") == 200, "the kubelet has no certificate"
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask(running.url + "/-/healthy", tls=trusting(here.path / "stranger"))


@pytest.mark.parametrize(
    ("identity", "expected"),
    [("prometheus.example.org", 200), ("10.1.2.3", 200), ("2001:db8::1", 200), ("other.example.org", 403)],
)
def test_client_certificates_can_be_limited_to_names(here: Directory, identity: str, expected: int) -> None:
    here.certify("client", identity)
    allowed = "client_allowed_sans: [prometheus.example.org, 10.1.2.3, '2001:DB8:0::1']"
    with secured(here.config(MUTUAL.replace("}", f", {allowed}}}"))) as running:
        assert ask(running.url + "/metrics", tls=trusting(here.path / "client")).status == expected


def serial(running: RunningExporter) -> str:
    """Of the certificate that a new connection gets."""
    parts = urlsplit(running.url)
    connection = http.client.HTTPSConnection(parts.netloc, context=trusting(), timeout=10)
    try:
        connection.connect()
        assert isinstance(connection.sock, ssl.SSLSocket)
        return str((connection.sock.getpeercert() or {})["serialNumber"])
    finally:
        connection.close()


def test_new_certificates_and_users_come_in_without_dropping_a_connection(here: Directory) -> None:
    with secured(here.config(TLS + USERS)) as running:
        before = serial(running)
        kept = http.client.HTTPSConnection(urlsplit(running.url).netloc, context=trusting(), timeout=10)

        def on_kept(headers: Mapping[str, str]) -> int:
            kept.request("GET", "/metrics", headers=dict(headers))
            answer = kept.getresponse()
            answer.read()
            return answer.status

        assert on_kept(WITH_PASSWORD) == 200
        connected = kept.sock
        here.certify("server", "127.0.0.1")
        here.config(TLS + f"basic_auth_users: {{prometheus: {hashed('changed')}}}\n")
        eventually(lambda: serial(running) != before and on_kept(WITH_PASSWORD) == 401)
        changed = {"Authorization": "Basic " + base64.b64encode(b"prometheus:changed").decode()}
        assert on_kept(changed) == 200
        assert kept.sock is connected
        kept.close()


def test_a_bad_new_file_keeps_the_old_one_and_is_logged(here: Directory) -> None:
    with secured(here.config(TLS + USERS)) as running:
        here.config("")
        running.program.wait_for("web configuration not reloaded.*TLS is no longer configured")
        write(here.path / "server.key", "no key")
        here.config(TLS + USERS)
        running.program.wait_for("web configuration not reloaded.*key_file: holds no private key")
        assert status(running) == 401
        scraped = ask(running.url + "/metrics", headers=WITH_PASSWORD, tls=trusting())
        assert scraped.status == 200
        assert "shortgenius_exporter_web_config_last_reload_successful 0.0" in scraped.text.splitlines()


def test_a_bad_file_at_the_start_ends_the_exporter(here: Directory) -> None:
    path = here.config("basic_auth_users: {u: hunter2}")
    ended = run_exporter("--web.config.file", str(path), SHORTGENIUS_API_KEY="sk-some-key")
    assert ended.returncode == 2
    assert f"{path}:1:23: basic_auth_users.u: is not a bcrypt hash" in ended.stderr
    assert "hunter2" not in ended.stderr


class Guessers:
    """Fifty clients, each on its next password as soon as the last was refused."""

    def __init__(self, running: RunningExporter) -> None:
        self._url = running.url + "/metrics"
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._guess, args=(number,)) for number in range(50)]
        self.statuses: list[int] = []

    def __enter__(self) -> Guessers:
        for thread in self._threads:
            thread.start()
        eventually(lambda: len(self.statuses) > 10)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _guess(self, number: int) -> None:
        attempt = 0
        while not self._stop.is_set():
            attempt += 1
            guess = base64.b64encode(f"prometheus:{number}-{attempt}".encode()).decode()
            self.statuses.append(ask(self._url, headers={"Authorization": f"Basic {guess}"}).status)
            self._stop.wait(0.05)


def timed(scrape: Callable[[], Answer]) -> tuple[int, float]:
    began = time.monotonic()
    answer = scrape()
    return answer.status, time.monotonic() - began


@pytest.mark.alone
def test_fifty_guessers_do_not_delay_an_authorised_scrape_beyond_a_second(here: Directory) -> None:
    users = f"basic_auth_users: {{prometheus: {hashed('correct horse', 10)}}}\n"
    with secured(here.config(users)) as running:

        def scrape() -> Answer:
            return ask(running.url + "/metrics", headers=WITH_PASSWORD)

        assert scrape().status == 200
        with Guessers(running) as guessers:
            times = [timed(scrape) for _ in range(20)]
        worst = max(took for _, took in times)
        print(f"\n50 guessers, {len(guessers.statuses)} guesses: worst of 20 authorised scrapes {worst:.3f} s")
        assert {status for status, _ in times} == {200}
        assert worst < a_second()
        assert set(guessers.statuses) <= {401, 429}


@pytest.mark.alone
def test_fifty_guessers_hardly_delay_the_first_authorised_scrape(here: Directory) -> None:
    """One check costs about 0.03 s: all fifty in line would take longer than is allowed here."""
    users = f"basic_auth_users: {{prometheus: {hashed('correct horse', 8)}}}\n"
    with secured(here.config(users)) as running, Guessers(running):
        status, took = timed(lambda: ask(running.url + "/metrics", headers=WITH_PASSWORD))
    assert status == 200
    assert took < a_second()


def test_prometheus_scrapes_over_tls_with_a_password(here: Directory, tmp_path: Path) -> None:
    with secured(here.config(TLS + USERS)) as running:
        address = f"127.0.0.1:{free_port()}"
        target = urlsplit(running.url).netloc
        config = {
            "global": {"scrape_interval": "1s"},
            "scrape_configs": [
                {
                    "job_name": "shortgenius",
                    "scheme": "https",
                    "tls_config": {"ca_file": str(here.path / "ca.pem")},
                    "basic_auth": {"username": "prometheus", "password": "correct horse"},
                    "static_configs": [{"targets": [target]}],
                }
            ],
        }
        file = write(tmp_path / "prometheus.yml", json.dumps(config))
        storage = f"--storage.tsdb.path={tmp_path}/data"
        with program(
            "prometheus", f"--config.file={file}", storage, f"--web.listen-address={address}", "--log.level=error"
        ):
            found = eventually(lambda: targets(address))
        assert [(one["health"], one["lastError"]) for one in found] == [("up", "")]


def targets(address: str) -> list[dict[str, str]]:
    """Those that Prometheus has scraped."""
    try:
        answer = json.loads(ask(f"http://{address}/api/v1/targets").body)
    except (OSError, ValueError):
        return []
    return [one for one in answer["data"]["activeTargets"] if one["health"] != "unknown"]
