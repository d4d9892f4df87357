"""The files that repeat others are as the others are."""

from __future__ import annotations

from derived import FOLDERS, ROOT, derived, described


def test_every_derived_file_is_up_to_date() -> None:
    files = derived()
    stale = [
        str(path) for path, text in files.items() if not (ROOT / path).exists() or (ROOT / path).read_text() != text
    ]
    assert stale == [], "run `make derived`"


def test_nothing_else_lies_among_them() -> None:
    found = {path.relative_to(ROOT) for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()}
    assert found <= set(derived())


def test_a_value_is_described_with_its_path_and_default() -> None:
    values = """\
# A comment of the file.

# -- How many,
# perhaps `a|b`.
shards: 1
image:
  # -- The tag.
  tag: ""
  other: x
"""
    assert list(described(values)) == [
        ("shards", "1", "How many, perhaps `a\\|b`."),
        ("image.tag", '""', "The tag."),
    ]
