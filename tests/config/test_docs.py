from __future__ import annotations

import re
from pathlib import Path

import pytest

from shortgenius_exporter.config import ConfigError, from_environment, load
from shortgenius_exporter.config.accounts import ACCOUNT, DEFAULTS, LIMITS
from shortgenius_exporter.config.environment import BASE_URL, KEY
from shortgenius_exporter.config.file import TOP
from shortgenius_exporter.config.settings import RENEWAL
from shortgenius_exporter.core.account import Account, Limits
from shortgenius_exporter.core.secret import Secret

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
BLOCKS = dict(enumerate(re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)))
NAMES = [*TOP.names, *ACCOUNT.names, *DEFAULTS.names, *LIMITS, *RENEWAL.names, KEY, f"{KEY}_<NAME>", BASE_URL]
ENVIRON = {"STUDIO_API_KEY": "k1", "LAB_API_KEY": "k2"}


@pytest.mark.parametrize("name", sorted(set(NAMES)))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("number", BLOCKS)
def test_every_example_loads(number: int, tmp_path: Path) -> None:
    (tmp_path / "studio").write_text("k0\n")
    file = tmp_path / "shortgenius.yml"
    file.write_text(BLOCKS[number].replace("/run/secrets/", ""))
    assert load(file, ENVIRON).accounts


@pytest.mark.parametrize(
    ("setting", "written"),
    [
        ("base_url", "`https://shortgenius.com/api/v1`"),
        ("poll_interval", "`1m`"),
        ("poll_timeout", "`10s`"),
        ("stale_after", "`5m`"),
        ("labels", "none"),
        ("thresholds", "none"),
        ("renewal", "`null`"),
        ("proxy_url", "`null`"),
        ("ca_file", "`null`"),
        ("max_concurrent_polls", "32"),
        ("max_requests_per_second", "0"),
        ("max_credit_types", "32"),
    ],
)
def test_the_documented_default_is_the_built_in_one(setting: str, written: str, tmp_path: Path) -> None:
    """Writing the documented default changes nothing."""
    assert re.search(rf"^\| `{setting}` \|[^|]*\| {re.escape(written)} \|", PAGE, re.MULTILINE)
    value = written.strip("`").replace("none", "{}")
    block = f"limits: {{{setting}: {value}}}" if setting in LIMITS else f"defaults: {{{setting}: {value}}}"
    file = tmp_path / "shortgenius.yml"
    file.write_text(f"{block}\naccounts: [{{name: studio, api_key: k}}]\n")
    settings = load(file, {})
    assert settings.accounts == (Account("studio", Secret("k")),)
    assert settings.limits == Limits()


def test_the_errors_shown_are_the_errors_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shortgenius.yml").write_text(
        "# our accounts\n"
        "defaults:\n"
        "  poll_interval: 30\n"
        "accounts:\n"
        "  - {name: studio, api_key: k,\n"
        "    treshold: {}}\n"
        "  -\n"
        "    name: 0042\n"
        "    api_key: k\n"
    )
    with pytest.raises(ConfigError) as raised:
        load(Path("shortgenius.yml"), {})
    assert f"```text\n{raised.value}\n```" in PAGE


def test_the_error_of_the_environment_shown_is_the_one_given() -> None:
    with pytest.raises(ConfigError) as raised:
        from_environment({KEY: "k", f"{KEY}_LAB": "k"})
    assert f"```text\n{raised.value}\n```" in PAGE
