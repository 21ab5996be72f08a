"""``easel run`` saves pictures without their workflow when it is told so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.engine.workflow.metadata import read_file_texts
from app.headless import run_command


@pytest.fixture
def prompt(tmp_path: Path) -> Path:
    """A prompt that saves a small picture."""
    nodes = {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 255},
        },
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "blue"}},
    }
    path = tmp_path / "prompt.json"
    path.write_text(json.dumps(nodes), "utf-8")
    return path


def saved_texts(home, prompt, capsys, *options):
    """Run the prompt; return what the saved picture tells of its making."""
    assert run_command(["run", str(prompt), "--base-dir", str(home), *options]) == 0
    return read_file_texts(Path(capsys.readouterr().out.strip()))


def test_the_option_holds_for_its_run_alone(tmp_path, prompt, capsys):
    home = tmp_path / "home"

    assert not saved_texts(home, prompt, capsys, "--no-metadata")
    assert "prompt" in saved_texts(home, prompt, capsys)


def test_what_is_switched_off_in_the_window_is_off_here_too(tmp_path, prompt, capsys):
    home = tmp_path / "home"
    (home / "user").mkdir(parents=True)
    chosen = {"settings": {"running.metadata": False}}
    (home / "user" / "easel.settings.json").write_text(json.dumps(chosen), "utf-8")

    assert not saved_texts(home, prompt, capsys)
