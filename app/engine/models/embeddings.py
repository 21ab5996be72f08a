"""Textual inversion: files whose rows stand for a word in a prompt (rule D-151)."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch

from app.engine.errors import ModelFileError
from app.engine.models.weights import SAFETENSORS_ENDINGS, load_state_dict, read_torch_content

log = logging.getLogger("easel.models")

EMBEDDING_ENDINGS: Final = (".safetensors", ".pt", ".bin")
_BUNDLE_MARK: Final = "bundle_emb."


def find_embedding_file(name: str, folders: Sequence[str | os.PathLike[str]]) -> Path | None:
    """Return the file of an embedding, or None.

    Args:
        name: Path inside one of ``folders`` or of a folder below, with or without ending.
        folders: Where embeddings lie, first ones first.
    """
    for folder in folders:
        root = Path(folder).resolve()
        if not root.is_dir():
            continue
        places = [root, *sorted(path for path in root.rglob("*") if path.is_dir())]
        for place in places:
            for ending in ("", *EMBEDDING_ENDINGS):
                try:
                    path = (place / (name + ending)).resolve()
                    if path.is_file() and path.is_relative_to(root):
                        return path
                except (OSError, ValueError):
                    continue
    return None


def load_embedding(
    name: str, folders: Sequence[str | os.PathLike[str]], width: int, key: str
) -> torch.Tensor | None:
    """Return the rows of an embedding.

    Args:
        name: As written after ``embedding:`` in a prompt.
        folders: Where embeddings lie.
        width: Width of the text encoder's tokens.
        key: Name of the encoder inside files for several: ``clip_l``, ``clip_h``, ``clip_g``.

    Returns:
        ``(rows, width of the file)`` float32, or None when no file has that name or it cannot
        be read; then a warning is logged.
    """
    path = find_embedding_file(name, folders)
    if path is None:
        return None
    try:
        if path.name.lower().endswith(SAFETENSORS_ENDINGS):
            content: Any = load_state_dict(path)
        else:
            content = read_torch_content(path)
        return _rows(content, width, key)
    except (ModelFileError, KeyError, IndexError, ValueError) as error:
        log.warning('The embedding "%s" cannot be used: %s', name, error)
        return None


def _rows(content: Any, width: int, key: str) -> torch.Tensor:
    tensor: Any = None
    if isinstance(content, Mapping):
        inside = content.get("string_to_param")
        if isinstance(inside, Mapping):
            tensor = next(iter(inside.values()))
        elif key in content:
            tensor = content[key]
        else:
            bundles = [value for name, value in content.items() if name.startswith(_BUNDLE_MARK)]
            if bundles:
                tensor = _join([value for value in bundles if value.shape[-1] == width])
            else:
                tensor = next(iter(content.values()))
    elif isinstance(content, (list, tuple)):
        parts = [
            value.reshape(-1, value.shape[-1])
            for entry in content
            if isinstance(entry, Mapping)
            for value in entry.values()
            if isinstance(value, torch.Tensor) and value.shape[-1] == width
        ]
        tensor = _join(parts)
    else:
        tensor = content
    if not isinstance(tensor, torch.Tensor) or tensor.ndim == 0:
        raise ValueError("it holds no rows")
    return tensor.detach().float().reshape(-1, tensor.shape[-1])


def _join(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    if not parts:
        raise ValueError("it is made for another text encoder")
    return torch.cat([part.reshape(-1, part.shape[-1]) for part in parts])
