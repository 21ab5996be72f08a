"""How a file was when it was read or saved, and whether it is still so; for threads."""

from __future__ import annotations

import enum
import hashlib
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_GRACE_S = 0.3
"""How long a file may be away: some editors remove it before they put the new one there."""


@dataclass(frozen=True, slots=True)
class DiskMark:
    """What tells one state of a file from another.

    Attributes:
        time_ns: Time of its last change, in nanoseconds.
        size: Its size in bytes.
        digest: Digest of its content, so that a touched file counts as the same.
    """

    time_ns: int
    size: int
    digest: bytes

    def is_like(self, other: DiskMark | None) -> bool:
        """Tell whether the content is the same, whenever it was written."""
        return other is not None and (self.size, self.digest) == (other.size, other.digest)


class Finding(enum.Enum):
    """What a look at a file brought."""

    SAME = "same"
    CHANGED = "changed"
    GONE = "gone"
    UNKNOWN = "unknown"  # not readable just now, or being written


def mark_of(path: Path) -> DiskMark | None:
    """Return the mark of a file; None when it cannot be read. Touches the disk."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return None  # reading a pipe would wait for ever
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "blake2b").digest()
        after = path.stat()
    except OSError:
        return None
    if (found.st_mtime_ns, found.st_size) != (after.st_mtime_ns, after.st_size):
        return None
    return DiskMark(found.st_mtime_ns, found.st_size, digest)


def look_at(
    rows: Sequence[tuple[Path, DiskMark, DiskMark | None]],
) -> list[tuple[Finding, DiskMark | None]]:
    """Compare files with how they were last. Touches the disk; content is read only if need be.

    Args:
        rows: Paths, the marks that they had, and those of a change that is known already.

    Returns:
        For each what was found, and its present mark where there is one.
    """
    found = [_look(*row) for row in rows]
    if any(finding is Finding.GONE for finding, _ in found):
        time.sleep(_GRACE_S)
        for place, row in enumerate(rows):
            if found[place][0] is Finding.GONE:
                found[place] = _look(*row)
    return found


def _look(path: Path, mark: DiskMark, known: DiskMark | None) -> tuple[Finding, DiskMark | None]:
    try:
        now = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return Finding.GONE, None
    except OSError:
        return Finding.UNKNOWN, None
    if not stat.S_ISREG(now.st_mode):
        return Finding.GONE, None
    stamp = (now.st_mtime_ns, now.st_size)
    if stamp == (mark.time_ns, mark.size):
        return Finding.SAME, mark
    if known is not None and stamp == (known.time_ns, known.size):
        return Finding.CHANGED, known
    present = mark_of(path)
    if present is None:
        return Finding.UNKNOWN, None
    return (Finding.SAME if present.is_like(mark) else Finding.CHANGED), present
