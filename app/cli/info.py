"""``easel info [FILE]``: what a file holds, or where this install keeps its things."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from app import __version__
from app.cli.messages import Console, ExitCode
from app.cli.prompt_file import read_object_info, read_prompt_file
from app.engine.files import home_folder
from app.engine.workflow.model import Mode, Workflow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("file", nargs="?", help="a workflow, a prompt, or a picture")
    parser.add_argument(
        "--object-info", metavar="FILE", help="name the node types that these definitions lack"
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Print what there is to know, without loading node types.

    Raises:
        WorkflowFileError: The file cannot be read.
    """
    if options.file is None:
        _describe_install(home_folder(options.base_dir), console)
        return ExitCode.OK
    source = read_prompt_file(options.file, prefer_workflow=True)
    if source.workflow is not None:
        types = _describe_workflow(source.workflow, console)
    else:
        types = Counter(str(node.get("class_type")) for node in (source.prompt or {}).values())
        console.give(f"API prompt with {_count(sum(types.values()), 'node')}")
    known = read_object_info(options.object_info) if options.object_info else None
    for kind, count in sorted(types.items()):
        is_missing = known is not None and kind not in known
        console.give(f"  {count:>4} x {kind}{'  (not installed)' if is_missing else ''}")
    return ExitCode.OK


def _describe_install(home: Path, console: Console) -> None:
    from app.engine.model_folders import ModelFolders

    console.give(f"Easel {__version__}")
    console.give(f"Home     {home}")
    folders = ModelFolders(home)
    for name, folder in (
        ("Models", folders.models_dir),
        ("Inputs", folders.input_directory),
        ("Outputs", folders.output_directory),
        ("Packs", folders.get_folder_paths("custom_nodes")[0]),
    ):
        console.give(f"{name:<8} {folder}")


def _describe_workflow(workflow: Workflow, console: Console) -> Counter[str]:
    graphs = list(workflow.graphs())
    nodes = [node for graph in graphs for node in graph.nodes.values()]
    links = sum(len(graph.links) for graph in graphs)
    parts = [_count(len(nodes), "node"), _count(links, "link")]
    if groups := sum(len(graph.groups) for graph in graphs):
        parts.append(_count(groups, "group"))
    if workflow.subgraphs:
        parts.append(_count(len(workflow.subgraphs), "subgraph"))
    console.give(
        f"Workflow, schema {workflow.raw.get('version', 'unknown')}, with {', '.join(parts)}"
    )
    for mode, word in ((Mode.MUTED, "muted"), (Mode.BYPASSED, "bypassed")):
        if count := sum(node.mode == mode for node in nodes):
            console.give(f"  {_count(count, 'node')} {word}")
    return Counter(node.type for node in nodes if node.type not in workflow.subgraphs)


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
