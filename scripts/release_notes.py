"""The notes of a release: its section of CHANGELOG.md, once everything agrees that this is the version.

release_notes.py 1.2.3     prints the notes, or says what names another version and exits with 1
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def versions(root: Path) -> dict[str, str]:
    """What each file that names the project's version says."""
    chart = yaml.safe_load((root / "deploy/helm/shortgenius-exporter/Chart.yaml").read_text())
    compose = yaml.safe_load((root / "deploy/compose/compose.yml").read_text())
    overlay = yaml.safe_load((root / "deploy/kustomize/example/kustomization.yaml").read_text())
    return {
        "pyproject.toml": tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"],
        "Chart.yaml version": chart["version"],
        "Chart.yaml appVersion": chart["appVersion"],
        "compose.yml": compose["services"]["exporter"]["image"].rpartition(":")[2],
        "kustomize/example": overlay["images"][0]["newTag"],
    }


def notes(changelog: str, version: str) -> str | None:
    """The text under ``## [version]``, without its heading."""
    heading = rf"^## \[{re.escape(version)}\][^\n]*\n"
    found = re.search(rf"{heading}(.*?)(?=^## \[|^\[[^\n]*\]: |\Z)", changelog, re.MULTILINE | re.DOTALL)
    return found[1].strip() + "\n" if found and found[1].strip() else None


def main(version: str) -> int:
    wrong = [f"{file} names version {named}" for file, named in versions(ROOT).items() if named != version]
    text = notes((ROOT / "CHANGELOG.md").read_text(), version)
    if text is None:
        wrong.append(f"CHANGELOG.md says nothing under ## [{version}]")
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else __doc__)  # noqa: PLR2004 - the program and the version
