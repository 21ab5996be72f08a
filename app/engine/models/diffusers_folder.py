"""Models as diffusers stores them: a folder with a folder for each part (rule D-210)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from app.engine.errors import ModelFileError
from app.engine.models.diffusers_schedule import TrainingSchedule, read_schedule
from app.engine.models.diffusion_model import DiffusionModel
from app.engine.models.loading import Checkpoint, diffusion_model_from_tensors
from app.engine.models.patcher import ModelPatcher
from app.engine.models.predictions import make_model_sampling
from app.engine.models.text_encoder import CLIP
from app.engine.models.text_encoder_files import encoder_tensors, layout_for, make_clip
from app.engine.models.vae import VAE
from app.engine.models.weights import StateDict, load_state_dict

Folders = Sequence[str | os.PathLike[str]]

INDEX: Final = "model_index.json"
"""File that tells a folder of diffusers from any other."""

_NETWORK_STEMS: Final = ("diffusion_pytorch_model",)
_TEXT_STEMS: Final = ("model", "pytorch_model")
_FORMS: Final = (".fp16.safetensors", ".safetensors", ".fp16.bin", ".bin")
"""Endings in the order in which they are taken; the first that is there counts."""
_NETWORK_FOLDERS: Final = ("unet", "transformer")
_TEXT_FOLDERS: Final = ("text_encoder", "text_encoder_2", "text_encoder_3")
_TEXT_TYPES: Final = {"SD3": "sd3", "Flux": "flux", "FluxSchnell": "flux"}
"""What the text encoders of a family are for, where their kinds leave a choice."""


def list_folders(roots: Folders) -> list[str]:
    """Return the folders of diffusers below some folders, relative to them, each name once.

    Args:
        roots: Where to look; links are followed, and folders that are not there are left out.
    """
    found: dict[str, None] = {}
    for root in roots:
        for folder, inside, files in _walk(os.fspath(root)):
            inside[:] = sorted(name for name in inside if name != ".git")
            if INDEX in files:
                found[os.path.relpath(folder, root)] = None
    return list(found)


def _walk(root: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walk below a folder as ``os.walk`` does; a link to a folder above is not followed again."""
    seen: set[str] = set()
    for folder, inside, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            inside.clear()
            continue
        seen.add(real)
        yield folder, inside, files


def load_diffusers(folder: str | os.PathLike[str], embedding_folders: Folders = ()) -> Checkpoint:
    """Load a folder with ``unet`` or ``transformer``, ``vae``, and ``text_encoder`` to its third.

    How the model was trained is read from ``scheduler`` where the folder has it.

    Args:
        folder: The folder.
        embedding_folders: Where prompts look for embeddings.

    Returns:
        The parts; None for text encoders or a VAE that are not there.

    Raises:
        ModelFileError: There is no network, a file cannot be read, or it is of no known family.
    """
    root = Path(folder)
    schedule = read_schedule(root)
    model = _network(root)
    if schedule is not None:
        _follow(model.model, schedule)
    text_type = _TEXT_TYPES.get(model.model.family.name, "stable_diffusion")
    return Checkpoint(model, _text_encoders(root, text_type, embedding_folders), _vae(root))


def _network(root: Path) -> ModelPatcher:
    for name in _NETWORK_FOLDERS:
        tensors = _read_part(root / name, _NETWORK_STEMS)
        if tensors is None:
            continue
        try:
            return diffusion_model_from_tensors(tensors)
        except ModelFileError as error:
            raise _named(root / name, error) from error
    raise ModelFileError(
        f'"{root.name}" has no weights in a folder "unet" or "transformer", as models have in '
        "diffusers' layout."
    )


def _follow(model: DiffusionModel, schedule: TrainingSchedule) -> None:
    """Sample a model as its folder says that it was trained."""
    model_type, settings = schedule.sampling(model.model_type, model.model_config.sampling_settings)
    model.model_sampling = make_model_sampling(model_type, settings)
    model.model_type = model_type
    model.model_config.sampling_settings = settings


def _text_encoders(root: Path, text_type: str, embedding_folders: Folders) -> CLIP | None:
    parts: dict[str, StateDict] = {}
    used: list[str] = []
    for name in _TEXT_FOLDERS:
        tensors = _read_part(root / name, _TEXT_STEMS)
        if tensors is None:
            continue
        try:
            kind, encoder = encoder_tensors(tensors)
        except ModelFileError as error:
            raise _named(root / name, error) from error
        parts[kind] = encoder
        used.append(f"{root.name}/{name}")
    if not parts:
        return None
    layout = layout_for(parts, text_type, ", ".join(used))
    return make_clip(layout, parts, embedding_folders)


def _vae(root: Path) -> VAE | None:
    tensors = _read_part(root / "vae", _NETWORK_STEMS)
    if tensors is None:
        return None
    try:
        return VAE(sd=tensors)
    except ModelFileError as error:
        raise _named(root / "vae", error) from error


def _read_part(folder: Path, stems: Sequence[str]) -> StateDict | None:
    """Return the tensors of one part, from one file or several, or None without any."""
    try:
        names = set(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ModelFileError(f'Cannot read the folder "{folder}": {error.strerror}.') from error
    for form in _FORMS:
        for stem in stems:
            files = (
                [stem + form] if stem + form in names else _split_files(folder, names, stem, form)
            )
            if files:
                return _joined(folder, files)
    return None


def _split_files(folder: Path, names: set[str], stem: str, form: str) -> list[str]:
    """Return the files of weights that were too large for one, in order; empty without any.

    Raises:
        ModelFileError: One of them is missing.
    """
    variant, _, ending = form[1:].rpartition(".")
    head = f"{stem}.{variant}" if variant else stem
    # Older versions of diffusers write the variant before the number, newer ones behind it.
    tail = f".{variant}.{ending}" if variant else f".{ending}"
    patterns = (
        rf"{re.escape(head)}-(\d{{5}})-of-(\d{{5}})\.{ending}",
        rf"{re.escape(stem)}-(\d{{5}})-of-(\d{{5}}){re.escape(tail)}",
    )
    for pattern in patterns:
        found = {match[1]: match for name in names if (match := re.fullmatch(pattern, name))}
        if not found:
            continue
        files = [found[number].string for number in sorted(found)]
        count = int(next(iter(found.values()))[2])
        if len(files) != count:
            raise ModelFileError(
                f'"{folder.parent.name}/{folder.name}" is not complete: it has {len(files)} of '
                f"{count} files. Download the others."
            )
        return files
    return []


def _joined(folder: Path, files: Sequence[str]) -> StateDict:
    result: StateDict = {}
    for name in files:
        try:
            result.update(load_state_dict(folder / name))
        except ModelFileError as error:
            raise _named(folder, error) from error
    return result


def _named(folder: Path, error: ModelFileError) -> ModelFileError:
    """Return the error with the model and its part in front."""
    return ModelFileError(f'"{folder.parent.name}/{folder.name}" cannot be used. {error}')
