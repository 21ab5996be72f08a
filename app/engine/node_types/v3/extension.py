"""What a V3 pack's entry point hands over (E-092)."""

from __future__ import annotations

from abc import ABC, abstractmethod

from app.engine.node_types.v3.node import ComfyNode


class ComfyExtension(ABC):
    """A pack of V3 nodes."""

    async def on_load(self) -> None:  # noqa: B027 - a hook that need not be filled
        """Prepare the pack; called before its nodes are asked for."""

    @abstractmethod
    async def get_node_list(self) -> list[type[ComfyNode]]:
        """Return the pack's node classes."""
