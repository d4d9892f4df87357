"""Each stumble of a new user, for real: what is wrong is told, and what to do next."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from pki import server_context
from shortgenius_exporter.simulator.server import SimulatorServer
from support import ask, clean_environ, eventually, exporter, prometheus, run_exporter, write
from upstreams import keep_answering, nobody_listening, serving

BALANCE = 'shortgenius_balance_credits{account="default",credit_type="credits"} 217'


def test_no_key() -> None:
    ran = run_exporter()
    assert ran.returncode == 2
    assert ran.stderr == (
        "environment: no API key. There are three ways to start: set SHORTGENIUS_API_KEY; write a configuration file "
        "and name it with --config.file; or run shortgenius-exporter demo, which needs no key\n"
    )


def test_a_wrong_key(simulator: SimulatorServer) -> None:
    environ = {"SHORTGENIUS_API_KEY": "sk-wrong", "SHORTGENIUS_BASE_URL": simulator.base_url}
    advice = "Replace the key in the environment variable SHORTGENIUS_API_KEY, then restart the exporter"
    asked = run_exporter("balances", **environ)
    assert "401 Unauthorized: the key was rejected" in asked.stdout
    assert asked.stderr == f"default: {advice}.\n"
    with exporter(**environ) as running:
        line = running.program.wait_for("account is failing").string
        running.wait_until_ready()
        page = ask(running.url).text
    assert f'error="401 Unauthorized: the key was rejected" advice="{advice}"' in line
    assert f"401 Unauthorized: the key was rejected. {advice}." in page


def test_a_typo_in_the_file(tmp_path: Path) -> None:
    file = write(tmp_path / "exporter.yml", "accounts:\n  - name: studio\n    api_key: k\n    poll_intervall: 1m\n")
    ran = run_exporter("--config.file", str(file))
    assert ran.returncode == 2
    assert ran.stderr == f"{file}:4:5: accounts[0].poll_intervall: unknown setting: did you mean poll_interval?\n"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("unreadable", ["exporter.yml", "studio.key"])
def test_a_file_that_may_not_be_read(unreadable: str, open_folder: Path) -> None:
    file = write(open_folder / "exporter.yml", "accounts: [{name: studio, api_key_file: studio.key}]\n")
    write(open_folder / "studio.key", "sk-a00")
    (open_folder / unreadable).chmod(0)
    as_somebody_else = (
        "import importlib.metadata, os, sys\n"
        "from shortgenius_exporter import cli, commands\n"
        # Loads what is loaded when it is first needed, from a folder that may be root's.
        "importlib.metadata.version('shortgenius-exporter')\n"
        "if os.geteuid() == 0: os.seteuid(65534)\n"
        "sys.exit(cli.main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", as_somebody_else, "--config.check", "--config.file", str(file)]
    ran = subprocess.run(command, env=clean_environ(), capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert re.search(r"may not be read by user \d+: change its owner or mode", ran.stderr)
    assert ran.stderr.startswith(f"{file}:")


def test_a_network_that_needs_a_proxy() -> None:
    ran = run_exporter("balances", SHORTGENIUS_API_KEY="k", SHORTGENIUS_BASE_URL="https://api.invalid/v1")
    assert "the name of api.invalid could not be resolved" in ran.stdout
    assert "where a proxy is needed, set proxy_url or HTTPS_PROXY" in ran.stderr


def test_a_proxy_that_does_not_work() -> None:
    with nobody_listening() as port:
        ran = run_exporter("balances", SHORTGENIUS_API_KEY="k", HTTPS_PROXY=f"http://127.0.0.1:{port}")
    assert "the proxy did not let the request to shortgenius.com through" in ran.stdout
    assert "Check base_url, name resolution, firewall and proxy" in ran.stderr


def test_a_certificate_authority_of_ones_own(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with serving(keep_answering, server_context(authority, "localhost")) as upstream:
        text = f"accounts: [{{name: default, api_key: k, base_url: '{upstream.tls_url}'}}]\n"
        file = write(tmp_path / "exporter.yml", text)
        refused = run_exporter("balances", "--config.file", str(file))
        write(file, text.replace("api_key", "ca_file: ca.pem, api_key"))
        accepted = run_exporter("once", "--config.file", str(file))
    assert "is not valid here: " in refused.stdout
    assert "name its PEM file in ca_file" in refused.stderr
    assert BALANCE in accepted.stdout


def test_two_keys_are_two_accounts(simulator: SimulatorServer) -> None:
    keys = {"SHORTGENIUS_API_KEY": "sk-a00", "SHORTGENIUS_API_KEY_STUDIO": "sk-a01"}
    ran = run_exporter("balances", SHORTGENIUS_BASE_URL=simulator.base_url, **keys)
    assert ran.returncode == 0
    assert {line.split()[0] for line in ran.stdout.splitlines()[1:]} == {"default", "studio"}


def test_one_key_twice() -> None:
    ran = run_exporter(SHORTGENIUS_API_KEY="k", SHORTGENIUS_API_KEY_STUDIO="k")
    assert ran.stderr == (
        "environment: SHORTGENIUS_API_KEY_STUDIO: is the same key as SHORTGENIUS_API_KEY: one account for each key\n"
    )


@pytest.mark.parametrize("command", [[], ["demo"], ["simulate"]], ids=["serve", "demo", "simulate"])
def test_a_port_that_is_taken(command: list[str], simulator: SimulatorServer) -> None:
    environ = {"SHORTGENIUS_API_KEY": "sk-a00", "SHORTGENIUS_BASE_URL": simulator.base_url}
    with exporter(**environ) as running:
        address = running.url.removeprefix("http://")
        ran = run_exporter(*command, "--web.listen-address", address, **environ)
    assert ran.returncode == 2
    assert ran.stderr == (
        f"--web.listen-address: cannot listen on {address}: Address already in use (is another exporter running?); "
        "choose another with --web.listen-address HOST:PORT\n"
    )


def test_a_prometheus_that_does_not_scrape(simulator: SimulatorServer, tmp_path: Path) -> None:
    """The page tells whether anybody has asked for the metrics, and a wrong path where they are."""
    with exporter(SHORTGENIUS_API_KEY="sk-a00", SHORTGENIUS_BASE_URL=simulator.base_url) as running:
        running.wait_until_ready()
        assert "Nobody has scraped the metrics yet: is this address in Prometheus" in ask(running.url).text
        assert ask(running.url + "/metrcis").text == "Nothing here. Metrics are at /metrics, links at /\n"
        with prometheus(tmp_path, running.url.removeprefix("http://")):
            eventually(lambda: "Metrics last scraped" in ask(running.url).text)
