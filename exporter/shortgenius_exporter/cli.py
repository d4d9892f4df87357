"""The command line: what can be typed, and which function it calls."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from shortgenius_exporter.completion import SHELLS, CompletionError, completion
from shortgenius_exporter.usage import USAGE_ERROR, Parser

PROGRAM = "shortgenius-exporter"
_DESCRIPTION = """\
Prometheus exporter for ShortGenius credits.
Without a command it polls and serves /metrics.
"""
_EPILOG = """\
Accounts come from --config.file, or from the environment:
  SHORTGENIUS_API_KEY          the key of an account named "default"
  SHORTGENIUS_API_KEY_<NAME>   the key of an account named "<name>"
  SHORTGENIUS_BASE_URL         where the API is

Exit codes: 0 fine, 1 a check failed or an account could not be read,
2 wrong usage or configuration, 3 (check only) a balance is not known.

To begin:
  shortgenius-exporter demo              try it, with no key
  shortgenius-exporter config example    a configuration to start from
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command. Returns 0 if all went well, 1 or 3 if a check failed, 2 for wrong usage or configuration."""
    try:
        return _run(argv)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output has seen enough; what is still buffered must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(argv: Sequence[str] | None) -> int:
    top = parser()
    top.refuse_unknown_flags(sys.argv[1:] if argv is None else argv)
    args = top.parse_args(argv)
    # Imported late so that --version, --help and health answer at once.
    if args.command == "health":
        from shortgenius_exporter.health import health  # noqa: PLC0415

        return health(args.url)
    from shortgenius_exporter import commands  # noqa: PLC0415

    try:
        if args.command == "completion":
            print(completion(top, args.shell))
            return 0
        return commands.run(args, os.environ)
    except (commands.UsageError, CompletionError) as error:
        print(error, file=sys.stderr)
        return USAGE_ERROR


def parser() -> Parser:
    """All that can be typed."""
    # Each parser gets flags of its own: set_defaults changes the flags it finds, shared ones everywhere.
    top = Parser(
        prog=PROGRAM,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        parents=[_config_flags(), _log_flags(), _serving_flags()],
    )
    top.add_argument(
        "--config.check", dest="config_check", action="store_true", help="validate, print every problem, exit 0 or 2"
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {version(PROGRAM)}")
    top.set_defaults(
        command=None,
        config_file=None,
        log_level="info",
        log_format="logfmt",
        listen_addresses=None,
        telemetry_path="/metrics",
        web_config_file=None,
        enable_lifecycle=False,
        state_file=None,
        shard=0,
        total_shards=1,
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=Parser)
    _add_commands(commands)
    return top


def _add_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    demo = _command(
        commands, "demo", "serve against an embedded simulator: no key, no network", _log_flags(), _serving_flags()
    )
    demo.add_argument("--speed", type=_speed, help="simulated seconds per second (default: 1440, a day a minute)")

    balances = _command(
        commands, "balances", "ask the API now and print every balance", _config_flags(), _log_flags(), _accounts()
    )
    balances.add_argument("--output", choices=("table", "json"), default="table", help="default: %(default)s")

    text = "exit 1 if an account has less than required, 3 if unknown"
    check = _command(commands, "check", text, _config_flags(), _log_flags(), _accounts())
    check.add_argument(
        "--require", action="append", required=True, type=_requirement, metavar="TYPE=AMOUNT", help="repeatable"
    )

    once = _command(commands, "once", "poll every account once and print the metrics", _config_flags(), _log_flags())
    once.add_argument(
        "--output", metavar="FILE", help="write atomically to FILE, for node_exporter's textfile collector"
    )

    health = _command(commands, "health", "ask a running exporter whether it works; exit 1 if not")
    health.add_argument("--url", type=_url, default="http://localhost:10217/-/healthy", help="default: %(default)s")

    _add_simulate(commands)
    config = _command(commands, "config", "print a commented configuration with every setting")
    config.add_argument("what", choices=("example",), metavar="example", help="what to print")

    completion = _command(commands, "completion", "print the completion script of a shell")
    completion.add_argument("shell", choices=SHELLS, metavar="|".join(SHELLS), help="which shell")


def _add_simulate(commands: argparse._SubParsersAction[Parser]) -> None:
    simulate = _command(commands, "simulate", "run the simulated API alone")
    simulate.add_argument(
        "--web.listen-address",
        dest="simulator_address",
        metavar="HOST:PORT",
        default="127.0.0.1:10218",
        help="default: %(default)s",
    )
    simulate.add_argument(
        "--speed", type=_speed, default=1.0, help="simulated seconds per second (default: %(default)g)"
    )
    simulate.add_argument("--seed", type=int, default=1, help="another seed, another history (default: %(default)s)")


def _command(commands: argparse._SubParsersAction[Parser], name: str, text: str, *flags: Parser) -> Parser:
    return commands.add_parser(name, parents=flags, help=text, description=f"{text[0].upper()}{text[1:]}.")


def _accounts() -> Parser:
    names = Parser(add_help=False)
    names.add_argument("accounts", nargs="*", metavar="ACCOUNT", help="only these")
    return names


def _config_flags() -> Parser:
    flags = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    flags.add_argument(
        "--config.file", dest="config_file", metavar="PATH", help="accounts, thresholds and limits (YAML)"
    )
    return flags


def _log_flags() -> Parser:
    flags = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    flags.add_argument(
        "--log.level", dest="log_level", choices=("debug", "info", "warn", "error"), help="default: info"
    )
    flags.add_argument("--log.format", dest="log_format", choices=("logfmt", "json"), help="default: logfmt")
    return flags


def _serving_flags() -> Parser:
    flags = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    web = flags.add_argument_group("serving")
    web.add_argument(
        "--web.listen-address",
        dest="listen_addresses",
        action="append",
        metavar="HOST:PORT",
        help="repeatable; default: :10217",
    )
    web.add_argument(
        "--web.telemetry-path", dest="telemetry_path", type=_path, metavar="PATH", help="default: /metrics"
    )
    web.add_argument(
        "--web.config.file",
        dest="web_config_file",
        type=Path,
        metavar="PATH",
        help="TLS and basic auth, in the exporter-toolkit's format",
    )
    web.add_argument(
        "--web.enable-lifecycle", dest="enable_lifecycle", action="store_true", help="permit POST /-/reload"
    )
    web.add_argument(
        "--state.file", dest="state_file", type=Path, metavar="PATH", help="keep the credit counters across restarts"
    )
    web.add_argument(
        "--shard",
        type=_ordinal,
        metavar="N",
        help="poll only this share of the accounts, from 0; a pod's name that ends in -N also names it; default: 0",
    )
    web.add_argument(
        "--total-shards", dest="total_shards", type=_total, metavar="N", help="how many shares there are; default: 1"
    )
    return flags


def _path(text: str) -> str:
    if not text.startswith("/") or text == "/" or text.startswith(("/-/", "/probe", "/api/")):
        raise argparse.ArgumentTypeError(f"{text!r} must begin with / and not be a path of the exporter's own")
    return text


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/@?#]+(/[!-~]*)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a URL such as http://localhost:10217/-/healthy")
    return text


def _ordinal(text: str) -> int:
    found = re.fullmatch(r"(?:.+-)?([0-9]{1,9})", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number from 0 nor a pod's name that ends in one")
    return int(found[1])


def _total(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")
    return int(text)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 1e6:  # noqa: PLR2004 - some bound, far above any use
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0 and up to 1000000")
    return speed


def _requirement(text: str) -> tuple[str, float]:
    credit_type, equals, number = text.partition("=")
    try:
        required = float(number)
    except ValueError:
        required = -1.0
    if not (credit_type and equals and 0 <= required < float("inf")):
        raise argparse.ArgumentTypeError(f"{text!r} is not TYPE=AMOUNT, for example credits=500")
    return credit_type, required
