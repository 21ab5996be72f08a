"""Node definitions for commands that only look at files: no engine is started for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from app.engine.files import home_folder
from app.engine.node_types.definition import NodeDefinition

_TABLE = Path(__file__).resolve().parents[2] / "resources" / "node_definitions.json.gz"


def known_types(object_info: str | None, base_dir: str | None) -> Mapping[str, NodeDefinition]:
    """Return definitions: of a file, or of the built-in nodes and the packs of the last start.

    Args:
        object_info: A file of definitions saved from another install, or None.
        base_dir: Home folder, or None for the usual one.

    Raises:
        WorkflowFileError: The file cannot be used.
    """
    if object_info is not None:
        from app.cli.prompt_file import read_object_info

        entries = read_object_info(object_info).items()
        return {name: NodeDefinition.from_object_info(name, entry) for name, entry in entries}
    from app.engine.node_types.definition_cache import cache_path, load_definitions

    return load_definitions(_TABLE, cache_path(home_folder(base_dir)))
