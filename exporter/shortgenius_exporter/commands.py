"""What each command does. Functions return the exit code; results go to standard output, all else to standard error."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from shortgenius_exporter import config
from shortgenius_exporter.api.client import Client
from shortgenius_exporter.api.tls import TlsContexts
from shortgenius_exporter.app import Options
from shortgenius_exporter.app import run as run_exporter
from shortgenius_exporter.core.account import Settings
from shortgenius_exporter.core.shard import Shard
from shortgenius_exporter.core.snapshot import Snapshot
from shortgenius_exporter.logs import set_up
from shortgenius_exporter.metrics.exporter import ExporterCollector, ExporterState
from shortgenius_exporter.metrics.exposition import Exposition, Negotiated
from shortgenius_exporter.polling.clock import Clock
from shortgenius_exporter.polling.once import poll_once
from shortgenius_exporter.state.errors import StateFileError
from shortgenius_exporter.terminal import hints, table, wants_colour, with_progress
from shortgenius_exporter.web.accounts import error_json
from shortgenius_exporter.web.config import WebConfig
from shortgenius_exporter.web.config import load as load_web_config
from shortgenius_exporter.web.listen import ListenError
from shortgenius_exporter.words import amount, printable

FINE, FAILED, UNKNOWN = 0, 1, 3

Environ = Mapping[str, str]


class UsageError(Exception):
    """What was typed or configured cannot be used; the text says what to do."""


def run(args: argparse.Namespace, environ: Environ) -> int:
    """Runs the command that ``args`` names; the exit code. Raises UsageError."""
    commands: dict[str | None, Callable[[argparse.Namespace, Environ], int]] = {
        None: serve,
        "demo": demo,
        "balances": balances,
        "check": check,
        "once": once,
        "simulate": simulate,
        "config": example,
    }
    try:
        return check_config(args, environ) if args.config_check else commands[args.command](args, environ)
    except (config.ConfigError, ListenError, StateFileError) as error:
        raise UsageError(str(error)) from None


def check_config(args: argparse.Namespace, environ: Environ) -> int:
    """Every problem of both files at once. Raises ConfigError."""
    web_file = args.web_config_file
    loads: list[Callable[[], Settings | WebConfig]] = [lambda: _load(args, environ), lambda: load_web_config(web_file)]
    found: list[Settings | WebConfig] = []
    problems: list[config.Problem] = []
    for load in loads:
        try:
            found.append(load())
        except config.ConfigError as error:
            problems.extend(error.problems)
    if problems:
        raise config.ConfigError(tuple(problems))
    for one in found:
        if isinstance(one, Settings):
            print(f"{args.config_file or 'environment'}: fine, {_count(len(one.accounts), 'account')}")
        elif web_file is not None:
            print(f"{web_file}: fine, {one.scheme}, {_count(len(one.users), 'user')}")
    return FINE


def serve(args: argparse.Namespace, environ: Environ) -> int:
    run_exporter(lambda: _load(args, environ), options(args), set_up(args.log_level, args.log_format))
    return FINE


def demo(args: argparse.Namespace, _: Environ) -> int:
    if args.config_file is not None:
        raise UsageError("--config.file: the demo has accounts of its own; leave the flag or the command out")
    from shortgenius_exporter.demo import run_demo  # noqa: PLC0415 - only these two need the simulator

    return run_demo(options(args), set_up(args.log_level, args.log_format), args.speed)


def example(_: argparse.Namespace, __: Environ) -> int:
    print(config.EXAMPLE.read_text("utf-8"), end="")
    return FINE


def simulate(args: argparse.Namespace, _: Environ) -> int:
    from shortgenius_exporter.demo import run_simulator  # noqa: PLC0415

    return run_simulator(args.simulator_address, args.speed, args.seed)


def balances(args: argparse.Namespace, environ: Environ) -> int:
    snapshots = _poll(_chosen(_load(args, environ), args.accounts), args)
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    if args.output == "json":
        print(json.dumps([_as_json(snapshot) for snapshot in snapshots], indent=2))
    else:
        print(table(snapshots, colour=wants_colour(sys.stdout, environ), columns=columns), end="", flush=True)
    _hint(snapshots)
    return FINE if all(snapshot.up for snapshot in snapshots) else FAILED


def check(args: argparse.Namespace, environ: Environ) -> int:
    snapshots = _poll(_chosen(_load(args, environ), args.accounts), args)
    verdicts = [_verdict(snapshot, *required) for snapshot in snapshots for required in args.require]
    for _, line in verdicts:
        print(line)
    sys.stdout.flush()
    _hint(snapshots)
    codes = {code for code, _ in verdicts}
    # What is known to be too little outweighs what is not known.
    return next(code for code in (FAILED, UNKNOWN, FINE) if code in codes)


def once(args: argparse.Namespace, environ: Environ) -> int:
    settings = _load(args, environ)
    clock = Clock()
    exposition = Exposition(clock.wall)
    for snapshot in _poll(settings, args):
        exposition.publish(snapshot)
    state = ExporterState(len(settings.accounts), reload_ok=True, reloaded_at=clock.wall())
    # Without the process's own metrics, which would collide with node_exporter's.
    collector = ExporterCollector(lambda: state, lambda: [exposition.durations.family()])
    text = exposition.accounts(openmetrics=False) + Negotiated("").encode(collector)
    if args.output is None:
        sys.stdout.buffer.write(text)
        return FINE
    return _write(Path(args.output), text)


def options(args: argparse.Namespace) -> Options:
    """Raises UsageError for a shard that is none of ``--total-shards``."""
    if args.shard >= args.total_shards:
        last = args.total_shards - 1
        raise UsageError(f"--shard: {args.shard} is above {last}, the last of --total-shards {args.total_shards}")
    return Options(
        listen_addresses=tuple(args.listen_addresses or (":10217",)),
        telemetry_path=args.telemetry_path,
        enable_lifecycle=args.enable_lifecycle,
        shard=Shard(args.shard, args.total_shards),
        state_file=args.state_file,
        web_config_file=args.web_config_file,
    )


def _load(args: argparse.Namespace, environ: Environ) -> Settings:
    return config.load(Path(args.config_file), environ) if args.config_file else config.from_environment(environ)


def _chosen(settings: Settings, names: list[str]) -> Settings:
    known = {account.name: account for account in settings.accounts}
    for name in names:
        if name not in known:
            raise UsageError(f"no account {name!r} is configured; there are: {', '.join(map(repr, known))}")
    accounts = tuple(known[name] for name in dict.fromkeys(names)) or settings.accounts
    return Settings(accounts, settings.limits)


def _poll(settings: Settings, args: argparse.Namespace) -> list[Snapshot]:
    contexts = TlsContexts()
    clock = Clock()
    log = set_up(args.log_level, args.log_format)
    polled = poll_once(settings, lambda: Client(contexts), clock, log)
    counted = with_progress(polled, len(settings.accounts), sys.stderr, clock.monotonic)
    done = {one.account.name: one for one in counted}
    return [done[account.name] for account in settings.accounts]


def _hint(snapshots: list[Snapshot]) -> None:
    for line in hints(snapshots):
        print(line, file=sys.stderr)


def _as_json(snapshot: Snapshot) -> dict[str, object]:
    return {
        "account": snapshot.account.name,
        "labels": dict(snapshot.account.labels),
        "up": snapshot.up,
        "balances": {name: entry.balance for name, entry in snapshot.ledger.items()},
        "error": error_json(snapshot),
    }


def _verdict(snapshot: Snapshot, credit_type: str, required: float) -> tuple[int, str]:
    name = printable(snapshot.account.name)
    if snapshot.failure is not None:
        return UNKNOWN, f"{name}: unknown: {snapshot.failure.message}"
    entry = snapshot.ledger.get(credit_type)
    if entry is None:
        return UNKNOWN, f"{name}: unknown: the account has no {credit_type}"
    enough = entry.balance >= required
    words = "enough" if enough else "too little"
    line = f"{name}: {words}: {amount(entry.balance)} {credit_type}, {amount(required)} required"
    return (FINE if enough else FAILED), line


def _write(path: Path, text: bytes) -> int:
    try:
        _replace(path, text)
    except OSError as error:
        print(f"cannot write {path}: {error.strerror}", file=sys.stderr)
        return FAILED
    return FINE


def _replace(path: Path, text: bytes) -> None:
    """Puts a new file in the place of ``path`` in one move. Raises OSError; nothing is left behind then."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        new = Path(file.name)
        try:
            file.write(text)
            # A full disk must say so before the file has its name.
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            new.replace(path)
        except BaseException:
            new.unlink()
            raise


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
