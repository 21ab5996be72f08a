"""``easel diff`` as the shell sees it: lines, JSON and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.headless import run_command

_ROOT = Path(__file__).parents[2]


def _workflow(path: Path, count: int, pos: int = 0) -> str:
    node = {
        "id": 3, "type": "EmptyLatentImage", "pos": [pos, 0], "size": [270, 120],
        "widgets_values": [512, 512, count],
    }  # fmt: skip
    path.write_text(json.dumps({"version": 0.4, "nodes": [node], "links": []}))
    return str(path)


@pytest.fixture
def files(tmp_path):
    return [
        _workflow(tmp_path / "a.json", 20),
        _workflow(tmp_path / "b.json", 30, 5),
        _workflow(tmp_path / "moved.json", 20, 9),
    ]


def test_equal_workflows_give_no_output_and_0(files, capsys):
    assert run_command(["diff", files[0], files[0]]) == 0
    assert capsys.readouterr() == ("", "")


def test_differences_are_named_by_widget_and_give_1(files, capsys):
    assert run_command(["diff", files[0], files[1]]) == 1

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("~ EmptyLatentImage 3")
    assert lines[1:] == [
        "    batch_size: 20 -> 30",
        f"{lines[0]} moved from (0, 0) to (5, 0)",
    ]


def test_places_are_passed_over_on_request(files):
    assert run_command(["diff", files[0], files[2]]) == 1
    assert run_command(["diff", files[0], files[2], "--ignore-places"]) == 0


def test_json_holds_the_same(files, capsys):
    assert run_command(["diff", files[0], files[1], "--json"]) == 1

    (graph,) = json.loads(capsys.readouterr().out)["graphs"]
    assert graph["nodes_changed"][0]["changes"] == [
        {"name": "batch_size", "before": 20, "after": 30}
    ]


def test_definitions_of_another_install_name_the_values(files, tmp_path, capsys):
    info = {
        "EmptyLatentImage": {
            "input": {"required": {"model_seed": ["INT", {}], "b": ["STRING", {}]}}
        }
    }
    (tmp_path / "info.json").write_text(json.dumps(info))
    other = json.loads(Path(files[0]).read_text())
    other["nodes"][0]["widgets_values"][0] = 7
    (tmp_path / "c.json").write_text(json.dumps(other))

    options = ["--object-info", str(tmp_path / "info.json")]
    assert run_command(["diff", files[0], str(tmp_path / "c.json"), *options]) == 1
    assert "model_seed: 512 -> 7" in capsys.readouterr().out


@pytest.mark.parametrize("broken", ["[]", "{", "plain"])
def test_a_file_that_cannot_be_used_gives_2_and_a_sentence(files, tmp_path, capsys, broken):
    (tmp_path / "broken.json").write_text(broken)

    assert run_command(["diff", files[0], str(tmp_path / "broken.json")]) == 2
    assert capsys.readouterr().err.startswith('Cannot open "broken.json": ')


def test_a_file_that_is_not_there_gives_2(files, capsys):
    assert run_command(["diff", files[0], "gone.json"]) == 2
    assert "gone.json" in capsys.readouterr().err


def test_neither_torch_nor_qt_is_loaded(files):
    code = (
        "import sys; from app.headless import run_command; run_command(sys.argv[1:]); "
        "print(sorted({'torch', 'numpy', 'PySide6'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "diff", *files[:2]],
        cwd=_ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout.splitlines()[-1] == "[]"
