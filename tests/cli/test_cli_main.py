"""What ``easel`` makes of its first words, before any window is opened."""

from __future__ import annotations

import pytest

from app import main as program


@pytest.fixture
def opened(monkeypatch):
    """The options a window was opened with; no window is."""
    options = []
    monkeypatch.setattr(program, "has_display", lambda: True)
    monkeypatch.setattr(program, "run_window", lambda given: options.append(given) or 0)
    return options


@pytest.mark.parametrize(
    ("word", "near"),
    [("rnu", "run"), ("convrt", "convert"), ("Doctor", "doctor"), ("pictures", "picture")],
)
def test_a_mistyped_command_is_refused_with_the_nearest_one(opened, capsys, word, near):
    assert program.main([word]) == 2

    said = capsys.readouterr().err
    assert f'no file "{word}"' in said
    assert f'Did you mean "easel {near}"?' in said
    assert "Commands: run, convert, diff, nodes, info, doctor, picture." in said
    assert opened == []


def test_a_word_like_no_command_is_refused_too(opened, capsys):
    assert program.main(["--no-packs", "frobnicate"]) == 2
    assert 'there is no command and no file "frobnicate"' in capsys.readouterr().err
    assert opened == []


def test_files_open_the_window_whether_they_are_there_or_not(opened, tmp_path, monkeypatch):
    (tmp_path / "portrait").write_text("{}")
    monkeypatch.chdir(tmp_path)

    assert program.main(["portrait", "gone.json", "no/such"]) == 0
    assert [each.files for each in opened] == [["portrait", "gone.json", "no/such"]]
