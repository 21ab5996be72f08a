"""Read tensors from files without trusting them (rules D-210, D-220).

safetensors files are mapped, so that a weight costs memory only when it is used. Pickles are
opened with ``weights_only=True`` and nothing else; one that needs code is refused.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import torch

from app.engine.errors import ModelFileError

SAFETENSORS_ENDINGS: Final = (".safetensors", ".sft")
MAX_HEADER_BYTES: Final = 100_000_000
"""Longest safetensors header that is read; real ones stay below a few megabytes."""

StateDict = dict[str, torch.Tensor]

_BITS: Final = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "U16": 16, "I16": 16,
    "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "C64": 64, "U64": 64, "I64": 64,
    "F64": 64,
}  # fmt: skip
"""Bits of one value by the name of its type in a safetensors header."""

_MAGIC: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"GGUF", "a GGUF file, which is not supported"),
    (b"version https://git-lfs", "only a Git LFS pointer; the download is not complete"),
    (b"{", "a text file"),
    (b"RIFF", "a sound, film or WebP picture"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
)

_WEB_PAGE: Final = "a web page; the download probably needs a login"
_WEB_PAGE_STARTS: Final = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--")

_WRAPPERS: Final = ("state_dict", "params_ema", "params-ema", "params")
"""Names that training programs keep the weights under; averaged weights before plain ones."""

_HARMLESS_NAMES: Final = (
    "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
    "pytorch_lightning.utilities.enums._FaultTolerantMode",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.dtype",
)
"""Names that old training programs left beside the weights; they become empty objects."""


class _Discarded:
    """Stands for an object of another program inside a checkpoint; keeps nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take anything."""

    def __setstate__(self, state: Any) -> None:
        """Take any state."""


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """The tensors of one file.

    Attributes:
        tensors: By name; mapped from the file where the format allows it.
        metadata: Text that the file carries beside its tensors.
        path: Where it was read from.
    """

    tensors: StateDict
    metadata: Mapping[str, str] = field(default_factory=dict)
    path: str = ""


def read_weights(path: str | os.PathLike[str]) -> WeightsFile:
    """Read all tensors of a model file.

    Args:
        path: A ``.safetensors`` or ``.sft`` file, else a torch file.

    Raises:
        ModelFileError: The file is missing, damaged, not a model, or holds code.
    """
    name = os.fspath(path)
    if not os.path.isfile(name):
        raise ModelFileError(f'The model file "{name}" does not exist.')
    if name.lower().endswith(SAFETENSORS_ENDINGS):
        return _read_safetensors(name)
    with open(name, "rb") as stream:
        start = stream.read(9)
    if len(start) == 9 and start[8:] == b"{" and _is_safetensors_header(name):
        return _read_safetensors(name)
    return _read_torch(name)


def load_state_dict(path: str | os.PathLike[str]) -> StateDict:
    """Return the tensors of a model file; see :func:`read_weights`."""
    return read_weights(path).tensors


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """Return the text beside the tensors of a safetensors file; empty for other files.

    Raises:
        ModelFileError: The header is damaged.
    """
    name = os.fspath(path)
    if not name.lower().endswith(SAFETENSORS_ENDINGS):
        return {}
    header = _safetensors_header(name)
    metadata = header.get("__metadata__", {})
    return {str(key): str(value) for key, value in metadata.items()}


def _is_safetensors_header(path: str) -> bool:
    try:
        _safetensors_header(path)
    except ModelFileError:
        return False
    return True


def _safetensors_header(path: str) -> dict[str, Any]:
    """Read and check the header of a safetensors file before anything is mapped."""
    shown = os.path.basename(path)
    size = os.path.getsize(path)
    with open(path, "rb") as stream:
        start = stream.read(8)
        if len(start) < 8:
            raise ModelFileError(f'"{shown}" is not a model: the file has only {size} bytes.')
        (length,) = struct.unpack("<Q", start)
        if length > min(MAX_HEADER_BYTES, size - 8):
            known = _describe_content(path)
            if not known and _zip_names(path):
                known = "a torch file with the wrong ending; rename it to end in .ckpt"
            if known:
                raise ModelFileError(f'"{shown}" is not a model: it is {known}.')
            raise ModelFileError(
                f'"{shown}" is damaged: its header claims {length} bytes of a file with {size}. '
                "Download it again."
            )
        text = stream.read(length)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f'"{shown}" is damaged: its header cannot be read.') from error
    if not isinstance(header, dict) or not isinstance(header.get("__metadata__", {}), dict):
        raise ModelFileError(f'"{shown}" is damaged: its header is not a list of tensors.')
    end = _check_places(header, shown)
    if 8 + length + end > size:
        raise ModelFileError(
            f'"{shown}" is not complete: {8 + length + end} bytes are announced, {size} are '
            "there. Download it again."
        )
    return header


def _check_places(header: Mapping[str, Any], shown: str) -> int:
    """Check where a header says that its tensors lie; return where the last one ends."""
    places = []
    for key, entry in header.items():
        if key == "__metadata__":
            continue
        try:
            first, last = (_whole(value) for value in entry["data_offsets"])
            count = math.prod(_whole(value) for value in entry["shape"])
            bits = _BITS.get(entry["dtype"])
        except (TypeError, KeyError, ValueError) as error:
            raise ModelFileError(f'"{shown}" is damaged: "{key}" has no place.') from error
        if not 0 <= first <= last:
            raise ModelFileError(f'"{shown}" is damaged: "{key}" ends before it begins.')
        if bits is not None and count * bits != (last - first) * 8:
            raise ModelFileError(
                f'"{shown}" is damaged: "{key}" should take {count * bits // 8} bytes, not '
                f"{last - first}."
            )
        places.append((first, last, key))
    end = 0
    for first, last, key in sorted(places):
        if first < end:
            raise ModelFileError(f'"{shown}" is damaged: "{key}" lies on top of another tensor.')
        end = last
    return end


def _whole(value: Any) -> int:
    """Return a whole number that is not negative, or raise ``ValueError``."""
    if type(value) is not int or value < 0:
        raise ValueError(value)
    return value


def _read_safetensors(path: str) -> WeightsFile:
    from safetensors import SafetensorError, safe_open

    _safetensors_header(path)
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
            metadata = dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise ModelFileError(
            f'"{os.path.basename(path)}" is damaged and cannot be read: {error}'
        ) from error
    return WeightsFile(tensors, metadata, path)


def _read_torch(path: str) -> WeightsFile:
    shown = os.path.basename(path)
    return WeightsFile(_flat_tensors(_open_torch(path, shown), shown), {}, path)


def _open_torch(path: str, shown: str) -> Any:
    """Return what a torch file holds, without running code from it."""
    known = _describe_content(path)
    if known:
        raise ModelFileError(f'"{shown}" is not a model: it is {known}.')
    harmless: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
        (_Discarded, name) for name in _HARMLESS_NAMES
    ]
    try:
        with torch.serialization.safe_globals(harmless), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(
                path, map_location="cpu", weights_only=True, mmap=_zip_names(path) is not None
            )
    except pickle.UnpicklingError as error:
        raise ModelFileError(
            f'"{shown}" was not opened: it is not a plain list of weights, and opening it would '
            f"run code from the file. Use a safetensors version of it. ({_first_line(error)})"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, IndexError) as error:
        raise ModelFileError(
            f'"{shown}" is damaged or not a model: {_first_line(error)}'
        ) from error
    except Exception as error:  # a damaged pickle fails in any way there is
        raise ModelFileError(f'"{shown}" is damaged: {_first_line(error)}') from error


def read_torch_content(path: str | os.PathLike[str]) -> Any:
    """Return whatever a torch file holds, opened without running code from it.

    Embeddings nest their tensors in ways that :func:`read_weights` does not follow.

    Raises:
        ModelFileError: The file is damaged, not a torch file, or holds code.
    """
    name = os.fspath(path)
    return _open_torch(name, os.path.basename(name))


def _flat_tensors(content: Any, shown: str) -> StateDict:
    """Find the tensors: under a known name, in the only entry, or on top (rule D-210)."""
    if isinstance(content, Mapping):
        name = next((key for key in _WRAPPERS if isinstance(content.get(key), Mapping)), None)
        if name is not None:
            content = content[name]
        elif len(content) == 1:
            (only,) = content.values()
            if isinstance(only, Mapping):
                content = only
    if not isinstance(content, Mapping):
        raise ModelFileError(f'"{shown}" is not a model: it holds no named weights.')
    tensors = {
        str(key): value.detach()
        for key, value in content.items()
        if isinstance(value, torch.Tensor)
    }
    if not tensors:
        raise ModelFileError(f'"{shown}" is not a model: it holds no named weights.')
    return tensors


def _describe_content(path: str) -> str:
    """Return what a file is when it is surely not a model, else an empty text."""
    with open(path, "rb") as stream:
        start = stream.read(64)
    if not start:
        return "empty"
    for magic, words in _MAGIC:
        if start.startswith(magic):
            return words
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_WEB_PAGE_STARTS):
        return _WEB_PAGE
    with contextlib.suppress(UnicodeDecodeError):
        text = start.decode("ascii")
        if all(letter.isprintable() or letter in "\r\n\t" for letter in text):
            return "a text file"
    names = _zip_names(path)
    if names is None:
        return "a damaged archive" if start.startswith(b"PK\x03\x04") else ""
    if not any(name.endswith("data.pkl") for name in names):
        return "an archive without weights; unpack it first"
    return ""


def _zip_names(path: str) -> list[str] | None:
    """Return the names in an archive, or None when a file is none that can be read."""
    try:
        if not zipfile.is_zipfile(path):
            return None
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, struct.error):
        return None


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def has_prefix(tensors: Mapping[str, Any], prefix: str) -> bool:
    """Tell whether any name begins with ``prefix``."""
    return any(name.startswith(prefix) for name in tensors)


def take_prefix(tensors: Mapping[str, torch.Tensor], prefix: str, new: str = "") -> StateDict:
    """Return the tensors whose name begins with ``prefix``, with ``new`` in its place."""
    return {
        new + name[len(prefix) :]: tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def save_weights(
    path: str | os.PathLike[str],
    tensors: Mapping[str, torch.Tensor],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write a safetensors file, beside the target first and then in its place.

    Raises:
        ModelFileError: The disk refuses.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    name = os.fspath(path)
    temporary = f"{name}.{os.getpid()}.part"
    try:
        plain = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
        save_file(plain, temporary, dict(metadata) if metadata else None)
        os.replace(temporary, name)
    except (OSError, SafetensorError) as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise ModelFileError(f'"{os.path.basename(name)}" cannot be saved: {error}') from error
