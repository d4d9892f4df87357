from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shortgenius_exporter.config import ConfigError, load
from shortgenius_exporter.config.accounts import ACCOUNT, DEFAULTS, LIMITS
from shortgenius_exporter.config.nodes import Scalar
from shortgenius_exporter.config.scalars import kind_of

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # each writes a file
SECRET = "sk-very-secret-0001"
LOADERS = [yaml.CSafeLoader, yaml.SafeLoader]
INDICATORS = st.text("-?:,[]{}#&*!|>'\"%@` \t\n\\~<=ab01.", max_size=60)
LOOKALIKES = st.sampled_from(["30s", "0123", "1e3", "2026-01-15", "https://x", "UTC", "", "~", "yes", SECRET])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | LOOKALIKES
NAMES = st.sampled_from([*ACCOUNT.names, *LIMITS, "credits", "warning", "critical", "day", "every", "from"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def mapping(names: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, VALUES))


CONFIGURATIONS = st.fixed_dictionaries(
    {"accounts": st.lists(mapping(tuple(ACCOUNT.names)), max_size=3) | VALUES},
    optional={"defaults": mapping(tuple(DEFAULTS.names)) | VALUES, "limits": mapping(tuple(LIMITS)) | VALUES},
)


def check_outcome(data: bytes, loader: object) -> None:
    """Settings, or problems that each have a place and a line, and none a secret."""
    error = attempt(data, loader)
    if error is not None:
        assert error.problems
        assert all((problem.line or 0) >= 1 and (problem.column or 0) >= 1 for problem in error.problems)
        assert SECRET not in str(error)
        assert len(str(error).split("\n")) == len(error.problems)


def attempt(data: bytes, loader: object) -> ConfigError | None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "config.yml")
        path.write_bytes(data)
        try:
            load(path, {"KEY": SECRET}, loader)
        except ConfigError as error:
            return error
    return None


@unhurried
@pytest.mark.parametrize("loader", LOADERS)
@given(data=st.binary(max_size=60) | (INDICATORS | st.text(max_size=60)).map(str.encode))
@example(data=b"a: \xff")
@example(data=b"\xff\xfea\x00")
@example(data=b"--- a\n--- b")
@example(data=b"%YAML 9.9\n---\na")
@example(data=b"*a")
def test_any_bytes_give_settings_or_problems(loader: object, data: bytes) -> None:
    check_outcome(data, loader)


@unhurried
@pytest.mark.parametrize("loader", LOADERS)
@given(text=INDICATORS)
def test_any_value_of_a_setting_gives_settings_or_problems(loader: object, text: str) -> None:
    for name in ("api_key", "labels", "renewal", "proxy_url"):
        check_outcome(f"accounts:\n- name: a\n  {name}: {text}\n".encode(), loader)


@unhurried
@pytest.mark.parametrize("loader", LOADERS)
@given(configuration=CONFIGURATIONS)
def test_any_structure_gives_settings_or_problems(loader: object, configuration: dict[str, Any]) -> None:
    check_outcome(yaml.safe_dump(configuration, allow_unicode=True, sort_keys=False).encode("utf-8", "replace"), loader)


@unhurried
@pytest.mark.parametrize("setting", ["api_key", "api_key_file", "api_key_env", "proxy_url", "base_url", "ca_file"])
@given(around=st.tuples(INDICATORS, INDICATORS))
def test_a_secret_in_a_setting_is_never_repeated(setting: str, around: tuple[str, str]) -> None:
    value = json.dumps(SECRET.join(around))
    check_outcome(f"accounts: [{{name: a, {setting}: {value}}}]".encode(), yaml.CSafeLoader)


@given(st.from_regex(re.compile(r"[-+.0-9a-zA-Z_:~=TZ]{0,12}", re.ASCII), fullmatch=True))
@example("0x_F")
@example("1:30.5")
@example("-.Inf")
def test_what_yaml_reads_as_something_else_is_never_taken_for_text(text: str) -> None:
    parser: Any = yaml.SafeLoader("")
    resolved = parser.resolve(yaml.ScalarNode, text, (True, False))
    if resolved not in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:value"):
        assert kind_of(Scalar(1, 1, text, plain=True)) != "text"
