"""What lies in a folder: listings that can be told to be out of date, and choices of files."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Collection, Iterable
from typing import Final

Listing = tuple[list[str], dict[str, float], float]
"""Names, the modification time of each folder that was visited, and when that was."""


class CacheHelper:
    """Keeps listings for the length of a ``with`` block without looking at the disk again."""

    def __init__(self) -> None:
        self.cache: dict[str, Listing] = {}
        self.active = False

    def get(self, key: str, default: Listing | None = None) -> Listing | None:
        """Return the kept listing while the block is open."""
        return self.cache.get(key, default) if self.active else default

    def set(self, key: str, value: Listing) -> None:
        """Keep a listing while the block is open."""
        if self.active:
            self.cache[key] = value

    def clear(self) -> None:
        """Forget every listing."""
        self.cache.clear()

    def __enter__(self) -> CacheHelper:
        self.active = True
        return self

    def __exit__(self, *exception: object) -> None:
        self.active = False
        self.clear()


def recursive_search(
    directory: str, excluded_dir_names: Iterable[str] | None = None
) -> tuple[list[str], dict[str, float]]:
    """List every file below a folder; links are followed, but no folder is visited twice.

    Args:
        directory: The folder; may be missing.
        excluded_dir_names: Names of folders that are left out.

    Returns:
        File names relative to the folder, and the modification time of each folder visited.
    """
    if not os.path.isdir(directory):
        return [], {}
    excluded = set(excluded_dir_names or ())
    names: list[str] = []
    times: dict[str, float] = {}
    visited: set[str] = set()
    for folder, subfolders, files in os.walk(directory, followlinks=True, topdown=True):
        real = os.path.realpath(folder)
        changed = modified(folder)
        if real in visited or changed is None:
            subfolders.clear()
            continue
        visited.add(real)
        times[folder] = changed
        subfolders[:] = [name for name in subfolders if name not in excluded]
        relative = os.path.relpath(folder, directory)
        names.extend(os.path.normpath(os.path.join(relative, name)) for name in files)
    return names, times


def filter_files_extensions(files: Collection[str], extensions: Collection[str]) -> list[str]:
    """Return the files with one of the endings, sorted; no endings keep every file."""
    endings = {ending.lower() for ending in extensions}
    return sorted(
        name for name in files if not endings or os.path.splitext(name)[1].lower() in endings
    )


_CONTENT_OVERRIDES: Final = {
    ".webp": "image", ".fbx": "model", ".obj": "model", ".glb": "model", ".gltf": "model",
    ".stl": "model", ".ply": "model",
}  # fmt: skip


def filter_files_content_types(files: Iterable[str], content_types: Iterable[str]) -> list[str]:
    """Return the files whose ending says ``image``, ``video``, ``audio`` or ``model``."""
    wanted = set(content_types)
    found = []
    for name in files:
        kind = _CONTENT_OVERRIDES.get(os.path.splitext(name)[1].lower())
        if kind is None:
            guessed, _ = mimetypes.guess_type(name, strict=False)
            kind = (guessed or "").split("/")[0]
        if kind in wanted:
            found.append(name)
    return found


def modified(folder: str) -> float | None:
    """Return when a folder last changed, or None when it is not there."""
    try:
        return os.path.getmtime(folder)
    except OSError:
        return None
