"""Node definitions on disk, so that the window can paint before the engine has started.

The built-in nodes' table is made at build time; what node packs brought at the last start is kept
in the home folder. Both are object_info in JSON, the former gzipped.
"""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.engine.files import FileSaveError, write_atomic
from app.engine.node_types.definition import NodeDefinition

log = logging.getLogger("easel.files")

_LARGEST_BYTES = 256 * 1024 * 1024


def cache_path(home: Path) -> Path:
    """Return where the definitions of the last start are kept."""
    return home / "user" / "cache" / "object_info.json"


def read_object_info(path: Path) -> dict[str, Any]:
    """Read object_info from ``.json`` or ``.json.gz``.

    Raises:
        OSError: The file cannot be read.
        ValueError: It holds something else.
    """
    data = path.read_bytes()
    if path.suffix == ".gz":
        with gzip.open(path, "rb") as stream:
            data = stream.read(_LARGEST_BYTES)
    info = json.loads(data)
    if not isinstance(info, dict):
        raise ValueError(f"{path.name} holds no node definitions")
    return info


def load_definitions(*paths: Path) -> dict[str, NodeDefinition]:
    """Read definitions from several files; of one name the last one counts.

    A file that is missing or damaged is left out: the engine delivers fresh definitions soon.
    """
    definitions: dict[str, NodeDefinition] = {}
    for path in paths:
        try:
            info = read_object_info(path)
        except FileNotFoundError:
            continue
        except (OSError, ValueError, EOFError) as error:
            log.warning("node definitions in %s cannot be read: %s", path.name, error)
            continue
        for name, entry in info.items():
            if isinstance(entry, Mapping):
                definitions[name] = NodeDefinition.from_object_info(name, entry)
    return definitions


def save_object_info(path: Path, info: Mapping[str, Any]) -> None:
    """Keep object_info for the next start. A failure is logged and harms nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, json.dumps(info, default=str, separators=(",", ":")).encode())
    except (OSError, FileSaveError, ValueError) as error:
        log.warning("node definitions cannot be kept: %s", error)
