"""``easel nodes [NAME]``: what node types are installed, as object_info JSON."""

from __future__ import annotations

import argparse
import json

from app.cli.messages import Console, ExitCode
from app.cli.session import open_engine


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("name", nargs="?", help="only this node type")
    parser.add_argument("--names", action="store_true", help="only the names, one a line")


def run(options: argparse.Namespace, console: Console) -> int:
    """Print object_info, or the names.

    Returns:
        0, or 1 when the node type asked for is not installed or cannot be described.
    """
    with open_engine(console, options.base_dir, options.pack) as engine:
        info = engine.object_info(options.name)
        if options.name is not None and not info:
            reason = engine.registry.failures.get(options.name)
            if reason is not None:
                console.say(f'Node type "{options.name}" cannot be described: {reason}')
                return ExitCode.FAILED
            engine.registry.get(options.name)
    if options.names:
        for name in sorted(info):
            console.give(name)
    else:
        console.give(json.dumps(info, indent=2 if options.name else None, ensure_ascii=False))
    return ExitCode.OK
