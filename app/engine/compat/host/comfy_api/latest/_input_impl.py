"""``InputImpl`` of ``comfy_api.latest``: videos from files and from parts.

Reading and writing video files is not supported here yet; videos can be passed on in parts.
"""

from __future__ import annotations

from typing import Any

from comfy_api.latest._input import VideoInput

from app.engine.compat.standins import NotSupportedHereError, stand_in

__all__ = ["VideoFromComponents", "VideoFromFile"]

VideoFromFile = stand_in("comfy_api.latest.InputImpl.VideoFromFile")


class VideoFromComponents(VideoInput):  # type: ignore[misc]  # a host module is Any to mypy
    """A video made of pictures, a frame rate and perhaps a sound."""

    def __init__(self, components: Any) -> None:
        self._components = components

    def get_components(self) -> Any:
        """Return the parts it was made of."""
        return self._components

    def save_to(self, path: Any, **options: Any) -> None:
        """Say that videos cannot be written here yet."""
        raise NotSupportedHereError("comfy_api.latest.InputImpl.VideoFromComponents.save_to")
