"""Where models, inputs and results lie: the table that node packs see as ``folder_paths``.

A *kind* (``checkpoints``, ``loras``, ...) is a list of folders and a set of file endings.
Packs read and change the table while the program runs, so every question is answered from
the attributes as they are at that moment.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from app.engine.errors import UnsafePathError
from app.engine.listings import (
    CacheHelper,
    Listing,
    filter_files_extensions,
    modified,
    recursive_search,
)

log = logging.getLogger("easel.files")

MODEL_ENDINGS: Final = frozenset(
    {".ckpt", ".pt", ".pt2", ".bin", ".pth", ".safetensors", ".pkl", ".sft"}
)

SHIPPED_CHECKPOINTS: Final = str(
    Path(__file__).resolve().parents[2] / "resources" / "models" / "checkpoints"
)
"""Folder of the starter model; searched last."""

LEGACY_KINDS: Final = {"unet": "diffusion_models", "clip": "text_encoders"}
"""Old names that old packs still use."""

_KIND_FOLDERS: Final[dict[str, tuple[str, ...]]] = {
    "checkpoints": ("checkpoints",),
    "configs": ("configs",),
    "loras": ("loras",),
    "vae": ("vae",),
    "text_encoders": ("text_encoders", "clip"),
    "diffusion_models": ("unet", "diffusion_models"),
    "clip_vision": ("clip_vision",),
    "style_models": ("style_models",),
    "embeddings": ("embeddings",),
    "diffusers": ("diffusers",),
    "vae_approx": ("vae_approx",),
    "controlnet": ("controlnet", "t2i_adapter"),
    "gligen": ("gligen",),
    "upscale_models": ("upscale_models",),
    "latent_upscale_models": ("latent_upscale_models",),
    "hypernetworks": ("hypernetworks",),
    "photomaker": ("photomaker",),
    "classifiers": ("classifiers",),
    "model_patches": ("model_patches",),
    "audio_encoders": ("audio_encoders",),
}

_KIND_ENDINGS: Final[dict[str, frozenset[str]]] = {
    "configs": frozenset({".yaml"}),
    "diffusers": frozenset({"folder"}),
    "classifiers": frozenset({""}),
}

_ANNOTATIONS: Final = ("output", "input", "temp")

FolderTable = dict[str, tuple[list[str], Collection[str]]]


def map_legacy(kind: str) -> str:
    """Return today's name of a kind."""
    return LEGACY_KINDS.get(kind, kind)


class ModelFolders:
    """The table of folders.

    Everything may be changed by packs. Not safe to change from two threads at once.

    Attributes:
        base_path: Home folder of the data.
        models_dir: Folder that holds a folder for each kind of model.
        output_directory: Where results are saved.
        input_directory: Where pictures to load lie; made when missing.
        temp_directory: Where previews are saved.
        user_directory: Where settings and workflows lie.
        supported_pt_extensions: Endings of model files, with the dot.
        folder_names_and_paths: Kind -> (folders, endings). No endings means every file.
        filename_list_cache: Kind -> listing; emptied by packs that want it made anew.
    """

    def __init__(self, base_path: str | os.PathLike[str]) -> None:
        self.base_path = os.path.abspath(base_path)
        self.models_dir = os.path.join(self.base_path, "models")
        self.output_directory = os.path.join(self.base_path, "output")
        self.input_directory = os.path.join(self.base_path, "input")
        self.temp_directory = os.path.join(self.base_path, "temp")
        self.user_directory = os.path.join(self.base_path, "user")
        self.supported_pt_extensions: set[str] = set(MODEL_ENDINGS)
        self.folder_names_and_paths: FolderTable = {}
        self.filename_list_cache: dict[str, Listing] = {}
        self.cache_helper = CacheHelper()
        for kind, names in _KIND_FOLDERS.items():
            folders = [os.path.join(self.models_dir, name) for name in names]
            endings = _KIND_ENDINGS.get(kind)
            own = self.supported_pt_extensions if endings is None else set(endings)
            self.folder_names_and_paths[kind] = (folders, own)
        self.folder_names_and_paths["checkpoints"][0].append(SHIPPED_CHECKPOINTS)
        custom_nodes = os.path.join(self.base_path, "custom_nodes")
        self.folder_names_and_paths["custom_nodes"] = ([custom_nodes], set())

    def create_missing(self) -> None:
        """Make the folders an artist expects to find: input, output, models, custom_nodes.

        Raises:
            OSError: The disk refuses.
        """
        custom_nodes = self.get_folder_paths("custom_nodes")[0]
        for folder in (self.input_directory, self.output_directory, custom_nodes):
            os.makedirs(folder, exist_ok=True)
        for kind, (folders, _) in self.folder_names_and_paths.items():
            folder = os.path.join(self.models_dir, kind)
            if folder in folders:
                os.makedirs(folder, exist_ok=True)

    def add_model_folder_path(self, kind: str, path: str, is_default: bool = False) -> None:
        """Add a folder to a kind, which is made when it is new.

        Args:
            kind: The kind; a new one takes every file.
            path: The folder; need not exist.
            is_default: Put it first, where new models are saved.
        """
        kind = map_legacy(kind)
        if kind not in self.folder_names_and_paths:
            self.folder_names_and_paths[kind] = ([path], set())
            return
        folders = self.folder_names_and_paths[kind][0]
        if is_default:
            if path in folders:
                folders.remove(path)
            folders.insert(0, path)
        elif path not in folders:
            folders.append(path)
        self.filename_list_cache.pop(kind, None)

    def add_models_folder(self, folder: str | os.PathLike[str]) -> None:
        """Search another models folder, with a folder for each kind, after the own ones.

        Args:
            folder: Such as the models folder of a ComfyUI install; need not exist.
        """
        root = os.path.abspath(folder)
        for kind, names in _KIND_FOLDERS.items():
            for name in names:
                self.add_model_folder_path(kind, os.path.join(root, name))

    def get_folder_paths(self, kind: str) -> list[str]:
        """Return a copy of the folders of a kind.

        Raises:
            KeyError: There is no such kind.
        """
        return list(self.folder_names_and_paths[map_legacy(kind)][0])

    def get_filename_list(self, kind: str) -> list[str]:
        """Return the files of a kind, relative to its folders, sorted, each name once.

        The listing is kept until a folder below changes or appears.

        Raises:
            KeyError: There is no such kind.
        """
        kind = map_legacy(kind)
        listing = self.cached_listing(kind)
        if listing is None:
            listing = self.list_files(kind)
            self.filename_list_cache[kind] = listing
        self.cache_helper.set(kind, listing)
        return list(listing[0])

    def list_files(self, kind: str) -> Listing:
        """Walk the folders of a kind; return the names, the folders' times, and when.

        Raises:
            KeyError: There is no such kind.
        """
        folders, endings = self.folder_names_and_paths[map_legacy(kind)]
        names: set[str] = set()
        times: dict[str, float] = {}
        for folder in folders:
            found, changed = recursive_search(folder, excluded_dir_names=[".git"])
            names.update(filter_files_extensions(found, endings))
            times.update(changed)
        return sorted(names), times, time.perf_counter()

    def cached_listing(self, kind: str) -> Listing | None:
        """Return the kept listing of a kind while nothing below its folders has changed."""
        kind = map_legacy(kind)
        kept = self.cache_helper.get(kind)
        if kept is not None:
            return kept
        listing = self.filename_list_cache.get(kind)
        if listing is None:
            return None
        for folder, changed in listing[1].items():
            if modified(folder) != changed:
                return None
        folders = self.folder_names_and_paths[kind][0]
        if any(os.path.isdir(folder) and folder not in listing[1] for folder in folders):
            return None
        return listing

    def get_full_path(self, kind: str, name: str) -> str | None:
        """Return the first file of that name in the kind's folders, or None.

        The name cannot leave the folders.
        """
        kind = map_legacy(kind)
        if kind not in self.folder_names_and_paths:
            return None
        relative = os.path.relpath(os.path.join("/", name), "/")
        for folder in self.folder_names_and_paths[kind][0]:
            path = os.path.join(folder, relative)
            if os.path.isfile(path):
                return path
            if os.path.islink(path):
                log.warning('"%s" is a link to a file that does not exist; it is skipped.', path)
        return None

    def get_full_path_or_raise(self, kind: str, name: str) -> str:
        """Return the first file of that name in the kind's folders.

        Raises:
            FileNotFoundError: There is none.
        """
        path = self.get_full_path(kind, name)
        if path is None:
            raise FileNotFoundError(f'Model in folder "{kind}" with filename "{name}" not found.')
        return path

    def get_directory_by_type(self, type_name: str) -> str | None:
        """Return the folder for ``output``, ``input`` or ``temp``; None for other words."""
        if type_name in _ANNOTATIONS:
            return str(getattr(self, f"{type_name}_directory"))
        return None

    def get_system_user_directory(self, name: str = "system") -> str:
        """Return the folder for what belongs to no artist, ``__<name>`` in the user folder.

        Raises:
            ValueError: The name is empty or begins with an underscore.
        """
        if not name or name.startswith("_"):
            raise ValueError(f'"{name}" cannot name a system user folder')
        return os.path.join(self.user_directory, f"__{name}")

    def get_public_user_directory(self, user_id: str) -> str | None:
        """Return an artist's folder, or None for names that belong to the system."""
        if not user_id or user_id.startswith("__"):
            return None
        return os.path.join(self.user_directory, user_id)

    def get_input_subfolders(self) -> list[str]:
        """Return the folders inside the input folder, relative to it, with slashes, sorted."""
        found = []
        for folder, names, _ in os.walk(self.input_directory):
            for name in names:
                relative = os.path.relpath(os.path.join(folder, name), self.input_directory)
                found.append(relative.replace(os.sep, "/"))
        return sorted(found)

    def annotated_filepath(self, name: str) -> tuple[str, str | None]:
        """Split ``picture.png [temp]`` into the name and the folder it names.

        Returns:
            The bare name, and the folder or None when the name says nothing.
        """
        for word in _ANNOTATIONS:
            mark = f"[{word}]"
            if name.endswith(mark):
                bare = name[: -len(mark)]
                return bare.removesuffix(" "), self.get_directory_by_type(word)
        return name, None

    def get_annotated_filepath(self, name: str, default_dir: str | None = None) -> str:
        """Return the path of a file an input widget names.

        Args:
            name: File name, perhaps with a folder mark at its end.
            default_dir: Folder when there is no mark; the input folder when None.

        Raises:
            UnsafePathError: The name leads out of the folder, and not into another of ours.
        """
        bare, folder = self.annotated_filepath(name)
        root = os.path.abspath(folder or default_dir or self.input_directory)
        path = os.path.normpath(os.path.join(root, bare))
        homes = (root, self.input_directory, self.output_directory, self.temp_directory)
        if not any(_is_inside(path, home) for home in homes):
            raise UnsafePathError(f'"{name}" would leave the folder "{os.path.basename(root)}".')
        return path

    def exists_annotated_filepath(self, name: str) -> bool:
        """Tell whether the file that an input widget names is there."""
        try:
            return os.path.exists(self.get_annotated_filepath(name))
        except UnsafePathError:
            return False

    def get_save_image_path(
        self,
        filename_prefix: str,
        output_dir: str,
        image_width: int = 0,
        image_height: int = 0,
    ) -> tuple[str, str, int, str, str]:
        """Find where the next picture of a name goes; its folder is made.

        Args:
            filename_prefix: Name, perhaps with a folder and with the words ``%width%``,
                ``%height%``, ``%year%``, ``%month%``, ``%day%``, ``%hour%``, ``%minute%``
                and ``%second%``.
            output_dir: Folder that the picture must not leave.
            image_width: Width in px, for ``%width%``.
            image_height: Height in px, for ``%height%``.

        Returns:
            The folder, the file name without number and ending, the next free number, the
            folder relative to ``output_dir``, and the prefix with its words replaced.

        Raises:
            UnsafePathError: The name leads out of ``output_dir``.
        """
        if "%" in filename_prefix:
            filename_prefix = _fill_words(filename_prefix, image_width, image_height)
        relative = os.path.normpath(filename_prefix)
        subfolder, filename = os.path.split(relative)
        folder = os.path.join(output_dir, subfolder)
        if not _is_inside(os.path.abspath(folder), os.path.abspath(output_dir)):
            raise UnsafePathError(f'"{filename_prefix}" would save outside the output folder.')
        os.makedirs(folder, exist_ok=True)
        return folder, filename, _next_counter(folder, filename), subfolder, filename_prefix

    def load_extra_paths(self, file: str | os.PathLike[str]) -> None:
        """Read an extra model paths file (node-packs section 2).

        Raises:
            OSError: The file cannot be read.
            ValueError: It is not a YAML mapping.
        """
        import yaml

        path = os.path.abspath(file)
        with open(path, encoding="utf-8") as stream:
            try:
                sections = yaml.safe_load(stream)
            except yaml.YAMLError as error:
                raise ValueError(f'"{path}" cannot be read: {error}') from error
        if sections is None:
            return
        if not isinstance(sections, Mapping):
            raise ValueError(f'"{path}" must hold named sections')
        for section in sections.values():
            if isinstance(section, Mapping):
                self._add_section(dict(section), os.path.dirname(path))

    def _add_section(self, section: dict[Any, Any], yaml_dir: str) -> None:
        base = section.pop("base_path", None)
        is_default = bool(section.pop("is_default", False))
        if base:
            expanded = os.path.expandvars(os.path.expanduser(str(base)))
            root = os.path.abspath(os.path.join(yaml_dir, expanded))
        else:
            root = yaml_dir
        for kind, paths in section.items():
            for line in str(paths or "").split("\n"):
                if line.strip():
                    folder = os.path.normpath(os.path.join(root, line.strip()))
                    self.add_model_folder_path(str(kind), folder, is_default)


def remove_old_temp_files(folder: str | os.PathLike[str], older_than_s: float = 86400.0) -> int:
    """Delete files of earlier sessions from the temp folder (decision 10).

    Args:
        folder: The temp folder; may be missing.
        older_than_s: Only files last changed longer ago than this many seconds go.

    Returns:
        How many files went.
    """
    removed = 0
    limit = time.time() - older_than_s
    for path in _files_below(Path(folder)):
        with contextlib.suppress(OSError):
            if path.lstat().st_mtime <= limit:
                path.unlink()
                removed += 1
    return removed


def _files_below(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder):
        for name in names:
            yield Path(root, name)


def _is_inside(path: str, folder: str) -> bool:
    root = os.path.abspath(folder)
    try:
        return os.path.commonpath((root, path)) == root
    except ValueError:  # two drives on Windows
        return False


def _fill_words(prefix: str, width: int, height: int) -> str:
    now = time.localtime()
    words = {
        "width": str(width),
        "height": str(height),
        "year": str(now.tm_year),
        "month": f"{now.tm_mon:02}",
        "day": f"{now.tm_mday:02}",
        "hour": f"{now.tm_hour:02}",
        "minute": f"{now.tm_min:02}",
        "second": f"{now.tm_sec:02}",
    }
    return re.sub(r"%(\w+)%", lambda match: words.get(match[1], match[0]), prefix)


def _next_counter(folder: str, filename: str) -> int:
    pattern = re.compile(re.escape(os.path.normcase(filename)) + r"_(\d+)(?:_|$)")
    highest = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            match = pattern.match(os.path.normcase(entry.name))
            if match:
                highest = max(highest, int(match[1]))
    return highest + 1
