"""``easel diff A B``: what differs between two workflows."""

from __future__ import annotations

import argparse
import dataclasses
import json

from app.cli.known_types import known_types
from app.cli.messages import Console, ExitCode
from app.engine.workflow.diff import diff_workflows
from app.engine.workflow.diff_text import describe_diff
from app.engine.workflow.reader import open_workflow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("before", help="a workflow, or a picture or film that carries one")
    parser.add_argument("after", help="what to compare it with")
    parser.add_argument(
        "--object-info",
        metavar="FILE",
        help="node definitions saved from another install (JSON, may be .gz)",
    )
    parser.add_argument(
        "--ignore-places", action="store_true", help="do not tell which nodes were moved or sized"
    )
    parser.add_argument("--json", action="store_true", help="print the differences as JSON")


def run(options: argparse.Namespace, console: Console) -> int:
    """Print the differences, a line each; nothing when there are none.

    Returns:
        0 when the workflows are the same, 1 when they differ.

    Raises:
        WorkflowFileError: A file, or the definitions, cannot be used.
    """
    definitions = known_types(options.object_info, options.base_dir)
    before = open_workflow(options.before, definitions=definitions)
    after = open_workflow(options.after, definitions=definitions)
    diff = diff_workflows(before, after, definitions)
    if options.ignore_places:
        diff = diff.without_places()
    if options.json:
        console.give(json.dumps(dataclasses.asdict(diff), indent=2, ensure_ascii=False))
    else:
        for line in describe_diff(diff):
            console.give(line)
    return ExitCode.OK if diff.is_same else ExitCode.FAILED
