"""``easel picture``: workflows drawn without a window."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QImage, QImageReader

from app.engine.workflow.reader import read_workflow
from app.picture import find_graph, render, run_picture
from app.ui import theme

_ROOT = Path(__file__).parents[1]
_SAMPLES = _ROOT / "tests" / "data" / "workflows" / "open"


@pytest.fixture(autouse=True)
def drawing(qapp):
    theme.load_fonts()


def _file(path: Path, **more) -> Path:
    node = {"id": 1, "type": "Note", "pos": [0, 0], "size": [200, 100], "bgcolor": "#f00", **more}
    path.write_text(json.dumps({"version": 0.4, "nodes": [node], "links": []}))
    return path


def _read(path: Path) -> QImage:
    image = QImage(str(path))
    assert not image.isNull()
    return image


def test_the_picture_shows_all_nodes_and_a_margin(tmp_path, capsys):
    out = tmp_path / "out.png"

    assert run_picture([str(_file(tmp_path / "a.json")), "-o", str(out)]) == 0

    image = _read(out)
    # 200 wide and 100 + 30 of title high, with 20 around.
    assert (image.width(), image.height()) == (240, 170)
    body = image.pixelColor(120, 140)
    assert body.red() > 1.5 * max(body.green(), body.blue())
    assert image.pixelColor(2, 2) == QColor(theme.load_style("dark").color("surface.canvas"))
    assert capsys.readouterr().out == f"{out}: 240 x 170\n"


def test_scale_and_theme_are_followed(tmp_path):
    source, out = _file(tmp_path / "a.json"), tmp_path / "out.png"

    assert run_picture([str(source), "-o", str(out), "--scale", "2", "--theme", "light"]) == 0

    image = _read(out)
    assert (image.width(), image.height()) == (480, 340)
    assert image.pixelColor(2, 2) == QColor(theme.load_style("light").color("surface.canvas"))


def test_several_files_go_into_a_folder_and_a_bad_one_does_not_stop_the_rest(tmp_path, capsys):
    folder = tmp_path / "out"
    folder.mkdir()
    (tmp_path / "bad.json").write_text("{")
    files = [tmp_path / "bad.json", _file(tmp_path / "a.json"), _file(tmp_path / "b.json")]

    assert run_picture([*map(str, files), "-o", str(folder)]) == 2

    assert sorted(os.listdir(folder)) == ["a.png", "b.png"]
    assert capsys.readouterr().err.startswith('Cannot open "bad.json": ')


def test_a_picture_never_replaces_the_file_it_is_made_from(tmp_path, capsys):
    source = _file(tmp_path / "a.png")
    before = source.read_bytes()

    assert run_picture([str(source), "-o", str(tmp_path)]) == 2

    assert "take the place" in capsys.readouterr().err
    assert source.read_bytes() == before


def test_a_folder_that_is_not_there_is_told(tmp_path, capsys):
    assert run_picture([str(_file(tmp_path / "a.json")), "-o", str(tmp_path / "no" / "x.png")]) == 2
    assert "Cannot write" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["x.png", "x.PNG", "x.jpg", "x.jpeg", "x.webp"])
def test_the_ending_names_the_format(tmp_path, name):
    out = tmp_path / name

    assert run_picture([str(_file(tmp_path / "a.json")), "-o", str(out)]) == 0

    reader = QImageReader(str(out))
    assert bytes(reader.format().data()).decode() == out.suffix[1:].lower().replace("jpg", "jpeg")
    assert reader.read().width() == 240


@pytest.mark.parametrize("name", ["x.bmp", "x.json", "x"])
def test_an_ending_that_cannot_be_written_is_refused_with_those_that_can(tmp_path, capsys, name):
    out = tmp_path / name

    assert run_picture([str(_file(tmp_path / "a.json")), "-o", str(out)]) == 2

    said = capsys.readouterr().err
    assert "pictures end in .png, .jpg, .jpeg, .webp." in said
    assert not out.exists()


def test_nodes_too_far_apart_are_told(tmp_path, capsys):
    far = _file(tmp_path / "a.json", size=[1e300, 50])

    assert run_picture([str(far), "-o", str(tmp_path / "x.png")]) == 2
    assert "too far apart" in capsys.readouterr().err


def test_a_wide_workflow_is_drawn_smaller(tmp_path):
    raw = json.loads(_file(tmp_path / "a.json").read_text())
    raw["nodes"].append({"id": 2, "type": "Note", "pos": [200_000, 90_000], "size": [10, 10]})

    image = render(read_workflow(json.dumps(raw)), {})

    assert max(image.width(), image.height()) <= 16_384
    assert image.width() * image.height() <= 80_100_000


def test_a_subgraph_is_drawn_by_name():
    workflow = read_workflow((_SAMPLES / "adv_subgraph_instances.json").read_bytes())
    key = next(iter(workflow.subgraphs))
    name = workflow.subgraphs[key].raw["name"]

    assert find_graph(workflow, name) == key
    assert render(workflow, {}, graph_id=key).size() != render(workflow, {}).size()


@pytest.mark.parametrize("options", [["--scale", "0"], ["--scale", "x"], ["--theme", "pink"], []])
def test_a_request_that_makes_no_sense_gives_2(options, tmp_path, capsys):
    files = [str(_file(tmp_path / "a.json"))] if options else []

    assert run_picture([*files, *options]) == 2
    assert capsys.readouterr().err


def test_it_runs_where_there_is_no_display(tmp_path):
    source = _file(tmp_path / "a.json")
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    code = "import sys; from app.picture import run_picture; sys.exit(run_picture(sys.argv[1:]))"

    done = subprocess.run(
        [sys.executable, "-c", code, str(source), "-o", str(tmp_path / "x.png")],
        cwd=_ROOT, env=environment, capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert not _read(tmp_path / "x.png").isNull()
