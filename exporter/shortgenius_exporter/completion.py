"""Completion for shells, by shtab, which is installed only where it is wanted."""

from __future__ import annotations

import argparse

SHELLS = ("bash", "zsh", "tcsh")


class CompletionError(Exception):
    """shtab is missing; the text says how to get it."""


def completion(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script that makes ``shell`` complete the program's commands and flags. Raises CompletionError."""
    try:
        import shtab  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise CompletionError(
            "completion needs the package shtab: install it with pip install 'shortgenius-exporter[completion]'"
        ) from None
    return str(shtab.complete(parser, shell=shell))
