"""``folder_paths`` as packs know it: functions and live attributes over the folder table."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable
from types import ModuleType
from typing import Any

from app.engine import listings, model_folders
from app.engine.compat import session

_folders = session.current().folders

# Packs take the folder of this file for the host's own, which holds custom_nodes.
__file__ = os.path.join(_folders.base_path, "folder_paths.py")

LIVE_ATTRIBUTES = (
    "base_path",
    "models_dir",
    "output_directory",
    "input_directory",
    "temp_directory",
    "user_directory",
    "supported_pt_extensions",
    "folder_names_and_paths",
    "filename_list_cache",
    "cache_helper",
)

extension_mimetypes_cache = {".webp": "image", ".fbx": "model"}

map_legacy = model_folders.map_legacy


def _live(name: str) -> property:
    def read(_module: ModuleType) -> Any:
        return getattr(_folders, name)

    def write(_module: ModuleType, value: Any) -> None:
        setattr(_folders, name, value)

    return property(read, write)


class _FolderPaths(ModuleType):
    """A module whose attributes are those of the table, for reading and for writing."""


for _name in LIVE_ATTRIBUTES:
    setattr(_FolderPaths, _name, _live(_name))
sys.modules[__name__].__class__ = _FolderPaths


def get_output_directory() -> str:
    """Return the folder results are saved in."""
    return os.path.abspath(_folders.output_directory)


def get_input_directory() -> str:
    """Return the folder pictures are loaded from."""
    return os.path.abspath(_folders.input_directory)


def get_temp_directory() -> str:
    """Return the folder previews are saved in."""
    return os.path.abspath(_folders.temp_directory)


def get_user_directory() -> str:
    """Return the folder of settings and workflows."""
    return os.path.abspath(_folders.user_directory)


def set_output_directory(output_dir: str) -> None:
    """Save results in another folder from now on."""
    _folders.output_directory = output_dir


def set_input_directory(input_dir: str) -> None:
    """Load pictures from another folder from now on."""
    _folders.input_directory = input_dir


def set_temp_directory(temp_dir: str) -> None:
    """Save previews in another folder from now on."""
    _folders.temp_directory = temp_dir


def set_user_directory(user_dir: str) -> None:
    """Keep settings in another folder from now on."""
    _folders.user_directory = user_dir


def get_system_user_directory(name: str = "system") -> str:
    """Return the folder for what belongs to no artist."""
    return _folders.get_system_user_directory(name)


def get_public_user_directory(user_id: str) -> str | None:
    """Return an artist's folder, or None for names that belong to the system."""
    return _folders.get_public_user_directory(user_id)


def get_directory_by_type(type_name: str) -> str | None:
    """Return the folder for ``output``, ``input`` or ``temp``; None for other words."""
    return _folders.get_directory_by_type(type_name)


def get_input_subfolders() -> list[str]:
    """Return the folders inside the input folder."""
    return _folders.get_input_subfolders()


def annotated_filepath(name: str) -> tuple[str, str | None]:
    """Split ``picture.png [temp]`` into the name and the folder it names."""
    return _folders.annotated_filepath(name)


def get_annotated_filepath(name: str, default_dir: str | None = None) -> str:
    """Return the path of a file an input widget names."""
    return _folders.get_annotated_filepath(name, default_dir)


def exists_annotated_filepath(name: str) -> bool:
    """Tell whether the file that an input widget names is there."""
    return _folders.exists_annotated_filepath(name)


def add_model_folder_path(
    folder_name: str, full_folder_path: str, is_default: bool = False
) -> None:
    """Add a folder to a kind of model."""
    _folders.add_model_folder_path(folder_name, full_folder_path, is_default)


def get_folder_paths(folder_name: str) -> list[str]:
    """Return the folders of a kind of model."""
    return _folders.get_folder_paths(folder_name)


def get_filename_list(folder_name: str) -> list[str]:
    """Return the files of a kind of model."""
    return _folders.get_filename_list(folder_name)


def get_filename_list_(folder_name: str) -> listings.Listing:
    """Walk the folders of a kind of model, whatever is kept."""
    return _folders.list_files(folder_name)


def cached_filename_list_(folder_name: str) -> listings.Listing | None:
    """Return the kept listing of a kind while it is still right."""
    return _folders.cached_listing(folder_name)


def get_full_path(folder_name: str, filename: str) -> str | None:
    """Return the path of a model, or None."""
    return _folders.get_full_path(folder_name, filename)


def get_full_path_or_raise(folder_name: str, filename: str) -> str:
    """Return the path of a model, or raise FileNotFoundError."""
    return _folders.get_full_path_or_raise(folder_name, filename)


def get_save_image_path(
    filename_prefix: str, output_dir: str, image_width: int = 0, image_height: int = 0
) -> tuple[str, str, int, str, str]:
    """Find where the next picture of a name goes."""
    return _folders.get_save_image_path(filename_prefix, output_dir, image_width, image_height)


def recursive_search(
    directory: str, excluded_dir_names: list[str] | None = None
) -> tuple[list[str], dict[str, float]]:
    """List every file below a folder."""
    return listings.recursive_search(directory, excluded_dir_names)


def filter_files_extensions(files: Collection[str], extensions: Collection[str]) -> list[str]:
    """Return the files with one of the endings, sorted."""
    return listings.filter_files_extensions(files, extensions)


def filter_files_content_types(files: list[str], content_types: Iterable[str]) -> list[str]:
    """Return the files whose ending says they are of one of the kinds."""
    return listings.filter_files_content_types(files, content_types)
