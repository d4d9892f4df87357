"""What the operator wrote -> ``core.account.Settings``, or every error with its place."""

from importlib.resources import files

from shortgenius_exporter.config.durations import format_duration, parse_duration
from shortgenius_exporter.config.environment import from_environment
from shortgenius_exporter.config.file import load
from shortgenius_exporter.config.keys import KeyFileError, read_key
from shortgenius_exporter.config.problems import ConfigError, Problem

EXAMPLE = files(__name__).joinpath("example.yml")

__all__ = [
    "EXAMPLE",
    "ConfigError",
    "KeyFileError",
    "Problem",
    "format_duration",
    "from_environment",
    "load",
    "parse_duration",
    "read_key",
]
