"""Write results into the output folder without ever overwriting a file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO, Any

from comfy.cli_args import args
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from app.engine.execution.finishing import finish_later
from app.engine.files import FileSaveError, claim_file, save_failure_reason

SavedFile = dict[str, str]
"""``filename``, ``subfolder`` and ``type``, as the ``ui`` output names a file."""


def save_claimed(
    folder: str, first_counter: int, name: Callable[[int], str], data: bytes
) -> tuple[str, int]:
    """Write ``data`` under the first free name at or after ``first_counter``.

    The name is claimed by exclusive creation, so two programs that save into one folder at
    the same moment get different names. A file that cannot be finished is removed again.

    Args:
        folder: Where the file goes; must exist.
        first_counter: The number to try first.
        name: File name for a number.
        data: Everything the file shall hold.

    Returns:
        The file name that was used and its number.

    Raises:
        FileSaveError: The disk is full or the folder may not be written.
    """
    stream, counter = _claim(folder, first_counter, name)
    _fill(stream, lambda: data)
    return os.path.basename(stream.name), counter


def save_later(
    folder: str, first_counter: int, name: Callable[[int], str], encode: Callable[[], bytes]
) -> tuple[str, int]:
    """Claim a name now, and encode and write the file while the next nodes run.

    The engine sends the node's ``executed`` event when the file is there. In a node that does
    not say ``FINISHES_LATER`` for itself the file is written at once.

    Args:
        folder: Where the file goes; must exist.
        first_counter: The number to try first.
        name: File name for a number.
        encode: Returns everything the file shall hold; called on another thread.

    Returns:
        The file name that was used and its number.

    Raises:
        FileSaveError: The disk is full or the folder may not be written. When that shows only
            later, the node fails then.
    """
    stream, counter = _claim(folder, first_counter, name)
    finish_later(lambda: _fill(stream, encode))
    return os.path.basename(stream.name), counter


def _claim(folder: str, first_counter: int, name: Callable[[int], str]) -> tuple[IO[bytes], int]:
    """Create an empty file under the first free name; return it, open, and its number."""
    counter = first_counter
    while True:
        file_name = name(counter)
        try:
            return claim_file(folder, file_name), counter
        except FileExistsError:
            counter += 1
        except OSError as error:
            raise _save_error(file_name, error) from error


def _fill(stream: IO[bytes], encode: Callable[[], bytes]) -> None:
    """Write and close a claimed file, or remove it."""
    try:
        with stream:
            stream.write(encode())
    except BaseException as error:
        with suppress(OSError):
            os.unlink(stream.name)
        if isinstance(error, OSError):
            raise _save_error(os.path.basename(stream.name), error) from error
        raise


def _save_error(file_name: str, error: OSError) -> FileSaveError:
    return FileSaveError(
        f'Cannot save "{file_name}": {save_failure_reason(error)}. Make room or choose '
        "another output folder, then run again.",
        details=str(error),
    )


def numbered(stem: str, ending: str, batch_number: int = 0) -> Callable[[int], str]:
    """Return how files of a batch are named: ``stem_00001_.ending``.

    Args:
        stem: Beginning of the name; ``%batch_num%`` in it becomes ``batch_number``.
        ending: Ending without its dot.
        batch_number: Place of the picture in its batch.
    """
    beginning = stem.replace("%batch_num%", str(batch_number))
    return lambda counter: f"{beginning}_{counter:05}_.{ending}"


def metadata_texts(
    prompt: Any = None, extra_pnginfo: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Return what a saved file tells about its making, as JSON texts by key.

    Empty when the artist has switched metadata off.
    """
    if args.disable_metadata:
        return {}
    texts: dict[str, str] = {}
    if prompt is not None:
        texts["prompt"] = json.dumps(prompt, separators=(",", ":"))
    for key, value in (extra_pnginfo or {}).items():
        texts[key] = json.dumps(value, separators=(",", ":"))
    return texts


def png_info(texts: Mapping[str, str]) -> PngInfo | None:
    """Return the texts as PNG chunks, or None when there are none."""
    if not texts:
        return None
    info = PngInfo()
    for key, value in texts.items():
        info.add_text(key, value)
    return info


# EXIF fields that other programs of this family read: Model, then Make and downwards.
_EXIF_MODEL = 0x0110
_EXIF_MAKE = 0x010F


def exif_info(texts: Mapping[str, str]) -> Image.Exif:
    """Return the texts as EXIF fields ``key:json``, for WebP files."""
    exif = Image.Exif()
    field = _EXIF_MAKE
    for key, value in texts.items():
        if key == "prompt":
            exif[_EXIF_MODEL] = f"{key}:{value}"
        else:
            exif[field] = f"{key}:{value}"
            field -= 1
    return exif
