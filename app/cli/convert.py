"""``easel convert FILE...``: the prompt that a workflow runs as."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.cli.messages import Console, ExitCode
from app.cli.prompt_file import read_prompt_file
from app.cli.session import read_definitions
from app.engine.errors import WorkflowFileError, describe
from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.to_prompt import convert

if TYPE_CHECKING:
    from app.engine.workflow.model import Workflow

Definitions = Mapping[str, NodeDefinition]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("files", nargs="+", metavar="file", help="workflows, or pictures")
    parser.add_argument(
        "--object-info",
        metavar="FILE",
        help="node definitions saved from another install (JSON, may be .gz)",
    )
    parser.add_argument(
        "--first-choice", action="store_true", help="let {a|b|c} always take a, instead of any"
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Print the prompt; for several files a line of JSON each.

    Several files give ``{"file": ..., "prompt": ...}`` or ``{"file": ..., "error": ...}``.

    Returns:
        0, or 2 when a file cannot be converted.

    Raises:
        WorkflowFileError: The only file, or the definitions, cannot be used.
    """
    definitions = read_definitions(console, options.object_info, options.base_dir, options.pack)
    if len(options.files) == 1:
        prompt = convert_file(console, options.files[0], definitions, options.first_choice)
        console.give(json.dumps(prompt, indent=2, ensure_ascii=False))
        return ExitCode.OK
    code = ExitCode.OK
    for name in options.files:
        line: dict[str, Any] = {"file": name}
        try:
            line["prompt"] = convert_file(console, name, definitions, options.first_choice)
        except WorkflowFileError as error:
            line["error"] = str(error)
            code = ExitCode.INVALID
        except Exception as error:  # noqa: BLE001 - one odd file must not hide the others
            line["error"] = describe(error)
            code = ExitCode.INVALID
        console.give(json.dumps(line, ensure_ascii=False))
    return code


def convert_file(
    console: Console, name: str, definitions: Definitions, first_choice: bool
) -> dict[str, Any]:
    """Return the prompt that a file runs as; an API prompt is returned as it is.

    Raises:
        WorkflowFileError: The file cannot be read or converted.
    """
    source = read_prompt_file(name, prefer_workflow=True)
    if source.prompt is not None:
        return source.prompt
    assert source.workflow is not None
    return convert_or_explain(console, source.workflow, definitions, source.path.name, first_choice)


def convert_or_explain(
    console: Console,
    workflow: Workflow,
    definitions: Definitions,
    name: str,
    first_choice: bool = False,
) -> dict[str, Any]:
    """Convert a workflow. Node types that are not installed are told on standard error.

    Raises:
        WorkflowFileError: It cannot run for another reason; the message names the nodes.
    """
    conversion = convert(workflow, definitions, first_choice=first_choice, exact_ids=True)
    fatal = []
    for problem in conversion.problems:
        line = f"{problem.title}: {problem.message}" if problem.title else problem.message
        # A type that is not installed leaves an entry without a class, as the reference does.
        if "class_type" in conversion.prompt.get(problem.node_id, {"class_type": ""}):
            fatal.append(line)
        else:
            console.say(f"{name}: {line}")
    if fatal:
        raise WorkflowFileError(f'"{name}" cannot run. ' + " ".join(fatal))
    return conversion.prompt
