"""Safe file work: writing that cannot leave half a file, and names that stay in their folder."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from app.engine.errors import EaselError, UnsafePathError

LOCK_TIMEOUT_S: Final = 5.0
"""How long a program waits for another one that writes the same small file."""

_NAME_START: Final = 40


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
    keeps its permissions. Devices and pipes such as ``/dev/null`` are written to, not replaced.

    Raises:
        FileSaveError: The disk is full, the folder is missing or may not be written.
    """
    target = Path(os.path.realpath(path))
    temporary: str | None = None
    try:
        if target.is_char_device() or target.is_fifo():
            target.write_bytes(data)
            return
        # Part of the name, as the whole may be as long as names can be.
        handle, temporary = tempfile.mkstemp(
            prefix=f".{target.name[:_NAME_START]}.", suffix=".part", dir=target.parent
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


@contextlib.contextmanager
def locked(path: str | os.PathLike[str], timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
    """Keep other programs out while a file is read, changed and written again. May block.

    A hidden file beside it is locked; the system lets go of it when a program dies. Only
    programs that use this function wait for each other. A file system that cannot lock, or a
    holder that does not let go in time, does not stop the work: a lost setting is less than a
    window that cannot save one.

    Args:
        path: The file; its folder is made if need be.
        timeout_s: How long to wait for the others.

    Raises:
        FileSaveError: The folder cannot be made, or may not be written.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        stream = open(target.with_name(f".{target.name}.lock"), "a+b")  # noqa: SIM115
    except OSError as error:
        raise FileSaveError(_save_message(target, error), details=str(error)) from error
    with stream:
        has_lock = _wait_for_lock(stream.fileno(), timeout_s)
        try:
            yield
        finally:
            if has_lock:
                _unlock(stream.fileno())


def _wait_for_lock(handle: int, timeout_s: float) -> bool:
    end = time.monotonic() + timeout_s
    while True:
        try:
            _try_lock(handle)
            return True
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                return False
        if time.monotonic() >= end:
            return False
        time.sleep(0.01)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> None:
        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

    def _unlock(handle: int) -> None:
        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)


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
        errno.EISDIR: "a folder has that name",
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
