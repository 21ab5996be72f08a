"""Workflow files to records: JSON of every schema, and pictures that carry a workflow.

Reading is suspicious. Limits on size and depth come first, then parsing, then checking; what
cannot be used as a record (a ``null`` link, a node that is a number) stays in the file unseen.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from app.engine.errors import WorkflowFileError
from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow import metadata
from app.engine.workflow.bulk import collector_paused
from app.engine.workflow.from_parameters import prompt_from_parameters
from app.engine.workflow.from_prompt import workflow_from_prompt
from app.engine.workflow.from_templates import holds_templates, workflow_from_templates
from app.engine.workflow.metadata.limits import check_values
from app.engine.workflow.model import Workflow
from app.engine.workflow.records import build_workflow

MAX_FILE_BYTES: Final = 256 * 1024 * 1024
"""Larger files are refused."""

MAX_DEPTH: Final = 200
"""Deepest nesting of lists and objects; real files stay below 20."""

_GZIP_MAGIC: Final = b"\x1f\x8b"
_EMPTY: Final = "it is empty. Look for another copy of it, or open a picture that was made with it."
_NO_WORKFLOW: Final = (
    "Choose a file that was saved as a workflow, or a picture that was made with one."
)


def new_workflow() -> Workflow:
    """Return an empty workflow of schema 0.4, as the reference writes one."""
    return build_workflow(
        {
            "id": str(uuid.uuid4()),
            "revision": 0,
            "last_node_id": 0,
            "last_link_id": 0,
            "nodes": [],
            "links": [],
            "groups": [],
            "config": {},
            "extra": {},
            "version": 0.4,
        }
    )


def open_workflow(
    path: str | Path, *, definitions: Mapping[str, NodeDefinition] | None = None
) -> Workflow:
    """Read a workflow file, or a picture, film, sound or model that carries one.

    Of media files only the parts with text are read, so their size does not matter.

    Args:
        path: The file.
        definitions: Node definitions; a bare API prompt becomes a tidier workflow with them.

    Raises:
        WorkflowFileError: The file cannot be read or holds no workflow; the message says why.
    """
    path = Path(path)
    if path.is_dir():
        raise WorkflowFileError(
            f'Cannot open "{path.name}": it is a folder. Choose a workflow or a picture inside it.'
        )
    try:
        texts = metadata.read_file_texts(path)
        if texts is not None:
            return _from_texts(texts, f'"{path.name}"', definitions or {})
        if path.stat().st_size > MAX_FILE_BYTES:
            raise WorkflowFileError(f'Cannot open "{path.name}": it is {_too_large()}')
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise WorkflowFileError(
            f'Cannot open "{path.name}": {reason.lower()}.', details=str(error)
        ) from error
    return read_workflow(data, name=path.name, definitions=definitions)


def read_workflow(
    data: bytes | str,
    *,
    name: str = "",
    definitions: Mapping[str, NodeDefinition] | None = None,
) -> Workflow:
    """Read the content of a workflow file, of a media file that carries one, or an API prompt.

    Args:
        data: The whole file.
        name: File name for messages.
        definitions: Node definitions; a bare API prompt becomes a tidier workflow with them.

    Raises:
        WorkflowFileError: The content is no workflow; the message says why.
    """
    shown = f'"{name}"' if name else "this text"
    if isinstance(data, bytes):
        if len(data) > MAX_FILE_BYTES:
            raise WorkflowFileError(f"Cannot open {shown}: it is {_too_large()}")
        if data.startswith(_GZIP_MAGIC):
            data = _decompress(data, shown)
        if metadata.is_media(data):
            return _from_texts(metadata.read_texts(data, shown), shown, definitions or {})
    value = parse_json(data, shown)
    workflow = _from_value(value, shown, definitions or {})
    workflow.is_converted = workflow.raw is not value
    return workflow


def parse_json(data: bytes | str, shown: str = "this text") -> Any:
    """Parse JSON within the limits; bare NaN and Infinity, and 1e999, read as null.

    Raises:
        WorkflowFileError: It is no JSON, is nested too deeply, or has too many values.
    """
    try:
        text = data if isinstance(data, str) else data.decode(json.detect_encoding(data))
        if not text.strip("\ufeff\0 \t\r\n"):
            raise WorkflowFileError(f"Cannot open {shown}: {_EMPTY}")
        check_values(text, shown)
        with collector_paused():
            value = json.loads(
                text.removeprefix("\ufeff"), parse_constant=_no_number, parse_float=_finite
            )
    except RecursionError:
        raise WorkflowFileError(f"Cannot open {shown}: it is nested too deeply.") from None
    except UnicodeDecodeError as error:
        raise WorkflowFileError(
            f"Cannot open {shown}: it is neither text nor a picture with a workflow. "
            f"{_NO_WORKFLOW}",
            details=str(error),
        ) from error
    except ValueError as error:
        raise WorkflowFileError(
            f"Cannot open {shown}: it is not valid JSON ({error}).", details=str(error)
        ) from error
    if _is_too_deep(value):
        raise WorkflowFileError(f"Cannot open {shown}: it is nested too deeply.")
    return value


def _too_large() -> str:
    return f"larger than {MAX_FILE_BYTES >> 20} MB. Workflows are not; choose the file you meant."


def _no_number(_: str) -> None:
    return None


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def is_api_prompt(value: Any) -> bool:
    """Tell whether a parsed file is an API prompt (workflow-format 9)."""
    return (
        isinstance(value, dict)
        and bool(value)
        and all(
            isinstance(node, dict)
            and isinstance(node.get("class_type"), str)
            and isinstance(node.get("inputs"), dict)
            for node in value.values()
        )
    )


def _from_value(value: Any, shown: str, definitions: Mapping[str, NodeDefinition]) -> Workflow:
    if isinstance(value, dict) and isinstance(value.get("nodes"), list):
        return build_workflow(value)
    if is_api_prompt(value):
        return workflow_from_prompt(value, definitions)
    if isinstance(value, dict):
        for inner in (value.get("workflow"), value.get("prompt")):
            if isinstance(inner, dict) and (
                isinstance(inner.get("nodes"), list) or is_api_prompt(inner)
            ):
                return _from_value(inner, shown, definitions)
    if holds_templates(value):
        made = workflow_from_templates(value, lambda text: parse_json(text, shown))
        if made is not None:
            return made
    raise WorkflowFileError(
        f"Cannot open {shown}: it is JSON, but it holds no workflow. {_NO_WORKFLOW}"
    )


def _from_texts(
    texts: Mapping[str, str], shown: str, definitions: Mapping[str, NodeDefinition]
) -> Workflow:
    """Make a workflow of what a media file carries: the workflow, else the prompt, else settings.

    A text that holds none, such as the "null" of runs without a window, lets the next one count.
    """
    problem: WorkflowFileError | None = None
    for key in metadata.WORKFLOW_KEYS:
        if key in texts:
            try:
                workflow = _from_value(parse_json(texts[key], shown), shown, definitions)
                workflow.is_converted = True
                return workflow
            except WorkflowFileError as error:
                problem = problem or error
    prompt = prompt_from_parameters(texts.get(metadata.PARAMETERS, ""))
    if prompt is not None:
        workflow = workflow_from_prompt(prompt, definitions)
        workflow.is_converted = True
        return workflow
    raise problem or WorkflowFileError(
        f"Cannot open {shown}: it carries no workflow. {_NO_WORKFLOW}"
    )


def _decompress(data: bytes, shown: str) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            result = stream.read(MAX_FILE_BYTES + 1)
    except (OSError, EOFError, ValueError) as error:
        raise WorkflowFileError(
            f"Cannot open {shown}: the compressed file is damaged.", details=str(error)
        ) from error
    except Exception as error:
        # zlib.error does not derive from ValueError or OSError.
        if type(error).__module__ != "zlib":
            raise
        raise WorkflowFileError(
            f"Cannot open {shown}: the compressed file is damaged.", details=str(error)
        ) from error
    if len(result) > MAX_FILE_BYTES:
        raise WorkflowFileError(f"Cannot open {shown}: its content is {_too_large()}")
    return result


def _is_too_deep(value: Any) -> bool:
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(MAX_DEPTH):
        if not level:
            return False
        level = [
            child
            for holder in level
            for child in (holder.values() if type(holder) is dict else holder)
            if type(child) is dict or type(child) is list
        ]
    return bool(level)


__all__ = [
    "MAX_DEPTH",
    "MAX_FILE_BYTES",
    "build_workflow",
    "is_api_prompt",
    "new_workflow",
    "open_workflow",
    "parse_json",
    "read_workflow",
]
