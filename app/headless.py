"""Easel without a window: ``run``, ``convert``, ``diff``, ``nodes``, ``info``, ``doctor``.

Results go to standard output, messages to standard error. A command's module is imported
only when it is asked for, and nothing here imports Qt.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence
from typing import Final

from app.cli.messages import Console, ExitCode
from app.engine.errors import EaselError, Interrupted, describe

COMMANDS: Final = {
    "run": "run a workflow, a prompt, or a picture that carries one",
    "convert": "print the prompt that a workflow runs as",
    "diff": "tell what differs between two workflows",
    "nodes": "print what node types are installed",
    "info": "say what a file holds, or where things are kept",
    "doctor": "look at this machine and say what to do",
}
"""The commands of this module by name, each with a line of help."""


def run_command(argv: Sequence[str]) -> int:
    """Run one command of the command line and return its exit code.

    Args:
        argv: The command and its arguments, without the program's name.

    Returns:
        0 when all went well, 1 when it failed, 2 when the request or the file cannot be used,
        130 when it was stopped from the keyboard.
    """
    try:
        options = _parse(argv)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else ExitCode.INVALID
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.ERROR,
        format="%(name)s: %(message)s",
        stream=sys.stderr,
    )
    console = Console(sys.stdout, sys.stderr)
    command = importlib.import_module(f"app.cli.{options.command}")
    try:
        return int(command.run(options, console))
    except EaselError as error:
        console.say(str(error))
        if options.verbose and error.details:
            console.say(error.details)
        return ExitCode.INVALID
    except (KeyboardInterrupt, Interrupted):
        console.say("Stopped.")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone, as in "easel nodes | head". Python would complain
        # once more when it closes the stream at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except OSError as error:
        console.say(f"The system refused: {describe(error)}")
        return ExitCode.FAILED


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--base-dir", metavar="DIR", help="home folder (default: ~/Easel)")
    shared.add_argument(
        "--pack", metavar="DIR", action="append", default=[], help="a further node pack"
    )
    shared.add_argument("--verbose", action="store_true", help="say more")
    parser = argparse.ArgumentParser(prog="easel", description="Easel without a window.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, parents=[shared], help=text, description=text)
        if name in argv[:1]:
            importlib.import_module(f"app.cli.{name}").add_arguments(command)
    return parser.parse_args(argv)
