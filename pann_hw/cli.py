"""The command line: one subcommand per step, one line per error, exit codes by kind of failure.

Exit codes: 0 done, 1 mismatch found, 2 bad input or usage, 3 a tool is missing or failed.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import sys
from collections.abc import Sequence
from types import ModuleType

import pann_hw
from pann_hw.commands import COMMANDS
from pann_hw.errors import InputError, MismatchError, PannError, ToolError

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    # Threads of torch that wait by spinning slow small networks down where cores are shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    parser = _parser()
    args = parser.parse_args(_joined(sys.argv[1:] if argv is None else argv))
    command = _module(args.command)
    try:
        # A network's own file may print; standard output is for results alone.
        with contextlib.redirect_stdout(sys.stderr):
            result = command.run(args)
        if args.json:
            print(json.dumps(result))
        else:
            command.show(result)
        sys.stdout.flush()
    except PannError as error:
        return _fail(str(error), error.exit_code)
    except BrokenPipeError:
        # Whoever read standard output has enough; Python would complain again as it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except MemoryError:
        return _fail("out of memory; use fewer images (--images)", InputError.exit_code)
    except Exception as error:
        if os.environ.get("PANN_HW_TRACEBACK"):
            raise
        kind = type(error).__name__
        message = f"internal error: {kind}: {error}; PANN_HW_TRACEBACK=1 shows where, please report"
        return _fail(message, ToolError.exit_code)
    return MismatchError.exit_code if result.get("mismatches") else 0


def _joined(argv: Sequence[str]) -> list[str]:
    """The arguments, the first two as one where together they name a command."""
    name = " ".join(argv[:2])
    return [name, *argv[2:]] if name in COMMANDS else list(argv)


def _module(command: str) -> ModuleType:
    return importlib.import_module(f"pann_hw.commands.{command.replace(' ', '_')}")


def _fail(message: str, code: int) -> int:
    with contextlib.suppress(OSError):
        print(f"pann-hw: error: {' '.join(message.split())}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pann-hw",
        description="From a trained network to a multiplier-free accelerator that keeps a power "
        "budget.",
        epilog="Exit codes: 0 done, 1 mismatch found, 2 bad input or usage, 3 a tool is missing or "
        "failed.",
    )
    parser.add_argument("--version", action="version", version=f"pann-hw {pann_hw.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        _module(name).add_arguments(command)
        command.add_argument(
            "--json", action="store_true", help="print one JSON object and nothing else"
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
