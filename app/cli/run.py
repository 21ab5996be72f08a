"""``easel run FILE``: run a prompt, a workflow or a picture that carries one."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from app.cli.assignments import Prompt, apply_assignment
from app.cli.convert import convert_or_explain
from app.cli.messages import Console, ExitCode
from app.cli.progress import EventWriter, NodeText, ProgressPrinter
from app.cli.prompt_file import PromptFile, read_prompt_file
from app.cli.session import open_engine, stopped_by_keyboard
from app.engine.compat.session import current
from app.engine.errors import EaselError
from app.engine.events import Event

if TYPE_CHECKING:
    from app.engine.engine import Engine
    from app.engine.execution.report import RunResult


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("file", help="a workflow, an API prompt, or a picture that carries one")
    parser.add_argument(
        "--set",
        metavar="NODE.INPUT=VALUE",
        action="append",
        default=[],
        dest="assignments",
        help="change an input first; NODE is an id, a title or a node type",
    )
    parser.add_argument(
        "--targets", metavar="ID,ID", help="run only these output nodes (default: all)"
    )
    parser.add_argument("--output-dir", metavar="DIR", help="where pictures are saved")
    parser.add_argument(
        "--no-metadata",
        action="store_true",
        help="save the pixels alone, without the workflow; a setting of the window does the same",
    )
    parser.add_argument(
        "--cache", default="none", help="classic, lru:N, none or ram:GB (default: none)"
    )
    parser.add_argument(
        "--events", metavar="FILE", help='write every event as a line of JSON; "-" for the output'
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Run the file; print the paths of the saved files, one a line.

    Returns:
        0 when everything ran, 1 when a node failed or an output was left out, 2 when the
        prompt cannot run at all.

    Raises:
        EaselError: The file cannot be read, or an assignment names nothing.
    """
    source = read_prompt_file(options.file)
    with contextlib.ExitStack() as stack:
        events = stack.enter_context(_open_events(options.events, console))
        titles: dict[str, str] = {}
        printer = ProgressPrinter(titles, console.err)
        text: Any = NodeText(printer, console.err)
        engine = stack.enter_context(
            open_engine(
                console,
                options.base_dir,
                options.pack,
                options.cache,
                text,
                saves_workflow=not options.no_metadata,
            )
        )
        if options.output_dir is not None:
            current().folders.output_directory = str(_made(options.output_dir))
        prompt, extra_data = _prepare(console, source, engine)
        for text in options.assignments:
            apply_assignment(prompt, text, lambda name: _input_names(engine, name))
        titles.update((key, _title(key, node)) for key, node in prompt.items())
        writer = EventWriter(events) if events is not None else None

        def on_event(event: Event) -> None:
            printer(event)
            if writer is not None:
                writer(event)

        try:
            with stopped_by_keyboard(engine):
                result = engine.run(
                    prompt,
                    extra_data=extra_data,
                    targets=options.targets.split(",") if options.targets else None,
                    on_event=on_event,
                )
        finally:
            printer.close()
        if options.events != "-":
            for path in saved_files(result.outputs, current().folders.output_directory):
                console.give(str(path))
        return _report(console, source.path.name, result, titles, options.verbose)


@contextlib.contextmanager
def _open_events(target: str | None, console: Console) -> Iterator[IO[str] | None]:
    if target is None or target == "-":
        yield console.out if target else None
        return
    with contextlib.ExitStack() as stack:
        try:
            stream = stack.enter_context(open(target, "w", encoding="utf-8"))
        except OSError as error:
            raise EaselError(f'Cannot write "{target}": {error.strerror}.') from error
        yield stream


def _made(folder: str) -> Path:
    path = Path(folder).expanduser().absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EaselError(f'Cannot use "{folder}" for pictures: {error.strerror}.') from error
    return path


def _prepare(console: Console, source: PromptFile, engine: Engine) -> tuple[Prompt, dict[str, Any]]:
    if source.prompt is not None:
        return source.prompt, source.extra_data
    assert source.workflow is not None
    definitions = engine.registry.definitions()
    prompt = convert_or_explain(console, source.workflow, definitions, source.path.name)
    return prompt, {"extra_pnginfo": {"workflow": source.workflow.raw}}


def _input_names(engine: Engine, class_type: str) -> list[str]:
    entry = engine.object_info(class_type).get(class_type, {})
    sections = entry.get("input", {})
    return [name for kind in ("required", "optional") for name in sections.get(kind, ())]


def _title(node_id: str, node: Mapping[str, Any]) -> str:
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, dict) else None
    return str(title or node.get("class_type") or node_id)


def saved_files(outputs: Mapping[str, Mapping[str, Any]], output_dir: str) -> list[Path]:
    """Return the files that nodes reported as saved in the output folder, in order."""
    root = Path(output_dir)
    found: dict[Path, None] = {}
    for output in outputs.values():
        for values in output.values():
            for entry in values if isinstance(values, (list, tuple)) else ():
                if not isinstance(entry, Mapping) or entry.get("type", "output") != "output":
                    continue
                name = entry.get("filename")
                if isinstance(name, str) and name:
                    found[root / str(entry.get("subfolder") or "") / name] = None
    return list(found)


def _report(
    console: Console, name: str, result: RunResult, titles: Mapping[str, str], verbose: bool
) -> int:
    for line in describe_problems(result.node_errors, titles):
        console.say(line)
    if not result.is_valid:
        error = result.error or {}
        if not result.node_errors:
            console.say(_sentence(error))
        console.say(f'"{name}" cannot run as it is.')
        return ExitCode.INVALID
    if result.status == "interrupted":
        console.say("Stopped.")
        return ExitCode.INTERRUPTED
    if result.status == "error":
        _say_failure(console, result.error or {}, titles, verbose)
        return ExitCode.FAILED
    seconds = result.report.seconds
    if result.node_errors:
        console.say(f"Done in {seconds:.1f} s, without the outputs that need the nodes above.")
        return ExitCode.FAILED
    console.say(f"Done in {seconds:.1f} s.")
    return ExitCode.OK


def describe_problems(
    node_errors: Mapping[str, Mapping[str, Any]], titles: Mapping[str, str]
) -> list[str]:
    """Return a line for each validation problem, in the words of an artist."""
    lines = []
    for node_id, entry in node_errors.items():
        title = titles.get(node_id) or entry.get("class_type") or ""
        for error in entry.get("errors", ()):
            lines.append(f"Node {node_id} ({title}): {_sentence(error)}")
    return lines


def _sentence(error: Mapping[str, Any]) -> str:
    parts = (str(error.get(key) or "") for key in ("message", "details"))
    return ": ".join(part for part in parts if part)


def _say_failure(
    console: Console, error: Mapping[str, Any], titles: Mapping[str, str], verbose: bool
) -> None:
    node_id = str(error.get("node_id", ""))
    title = titles.get(node_id) or error.get("node_type") or ""
    kind = str(error.get("exception_type") or "Error")
    text = str(error.get("exception_message") or "").strip()
    if verbose:
        console.say("".join(error.get("traceback") or ()).rstrip())
    # Our own errors are written for artists; the name of their class would not help.
    cause = text if kind.startswith("app.engine.errors.") else f"{kind}: {text}"
    console.say(f"Node {node_id} ({title}) failed: {cause}")
    if not verbose:
        console.say("Add --verbose to see where.")
