"""Safe file work: writing that cannot leave half a file, and names that stay in their folder."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path
from typing import IO

from app.engine.errors import EaselError, UnsafePathError


class FileSaveError(EaselError):
    """A file could not be written; what was there before is untouched."""


def home_folder(base_dir: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder that holds models, inputs, outputs, packs and settings.

    Args:
        base_dir: A folder the artist named; else ``EASEL_HOME``, else ``~/Easel``.

    Returns:
        An absolute path; the folder need not exist.
    """
    chosen = base_dir or os.environ.get("EASEL_HOME") or Path.home() / "Easel"
    return Path(os.path.abspath(os.path.expanduser(chosen)))


def write_atomic(path: str | os.PathLike[str], data: bytes) -> None:
    """Replace the file at ``path`` with ``data``, or leave it as it was.

    The bytes go to a temporary file beside the target, are flushed to the disk, and then
    take the target's name in one step. A symbolic link is followed, and an existing file
    keeps its permissions.

    Raises:
        FileSaveError: The disk is full, the folder is missing or may not be written.
    """
    target = Path(os.path.realpath(path))
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(
            prefix=f".{target.name}.", suffix=".part", dir=target.parent
        )
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        _copy_mode(target, temporary)
        os.replace(temporary, target)
        temporary = None
    except OSError as error:
        raise FileSaveError(_save_message(target, error), details=str(error)) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _copy_mode(target: Path, temporary: str) -> None:
    try:
        mode = target.stat().st_mode & 0o777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        mode = 0o666 & ~mask
    os.chmod(temporary, mode)


def save_failure_reason(error: OSError) -> str:
    """Return why a file could not be written, in a few words that fit after a colon."""
    reasons = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "your disk quota is used up",
        errno.EACCES: "the folder may not be written",
        errno.EPERM: "the folder may not be written",
        errno.EROFS: "the disk is read-only",
        errno.ENOENT: "the folder does not exist",
        errno.ENAMETOOLONG: "the name is too long",
    }
    return reasons.get(error.errno or 0, error.strerror or "the system refused")


def _save_message(target: Path, error: OSError) -> str:
    reason = save_failure_reason(error)
    return f'Cannot save "{target.name}": {reason}. The file on disk is as it was.'


def resolve_inside(folder: str | os.PathLike[str], name: str) -> Path:
    """Join ``name`` to ``folder`` and return the real path, which lies inside the folder.

    Symbolic links are resolved before the comparison.

    Raises:
        UnsafePathError: The result would lie outside ``folder``.
    """
    root = Path(os.path.realpath(folder))
    path = Path(os.path.realpath(root / name))
    if path != root and root not in path.parents:
        raise UnsafePathError(f'"{name}" would leave the folder "{root.name}".')
    return path


def claim_file(folder: str | os.PathLike[str], name: str) -> IO[bytes]:
    """Create ``name`` in ``folder`` for writing; exactly one program can succeed.

    Raises:
        FileExistsError: Somebody else has that name already.
        UnsafePathError: The name would leave the folder.
    """
    path = resolve_inside(folder, name)
    return open(path, "xb")
