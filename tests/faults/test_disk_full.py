"""A full disk or a killed program while saving leaves the old file as it was."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.engine.files import FileSaveError, write_atomic

ROOT = Path(__file__).parents[2]
OLD = b"the artist's work of yesterday"


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A file that has been saved before."""
    target = tmp_path / "portrait.json"
    target.write_bytes(OLD)
    return target


def run_python(code: str, target: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, str(target)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_an_error_of_the_disk_leaves_the_old_file(saved, monkeypatch, call, number):
    def fail(*args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, fail)

    with pytest.raises(FileSaveError):
        write_atomic(saved, b"new")

    assert saved.read_bytes() == OLD
    assert os.listdir(saved.parent) == ["portrait.json"]


def test_a_full_disk_is_told_in_plain_words(saved, monkeypatch):
    def fail(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(FileSaveError) as caught:
        write_atomic(saved, b"new")

    assert str(caught.value) == (
        'Cannot save "portrait.json": the disk is full. The file on disk is as it was.'
    )


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_a_write_that_stops_half_way_leaves_the_old_file(saved):
    code = """
import resource, sys
from app.engine.files import FileSaveError, write_atomic
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
try:
    write_atomic(sys.argv[1], b"x" * 1_000_000)
except FileSaveError as error:
    print(error)
"""

    finished = run_python(code, saved)

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith('Cannot save "portrait.json": ')
    assert saved.read_bytes() == OLD
    assert os.listdir(saved.parent) == ["portrait.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("call", ["fsync", "chmod", "replace"])
def test_a_kill_at_any_step_leaves_the_old_file(saved, call):
    code = f"""
import os, signal, sys
from app.engine.files import write_atomic
os.{call} = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
write_atomic(sys.argv[1], b"new")
"""

    finished = run_python(code, saved)

    assert finished.returncode == -9
    assert saved.read_bytes() == OLD


def test_a_new_file_that_cannot_be_written_does_not_appear(tmp_path, monkeypatch):
    def fail(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(FileSaveError):
        write_atomic(tmp_path / "new.json", b"new")

    assert os.listdir(tmp_path) == []
