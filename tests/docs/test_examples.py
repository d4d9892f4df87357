"""Every command and every configuration in the documentation works as it is written there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import promql_parser
import pytest
import trustme
import yaml

from shortgenius_exporter.config import load
from shortgenius_exporter.web.config import load as load_web
from simulated import simulated
from support import PATIENCE, ask, clean_environ, exporter, program, write

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "deploy/compose/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
START = 1_800_000_000.0
ACCOUNTS = ("studio", "agency", "ACCOUNT")
NOT_RUN = {
    r"make (demo|test|stack|bench\w*|backtest|crash)\b": "the whole suite, or a program of its own, tested elsewhere",
    r"pip install ": "the tests of the wheel install it",
    r"(docker|helm|kubectl|podman|kustomize) ": "needs an engine or a cluster; tests/deploy judges the files it reads",
    r"(journalctl|systemctl|sudo|sqlite3|htpasswd) ": "needs a host that has it",
    r"deploy/prometheus/": "tests/rules runs it",
    r"(install -|/opt/|python3 -m venv /opt/)": "changes the host; tests/deploy judges the unit and its files",
}


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(*languages: str) -> Iterator[Block]:
    for page in PAGES:
        text = page.read_text("utf-8")
        for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            if found[1] in languages:
                line = text[: found.start()].count("\n") + 1
                yield Block(str(page.relative_to(ROOT)), line, found[1], found[2])


def commands() -> Iterator[Block]:
    """The lines of all shell blocks, continued ones joined and comments left out."""
    for block in blocks("sh", "bash", "console"):
        for line in re.sub(r"\\\n\s*", "", block.text).splitlines():
            command = re.sub(r"(^|\s+)#.*", "", line).strip()
            if command:
                yield replace(block, text=command)


def reason_not_to_run(command: str) -> str | None:
    return next((reason for pattern, reason in NOT_RUN.items() if re.match(pattern, command)), None)


def is_server(command: str) -> bool:
    """Whether it serves until it is stopped: the exporter without a command."""
    words = command.split()
    return "shortgenius-exporter" in words and not {
        "balances", "check", "once", "config", "completion", "health", "simulate", "--config.check"
    }.intersection(words)  # fmt: skip


RUN = [one for one in commands() if reason_not_to_run(one.text) is None]
SERVERS = [one for one in RUN if is_server(one.text)]
# What stands in one block is run by one shell, as a later line may need what an earlier one made.
SCRIPTS = [
    Block(page, line, "sh", "\n".join(one.text for one in lines))
    for (page, line), lines in groupby(
        (one for one in RUN if not is_server(one.text)), key=lambda one: (one.page, one.line)
    )
]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the commands are run: the files that they name are there, and the API is a simulated one."""
    with simulated({name: {"credits": 700} for name in ACCOUNTS}) as simulator:
        write(tmp_path / "api", simulator.base_url)
        listed = "".join(f"  - {{name: {name}, api_key: sk-{name}, labels: {{team: video}}}}\n" for name in ACCOUNTS)
        for name in ("exporter.yml", "shortgenius.yml", "accounts.yml", "config.yml"):
            write(tmp_path / name, f"defaults: {{base_url: '{simulator.base_url}'}}\naccounts:\n{listed}")
        for name in ACCOUNTS:
            write(tmp_path / name, f"sk-{name}")
        yield tmp_path


def here(command: str, folder: Path) -> str:
    """The command with the places of a real installation replaced by those of the test."""
    places = {
        "https://shortgenius.com/api/v1": (folder / "api").read_text(),
        "/etc/shortgenius-exporter": str(folder),
        "/var/lib/shortgenius-exporter": str(folder),
        "/run/secrets": str(folder),
        "SHORTGENIUS_API_KEY=... ": "",
        "TIMESTAMP": f"{START:.0f}",
    }
    for place, ours in places.items():
        command = command.replace(place, ours)
    return command


def environ() -> dict[str, str]:
    scripts = Path(sys.executable).parent
    keys = {"SHORTGENIUS_API_KEY": "sk-studio", "YOUR_KEY": "sk-studio"}
    return clean_environ(PATH=f"{scripts}{os.pathsep}{os.environ['PATH']}", **keys)


@pytest.mark.parametrize("block", SERVERS, ids=str)
def test_a_command_that_serves_begins_to_serve(block: Block, folder: Path) -> None:
    command = re.sub(r"(?<= )([\w-]+\.yml)", lambda found: str(folder / found[1]), here(block.text, folder))
    with program(*command.split(), "--web.listen-address", "127.0.0.1:0", environ=environ()) as running:
        address = running.wait_for(r"msg=listening address=(\S+)")[1]
        assert ask(f"http://{address}/-/healthy").status == 200
        assert running.stop()[0] == 0


@pytest.mark.parametrize("block", SCRIPTS, ids=str)
def test_commands_succeed(block: Block, folder: Path) -> None:
    with exporter("--config.file", str(folder / "exporter.yml"), "--web.enable-lifecycle") as running:
        running.wait_until_ready()
        script = re.sub(r"(http://)?(localhost|HOST):10217", running.url, here(block.text, folder))
        ran = subprocess.run(
            ["bash", "-o", "pipefail", "-euc", script],
            cwd=folder,
            env=environ(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("block", list(blocks("yaml")), ids=str)
def test_a_configuration_is_valid(block: Block, folder: Path) -> None:
    kinds = set(yaml.safe_load(block.text))
    if "accounts" in kinds:
        write(folder / "studio", "sk-0")
        variables = dict.fromkeys(re.findall(r"api_key_env: (\w+)", block.text), "")
        keys = {name: f"key-{name}" for name in variables}
        assert load(write(folder / "c.yml", block.text.replace("/run/secrets/", "")), keys).accounts
    elif kinds & {"tls_server_config", "basic_auth_users"}:
        _certificate(folder)
        assert load_web(write(folder / "web.yml", block.text)).users
    elif kinds & {"scrape_configs", "rule_files"}:
        file = write(folder / "prometheus.yml", block.text)
        checked = subprocess.run(
            ["promtool", "check", "config", "--syntax-only", str(file)], capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr
    elif kinds == {"livenessProbe", "readinessProbe"}:
        assert set(re.findall(r"path: ([^,]+)", block.text)) == {"/-/healthy", "/-/ready"}
    elif "shards" in kinds:
        values = write(folder / "values.yaml", block.text)
        rendered = subprocess.run(
            ["helm", "template", "name", str(ROOT / "deploy/helm/shortgenius-exporter"), "--values", str(values)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert rendered.returncode == 0, rendered.stderr
    else:
        pytest.fail(f"nothing checks a configuration of {kinds}")


def _certificate(folder: Path) -> None:
    certificate = trustme.CA().issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(str(folder / "server.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "server.key"))


@pytest.mark.parametrize("block", list(blocks("promql")), ids=str)
def test_a_query_is_promql(block: Block) -> None:
    """A block is one query, or one in each line."""
    try:
        promql_parser.parse(block.text)
    except ValueError:
        for line in block.text.splitlines():
            promql_parser.parse(line)


@pytest.mark.parametrize("block", list(blocks("json")), ids=str)
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"", text)
    for target in (one or other for one, other in targets):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, fragment = target.partition("#")
        found = (page.parent / path) if path else page
        assert found.exists(), target
        if fragment and found.suffix == ".md":
            assert fragment in _anchors(found.read_text("utf-8")), target


def _anchors(text: str) -> set[str]:
    """The anchors that GitHub gives the headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_what_is_not_run_is_still_in_the_documentation() -> None:
    every = [one.text for one in commands()]
    assert [pattern for pattern in NOT_RUN if not any(re.match(pattern, command) for command in every)] == []
