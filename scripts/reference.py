"""Writes the generated parts of docs/metrics.md and docs/cli.md: ``scripts/reference.py`` after a change of either."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from shortgenius_exporter.cli import parser
from shortgenius_exporter.metrics.durations import Durations
from shortgenius_exporter.metrics.exporter import ExporterCollector, ExporterState
from shortgenius_exporter.metrics.families import ACCOUNT_FAMILIES

DOCS = Path(__file__).parents[1] / "docs"
_BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    for name in ("metrics.md", "cli.md"):
        page = DOCS / name
        page.write_text(filled(page.read_text("utf-8")), "utf-8")


def filled(page: str) -> str:
    """The page with each block between ``<!-- generated: NAME -->`` and ``<!-- end -->`` made anew."""
    makers = {"accounts": _account_metrics, "exporter": _exporter_metrics, "flags": _flags, "commands": _commands}
    return _BLOCK.sub(lambda found: f"{found[1]}\n{_lines(makers[found[2]]())}\n{found[3]}", page)


def _account_metrics() -> Iterator[str]:
    yield from _heads("metric", "type", "labels besides `account` and your own", "meaning")
    for one in ACCOUNT_FAMILIES:
        yield _row(f"`{one.name}`", one.kind, _ticked(one.labels), one.help)


def _exporter_metrics() -> Iterator[str]:
    state = ExporterState(0, reload_ok=True, reloaded_at=0.0, web_reload_ok=True, poll_loop_ran_at=0.0)
    yield from _heads("metric", "type", "labels", "meaning")
    for one in ExporterCollector(lambda: state, lambda: [Durations().family()]).collect():
        name = f"{one.name}_total" if one.type == "counter" else one.name
        labels = sorted({label for sample in one.samples for label in sample.labels if label != "le"})
        yield _row(f"`{name}`", one.type, _ticked(labels), one.documentation)


def _flags() -> Iterator[str]:
    yield from _table(parser())


def _commands() -> Iterator[str]:
    for action in parser()._actions:  # noqa: SLF001 - argparse has no other way to ask
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for name, command in action.choices.items():
                yield from (f"### `{name}`", "", str(command.description), "", *_table(command), "")


def _table(one: argparse.ArgumentParser) -> Iterator[str]:
    actions = [
        action
        for action in one._actions  # noqa: SLF001
        if not isinstance(action, argparse._SubParsersAction | argparse._HelpAction)  # noqa: SLF001
    ]
    if actions:
        yield from _heads("argument", "meaning")
    for action in actions:
        help_text = (action.help or "") % {"default": action.default, "prog": one.prog}
        yield _row(f"`{_typed(action)}`", help_text)


def _typed(action: argparse.Action) -> str:
    value = action.metavar or (action.choices and "|".join(action.choices)) or action.dest.upper()
    takes = action.nargs != 0
    if not action.option_strings:
        return f"[{value}...]" if action.nargs == "*" else str(value)
    return " ".join([*action.option_strings, *([str(value)] if takes else [])])


def _heads(*names: str) -> tuple[str, str]:
    return _row(*names), f"|{'---|' * len(names)}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _ticked(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"


if __name__ == "__main__":
    main()
