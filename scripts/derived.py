"""The files that repeat others: written here, never by hand, because Helm and Kustomize see only their own folders.

``make derived`` writes them; a test fails when one differs.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
CHART = Path("deploy/helm/shortgenius-exporter")
COMPONENTS = Path("deploy/kustomize/components")
RULES = Path("deploy/prometheus/rules")
DASHBOARDS = Path("grafana/dashboards")
# Where a derived folder holds nothing else: what is not derived any more is deleted from it.
FOLDERS = (CHART / "files",)

_TABLE = re.compile(r"(?<=<!-- values -->\n).*(?=<!-- /values -->)", re.DOTALL)
_KEY = re.compile(r"( *)([A-Za-z]\w*):(.*)")


def derived() -> dict[Path, str]:
    """The content of every derived file, by its path below the repository."""
    rules = {path.name: path.read_text() for path in sorted((ROOT / RULES).glob("*.yml"))}
    dashboards = {path.name: path.read_text() for path in sorted((ROOT / DASHBOARDS).glob("*.json"))}
    files = {CHART / "files" / "rules" / name: text for name, text in rules.items()}
    files |= {CHART / "files" / "dashboards" / name: text for name, text in dashboards.items()}
    files |= {
        COMPONENTS / "prometheus-operator" / f"{Path(name).stem}.yaml": prometheus_rule(Path(name).stem, text)
        for name, text in rules.items()
    }
    readme = (ROOT / CHART / "README.md").read_text()
    files[CHART / "README.md"] = _TABLE.sub(lambda _: values_table((ROOT / CHART / "values.yaml").read_text()), readme)
    return files


def prometheus_rule(name: str, rules: str) -> str:
    head = (
        "# Made by `make derived` from deploy/prometheus/rules.\napiVersion: monitoring.coreos.com/v1\n"
        f"kind: PrometheusRule\nmetadata:\n  name: {name}\nspec:\n"
    )
    return head + "".join(f"  {line}" if line.strip() else line for line in rules.splitlines(keepends=True))


def values_table(values: str) -> str:
    """The chart's values that have a comment beginning with two dashes, as a Markdown table."""
    rows = [f"| `{path}` | `{default}` | {text} |\n" for path, default, text in described(values)]
    return "".join(["\n| value | default | meaning |\n|---|---|---|\n", *rows, "\n"])


def described(values: str) -> Iterator[tuple[str, str, str]]:
    """Path, default and description of every described value, in the file's order."""
    defaults = yaml.safe_load(values)
    path: list[str] = []
    comment: list[str] = []
    for line in values.splitlines():
        text = line.strip()
        if text.startswith("#"):
            comment = [text[5:]] if text.startswith("# -- ") else [*comment, text[2:]] if comment else []
        elif found := _KEY.fullmatch(line):
            path = [*path[: len(found[1]) // 2], found[2]]
            if comment:
                yield ".".join(path), _default(defaults, path), " ".join(comment).replace("|", "\\|")
            comment = []


def _default(defaults: Any, path: list[str]) -> str:
    for name in path:
        defaults = defaults[name]
    return json.dumps(defaults)


def main() -> int:
    files = derived()
    for folder in FOLDERS:
        for stale in {path for path in (ROOT / folder).rglob("*") if path.is_file()} - {ROOT / path for path in files}:
            stale.unlink()
    for path, text in files.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text)
    print(f"{len(files)} files written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
