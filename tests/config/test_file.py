from __future__ import annotations

import gc
from pathlib import Path

import pytest
import yaml

from shortgenius_exporter.config import ConfigError, load
from shortgenius_exporter.core.account import Account, KeyFile, Limits, Settings, Threshold
from shortgenius_exporter.core.renewal import MonthlyRenewal, PeriodicRenewal
from shortgenius_exporter.core.secret import Secret

CONTRACT = Path(__file__).parent / "good" / "contract.yml"
LOADERS = pytest.mark.parametrize("loader", [yaml.CSafeLoader, yaml.SafeLoader])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yml"


def accounts(file: Path, text: str) -> tuple[Account, ...]:
    file.write_text(text, encoding="utf-8")
    return load(file, {}).accounts


def one(file: Path, settings: str) -> Account:
    (account,) = accounts(file, "accounts:\n- name: studio\n  api_key: k\n" + settings)
    return account


@LOADERS
def test_the_example_of_the_reference_loads(loader: object) -> None:
    studio = Account(
        name="studio",
        key=KeyFile(CONTRACT.parent / "../errors/files/studio.key"),
        base_url="https://shortgenius.com/api/v1",
        poll_interval=30.0,
        poll_timeout=10.0,
        stale_after=300.0,
        labels=(("env", "prod"), ("team", "video")),
        thresholds=(
            Threshold("credits", "warning", 500.0),
            Threshold("credits", "critical", 50.0),
            Threshold("image_credits", "warning", 40.0),
        ),
        renewal=MonthlyRenewal(1, "UTC"),
    )
    assert load(CONTRACT, {}, loader) == Settings((studio,), Limits(32, 0.0, 32))


def test_what_is_not_written_has_its_built_in_value(file: Path) -> None:
    assert one(file, "") == Account("studio", Secret("k"))


def test_a_key_comes_from_a_variable(file: Path) -> None:
    file.write_text("accounts: [{name: studio, api_key_env: STUDIO_KEY}]")
    assert load(file, {"STUDIO_KEY": "k\n"}).accounts == (Account("studio", Secret("k"), key_variable="STUDIO_KEY"),)


def test_relative_paths_start_at_the_directory_of_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file.parent / "keys").mkdir()
    (file.parent / "keys" / "studio").write_text("k\n")
    file.write_text("accounts: [{name: studio, api_key_file: keys/studio}]")
    monkeypatch.chdir(file.parent.parent)
    (account,) = load(Path(file.parent.name, file.name), {}).accounts
    assert account.key == KeyFile(file.parent / "keys" / "studio")


def test_an_account_replaces_a_default_whole(file: Path) -> None:
    first, second = accounts(
        file,
        """
        defaults:
          labels: {team: video, env: prod}
          thresholds: {credits: {warning: 100, critical: 20}}
          proxy_url: http://proxy:3128
          renewal: {day: 5}
        accounts:
          - {name: a, api_key: ka}
          - {name: b, api_key: kb, labels: {team: ads}, thresholds: {image_credits: {page: 3}}, proxy_url: ,
             renewal: null}
        """,
    )
    assert first.labels == (("env", "prod"), ("team", "video"))
    assert first.proxy_url == Secret("http://proxy:3128")
    assert first.renewal == MonthlyRenewal(5)
    assert second == Account(
        "b", Secret("kb"), labels=(("team", "ads"),), thresholds=(Threshold("image_credits", "page", 3.0),)
    )


@pytest.mark.parametrize("empty", ["", "null", "{}"])
def test_an_empty_block_is_no_settings(file: Path, empty: str) -> None:
    (account,) = accounts(
        file,
        f"defaults: {empty}\nlimits: {empty}\n"
        f"accounts:\n- name: studio\n  api_key: k\n  labels: {empty}\n  thresholds: {empty}\n",
    )
    assert account == Account("studio", Secret("k"))


def test_a_duration_may_be_as_short_and_as_long_as_its_bounds(file: Path) -> None:
    shortest = one(file, "  poll_interval: 100ms\n  poll_timeout: 100ms\n  stale_after: 100ms\n")
    longest = one(file, "  poll_interval: 1y\n  poll_timeout: 1h\n  stale_after: 1y\n")
    assert (shortest.poll_interval, shortest.poll_timeout, shortest.stale_after) == (0.1, 0.1, 0.1)
    assert (longest.poll_interval, longest.poll_timeout, longest.stale_after) == (31_536_000, 3600, 31_536_000)


def test_an_own_interval_is_compared_with_the_default_it_does_not_replace(file: Path) -> None:
    defaults = "defaults: {poll_interval: 1m, stale_after: 10m}\n"
    (account,) = accounts(file, defaults + "accounts: [{name: a, api_key: k, poll_interval: 10m}]")
    assert (account.poll_interval, account.stale_after) == (600, 600)
    with pytest.raises(ConfigError) as raised:
        accounts(file, defaults + "accounts: [{name: a, api_key: k, poll_interval: 11m}]")
    problem = "is longer than stale_after (10m): set stale_after to at least 11m"
    assert str(raised.value) == f"{file}:2:49: accounts[0].poll_interval: {problem}"


def test_a_severity_and_a_label_of_ones_own_may_be_a_little_like_the_usual_ones(file: Path) -> None:
    account = one(file, "  thresholds: {credits: {morning: 5}}\n  labels: {_account: x}\n")
    assert account.thresholds == (Threshold("credits", "morning", 5.0),)
    assert account.labels == (("_account", "x"),)


def test_an_unknown_name_that_could_be_a_key_is_not_repeated(file: Path) -> None:
    for name, shown in (("averylongwordoftwenty", ""), ("polintervall", "accounts[0].polintervall")):
        with pytest.raises(ConfigError) as raised:
            one(file, f"  {name}: x\n")
        (problem,) = raised.value.problems
        assert problem.path == (shown or "accounts[0]")
        assert (name in str(raised.value)) is bool(shown)


def test_limits_are_read(file: Path) -> None:
    file.write_text(
        "limits: {max_concurrent_polls: 5, max_requests_per_second: 2.5, max_credit_types: 7}\n"
        "accounts: [{name: studio, api_key: k}]\n"
    )
    assert load(file, {}).limits == Limits(5, 2.5, 7)


@pytest.mark.parametrize(
    ("written", "renewal"),
    [
        ("{day: 31, timezone: Europe/Berlin}", MonthlyRenewal(31, "Europe/Berlin")),
        ("{every: 30d, from: 2026-01-15}", PeriodicRenewal(2_592_000.0, 1_768_435_200.0)),
        ("{every: 1w, from: '2026-01-15', timezone: Asia/Tokyo}", PeriodicRenewal(604_800.0, 1_768_402_800.0)),
    ],
)
def test_a_renewal_is_a_day_of_the_month_or_a_period(
    file: Path, written: str, renewal: MonthlyRenewal | PeriodicRenewal
) -> None:
    assert one(file, f"  renewal: {written}\n").renewal == renewal


@pytest.mark.parametrize("name", ["1.2.3", "a b", "é", "x-1", "on-call", "12:30:99", "1_a", "null and void", "y"])
def test_unquoted_text_that_no_yaml_reads_otherwise_is_a_name(file: Path, name: str) -> None:
    assert [account.name for account in accounts(file, f"accounts: [{{name: {name}, api_key: k}}]")] == [name]


@pytest.mark.parametrize("value", ['"0123"', "'0123'", "!!str 0123"])
def test_quoted_numbers_are_text(file: Path, value: str) -> None:
    assert [account.name for account in accounts(file, f"accounts: [{{name: {value}, api_key: k}}]")] == ["0123"]


def test_label_names_are_never_read_as_true_or_false(file: Path) -> None:
    assert one(file, "  labels: {no: Oslo, on: call}\n").labels == (("no", "Oslo"), ("on", "call"))


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("https://shortgenius.com/api/v1/", "https://shortgenius.com/api/v1"),
        ("HTTP://127.0.0.1:8080", "HTTP://127.0.0.1:8080"),
        ("'http://[::1]:8080/v1'", "http://[::1]:8080/v1"),
        ("http://api_v2.internal./x", "http://api_v2.internal./x"),
    ],
)
def test_a_base_url_loses_the_slash_at_its_end(file: Path, written: str, url: str) -> None:
    assert one(file, f"  base_url: {written}\n").base_url == url


def test_a_proxy_may_need_a_password_which_is_not_shown(file: Path) -> None:
    account = one(file, "  proxy_url: http://user:secret@proxy:3128/\n")
    assert account.proxy_url == Secret("http://user:secret@proxy:3128/")
    assert "secret@" not in repr(account)


def test_anchors_aliases_and_merge_keys_work(file: Path) -> None:
    first, second = accounts(
        file,
        """
        accounts:
          - &first {name: a, api_key: ka, poll_interval: 2m, labels: &labels {team: video}}
          - {<<: [{poll_timeout: 3s}, *first], name: b, api_key: kb, poll_interval: 30s}
        """,
    )
    assert first == Account("a", Secret("ka"), poll_interval=120.0, labels=(("team", "video"),))
    assert second == Account("b", Secret("kb"), poll_interval=30.0, poll_timeout=3.0, labels=(("team", "video"),))


def test_of_merged_mappings_the_first_wins(file: Path) -> None:
    assert one(file, "  <<: [{poll_timeout: 3s}, {poll_timeout: 4s}]\n").poll_timeout == 3.0


@pytest.mark.parametrize("name", ["'<<'", '"<<"'])
def test_a_quoted_merge_key_is_a_name(file: Path, name: str) -> None:
    file.write_text(f"accounts: [{{name: a, api_key: k, labels: {{{name}: x}}}}]")
    with pytest.raises(ConfigError, match="is not a label name"):
        load(file, {})


def test_a_byte_order_mark_and_windows_line_ends_are_fine(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfaccounts:\r\n- name: studio\r\n  api_key: k\r\n")
    assert load(file, {}).accounts == (Account("studio", Secret("k")),)


def test_columns_do_not_count_the_byte_order_mark(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfab\xffcd")
    with pytest.raises(ConfigError) as raised:
        load(file, {})
    assert str(raised.value) == f"{file}:1:3: is not UTF-8 text: save the file as UTF-8"


def test_an_empty_file_is_an_error(file: Path) -> None:
    file.touch()
    with pytest.raises(ConfigError) as raised:
        load(file, {})
    assert str(raised.value) == f"{file}:1:1: is empty: write at least one account"


def test_a_missing_file_is_an_error(file: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load(file, {})
    assert str(raised.value) == f"{file}: does not exist: create it, or correct the path"


def test_a_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, {})
    assert str(raised.value) == f"{tmp_path}: is a directory: name a file"


def test_an_endless_file_is_an_error() -> None:
    with pytest.raises(ConfigError) as raised:
        load(Path("/dev/zero"), {})
    assert str(raised.value) == "/dev/zero: holds more than 64 MiB: is this the configuration file?"


def test_an_escape_that_means_no_character_is_an_error_of_the_pure_parser_too(file: Path) -> None:
    file.write_text('accounts: "\\UFFFFFFFF"')
    with pytest.raises(ConfigError) as raised:
        load(file, {}, yaml.SafeLoader)
    assert str(raised.value) == f"{file}:1:1: not valid YAML: a character escape means no character"


def test_half_a_surrogate_pair_is_an_error_of_the_pure_parser_too(file: Path) -> None:
    file.write_text('accounts: "\\ud800"')
    with pytest.raises(ConfigError) as raised:
        load(file, {}, yaml.SafeLoader)
    message = "holds half of a surrogate pair: write the character itself"
    assert str(raised.value) == f"{file}:1:11: {message}"


def test_nesting_beyond_the_stack_is_an_error(file: Path) -> None:
    file.write_text("[" * 200_000)
    with pytest.raises(ConfigError, match="nested more than 50 levels deep"):
        load(file, {})


def test_a_ca_file_must_hold_certificates(file: Path, ca_pem: bytes) -> None:
    (file.parent / "ca.pem").write_bytes(ca_pem)
    assert one(file, "  ca_file: ca.pem\n").ca_file == file.parent / "ca.pem"


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_collection_is_afterwards_as_it_was(file: Path, enabled: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        one(file, "")
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()


def test_an_error_shows_no_key_in_its_traceback(file: Path) -> None:
    file.write_text("accounts: [{name: a, api_key: sk-secret-0001, poll_interval: 30}]")
    with pytest.raises(ConfigError) as raised:
        load(file, {})
    assert "sk-secret" not in repr(raised.value) + str(raised.getrepr(showlocals=True, style="short")).replace(
        "api_key: sk-secret-0001, poll_interval", ""
    )
