"""Files that can be run: API prompts, workflows, and media files that carry either."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.engine.errors import WorkflowFileError
from app.engine.workflow import metadata
from app.engine.workflow.model import Workflow
from app.engine.workflow.reader import (
    MAX_FILE_BYTES,
    open_workflow,
    parse_json,
    read_workflow,
)

Prompt = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class PromptFile:
    """What a file holds. Exactly one of ``prompt`` and ``workflow`` is there.

    Attributes:
        path: The file.
        prompt: An API prompt, to be run as it is.
        workflow: A workflow, to be converted first.
        extra_data: What came along with a prompt, such as the workflow it was made from.
    """

    path: Path
    prompt: Prompt | None
    workflow: Workflow | None
    extra_data: dict[str, Any] = field(default_factory=dict)


def read_prompt_file(path: str | Path, *, prefer_workflow: bool = False) -> PromptFile:
    """Read a file that can be run.

    A picture usually carries both the prompt that made it and its workflow; the prompt is
    exact, so it is taken unless ``prefer_workflow`` is set.

    Raises:
        WorkflowFileError: It cannot be read or holds neither; the message says why.
    """
    path = Path(path)
    texts = _read_texts(path)
    if texts is not None:
        # Of films and models only the texts are read, whatever their size.
        prompt, extra_data = _prompt_of_texts(texts, path, prefer_workflow)
        if prompt is None:
            return PromptFile(path, None, open_workflow(path))
        return PromptFile(path, prompt, None, extra_data)
    data = _read_bytes(path)
    prompt, extra_data = _prompt_of_json(data, path)
    if prompt is not None:
        return PromptFile(path, prompt, None, extra_data)
    return PromptFile(path, None, read_workflow(data, name=path.name))


def _read_texts(path: Path) -> dict[str, str] | None:
    """Return the texts that a media file carries, or None when it is something else."""
    try:
        return metadata.read_file_texts(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> WorkflowFileError:
    reason = (error.strerror or "it cannot be read").lower()
    return WorkflowFileError(f'Cannot open "{path}": {reason}.', details=str(error))


def _read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(data) > MAX_FILE_BYTES:
        limit = MAX_FILE_BYTES >> 20
        raise WorkflowFileError(f'Cannot open "{path.name}": it is larger than {limit} MB.')
    return data


def _prompt_of_texts(
    texts: Mapping[str, str], path: Path, prefer_workflow: bool
) -> tuple[Prompt | None, dict[str, Any]]:
    shown = f'"{path.name}"'
    if "prompt" not in texts or (prefer_workflow and "workflow" in texts):
        return None, {}
    prompt = parse_json(texts["prompt"], shown)
    if not _is_prompt(prompt):
        return None, {}
    if "workflow" not in texts:
        return prompt, {}
    workflow = parse_json(texts["workflow"], shown)
    return prompt, {"extra_pnginfo": {"workflow": workflow}}


def _prompt_of_json(data: bytes, path: Path) -> tuple[Prompt | None, dict[str, Any]]:
    if data.startswith(b"\x1f\x8b"):
        return None, {}
    value = parse_json(data, f'"{path.name}"')
    if _is_prompt(value):
        return value, {}
    # The body that editors send: {"prompt": ..., "extra_data": ...} (E-013).
    if isinstance(value, dict) and _is_prompt(value.get("prompt")):
        extra = value.get("extra_data")
        return value["prompt"], extra if isinstance(extra, dict) else {}
    return None, {}


def _is_prompt(value: Any) -> bool:
    """Tell whether a value is meant as a prompt; validation finds what is wrong with it."""
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(node, dict) for node in value.values())
        and any("class_type" in node for node in value.values())
    )


def read_object_info(path: str | Path) -> dict[str, Any]:
    """Read node definitions that another install has saved, plain or compressed.

    Raises:
        WorkflowFileError: The file cannot be read or holds no definitions.
    """
    path = Path(path)
    data = _read_bytes(path)
    if data.startswith(b"\x1f\x8b"):
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
                data = stream.read(MAX_FILE_BYTES)
        except (OSError, EOFError, zlib.error) as error:
            message = f'Cannot open "{path.name}": the compressed file is damaged.'
            raise WorkflowFileError(message, details=str(error)) from error
    value = parse_json(data, f'"{path.name}"')
    if not isinstance(value, dict) or not all(
        isinstance(entry, dict) and "input" in entry for entry in value.values()
    ):
        raise WorkflowFileError(f'Cannot use "{path.name}": it holds no node definitions.')
    return value
