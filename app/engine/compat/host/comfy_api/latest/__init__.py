"""``comfy_api.latest``: what V3 packs import."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import _input, _input_impl, _ui, _util

from app.engine.execution.context import get_executing_context
from app.engine.execution.progress import get_progress_state
from app.engine.node_types.v3 import ComfyExtension, io

Input = _input
InputImpl = _input_impl
Types = _util
ui = _ui
IO = io
UI = ui

__all__ = [
    "IO",
    "UI",
    "ComfyAPI",
    "ComfyAPISync",
    "ComfyExtension",
    "Input",
    "InputImpl",
    "Types",
    "io",
    "ui",
]


def _set_progress(value: float, max_value: float, node_id: str | None, preview_image: Any) -> None:
    if node_id is None:
        context = get_executing_context()
        if context is None:
            raise ValueError("node_id must be given outside a node")
        node_id = context.node_id
    get_progress_state().update_progress(node_id, value, max_value, preview_image)


class _Execution:
    async def set_progress(
        self,
        value: float,
        max_value: float,
        node_id: str | None = None,
        preview_image: Any = None,
        ignore_size_limit: bool = False,
    ) -> None:
        """Report the progress of a node, the running one unless told otherwise (E-087).

        Args:
            value: Steps done.
            max_value: Steps in all.
            node_id: The node.
            preview_image: A PIL image or ``(batch, height, width, channels)``, or None.
            ignore_size_limit: Show the picture in full size.

        Raises:
            ValueError: No node is running here, and none was named.
        """
        _set_progress(value, max_value, node_id, preview_image)


class _ExecutionSync:
    def set_progress(
        self,
        value: float,
        max_value: float,
        node_id: str | None = None,
        preview_image: Any = None,
        ignore_size_limit: bool = False,
    ) -> None:
        """Report the progress of a node, the running one unless told otherwise (E-087).

        Args:
            value: Steps done.
            max_value: Steps in all.
            node_id: The node.
            preview_image: A PIL image or ``(batch, height, width, channels)``, or None.
            ignore_size_limit: Show the picture in full size.

        Raises:
            ValueError: No node is running here, and none was named.
        """
        _set_progress(value, max_value, node_id, preview_image)


class ComfyAPI:
    """What a coroutine of a node may ask of its host.

    Attributes:
        execution: Progress of the running node.
    """

    VERSION = "latest"
    STABLE = False
    Execution = _Execution

    def __init__(self) -> None:
        self.execution = _Execution()


class ComfyAPISync:
    """What a node may ask of its host; every call blocks.

    Attributes:
        execution: Progress of the running node.
    """

    VERSION = "latest"
    STABLE = False
    ExecutionSync = _ExecutionSync

    def __init__(self) -> None:
        self.execution = _ExecutionSync()
