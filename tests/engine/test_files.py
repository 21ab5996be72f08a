"""Safe file work: whole files or none, and names that stay in their folder."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from app.engine.errors import UnsafePathError
from app.engine.files import (
    FileSaveError,
    claim_file,
    home_folder,
    resolve_inside,
    write_atomic,
)

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions and links")


def test_a_new_file_is_written(tmp_path):
    write_atomic(tmp_path / "a.json", b"{}")

    assert (tmp_path / "a.json").read_bytes() == b"{}"
    assert os.listdir(tmp_path) == ["a.json"]


def test_an_old_file_is_replaced_and_nothing_stays_behind(tmp_path):
    target = tmp_path / "a.json"
    target.write_bytes(b"a longer text than the new one")

    write_atomic(str(target), b"new")

    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.json"]


@posix_only
def test_an_old_file_keeps_its_permissions(tmp_path):
    target = tmp_path / "a.json"
    target.write_bytes(b"old")
    target.chmod(0o640)

    write_atomic(target, b"new")

    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@posix_only
def test_a_new_file_has_the_permissions_any_program_would_give_it(tmp_path):
    write_atomic(tmp_path / "ours", b"")
    (tmp_path / "theirs").write_bytes(b"")

    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "theirs").stat().st_mode


@posix_only
def test_a_symbolic_link_is_followed_and_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    target = tmp_path / "real" / "a.json"
    target.write_bytes(b"old")
    link = tmp_path / "link.json"
    link.symlink_to(target)

    write_atomic(link, b"new")

    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_missing_folder_is_named_as_the_reason(tmp_path):
    with pytest.raises(FileSaveError, match=r'"a\.json": the folder does not exist'):
        write_atomic(tmp_path / "gone" / "a.json", b"")


def test_a_folder_in_the_way_is_an_error_and_stays(tmp_path):
    (tmp_path / "a.json").mkdir()

    with pytest.raises(FileSaveError, match=r'"a\.json": a folder has that name\.'):
        write_atomic(tmp_path / "a.json", b"")

    assert os.listdir(tmp_path) == ["a.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="paths of Windows are shorter")
@pytest.mark.parametrize("name", ["a" * 250 + ".json", "ü" * 125 + ".json", "\udcff.json"])
def test_a_name_as_long_and_odd_as_names_can_be_is_written_twice(tmp_path, name):
    write_atomic(tmp_path / name, b"old")
    write_atomic(tmp_path / name, b"new")

    assert (tmp_path / name).read_bytes() == b"new"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_atomic(pipe, b"words")
        assert os.read(reader, 100) == b"words"
    finally:
        os.close(reader)

    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


@pytest.mark.parametrize("name", ["a.png", "sub/a.png", "sub/../a.png", "./a.png", ".", ""])
def test_names_inside_the_folder_are_resolved(tmp_path, name):
    assert resolve_inside(tmp_path, name) == Path(os.path.realpath(tmp_path / name))


@pytest.mark.parametrize("name", ["..", "../a.png", "sub/../../a.png", "/etc/passwd", "../folder2"])
def test_names_that_leave_the_folder_are_refused(tmp_path, name):
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "folder2").mkdir()

    with pytest.raises(UnsafePathError, match='would leave the folder "folder"'):
        resolve_inside(folder, name)


@posix_only
def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "out").symlink_to(tmp_path)

    with pytest.raises(UnsafePathError):
        resolve_inside(folder, "out/a.png")


@posix_only
def test_a_folder_that_is_itself_a_link_holds_its_files(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    expected = Path(os.path.realpath(tmp_path / "real" / "a.png"))
    assert resolve_inside(tmp_path / "link", "a.png") == expected


def test_a_name_can_be_claimed_once(tmp_path):
    with claim_file(tmp_path, "a.png") as stream:
        stream.write(b"mine")

    with pytest.raises(FileExistsError):
        claim_file(tmp_path, "a.png")

    assert (tmp_path / "a.png").read_bytes() == b"mine"


def test_a_claimed_name_stays_in_the_folder(tmp_path):
    with pytest.raises(UnsafePathError):
        claim_file(tmp_path, "../a.png")


def test_the_home_folder_is_the_named_one_then_the_environments_then_the_default(monkeypatch):
    monkeypatch.setenv("EASEL_HOME", "from_environment")
    assert home_folder("named") == Path.cwd() / "named"
    assert home_folder() == Path.cwd() / "from_environment"

    monkeypatch.setenv("EASEL_HOME", "")
    assert home_folder() == Path.home() / "Easel"
    assert home_folder("~/art") == Path.home() / "art"
