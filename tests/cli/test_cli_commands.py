"""The commands as the shell sees them: output, messages, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from app.headless import COMMANDS, run_command

ROOT = Path(__file__).parents[2]

PACK = '''
"""A pack for the tests of the command line."""

import os
import time

import folder_paths


class Text:
    """Gives a text."""

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"text": ("STRING", {"default": "default"})}}

    RETURN_TYPES = ("STRING",)
    FUNCTION = "run"

    def run(self, text):
        if text == "fail":
            raise ValueError("no such words")
        if text == "sleep":
            print("asleep", flush=True)
            time.sleep(60)
        while text == "spin":
            pass
        print("said", text)
        return (text,)


class WriteText:
    """Writes a text into the output folder."""

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"text": ("STRING",), "name": (["a.txt", "b.txt"],)}}

    RETURN_TYPES = ()
    FUNCTION = "run"
    OUTPUT_NODE = True

    def run(self, text, name):
        folder = os.path.join(folder_paths.get_output_directory(), "sub")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)
        entry = {"filename": name, "subfolder": "sub", "type": "output"}
        return {"ui": {"files": [entry], "text": (text,)}}


NODE_CLASS_MAPPINGS = {"CliText": Text, "CliWriteText": WriteText}
'''


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder with one small pack."""
    packs = tmp_path / "home" / "custom_nodes"
    packs.mkdir(parents=True)
    (packs / "cli_pack.py").write_text(PACK, "utf-8")
    return tmp_path / "home"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A prompt of two nodes."""
    prompt = {
        "1": {"class_type": "CliText", "inputs": {"text": "hello"}},
        "2": {"class_type": "CliWriteText", "inputs": {"text": ["1", 0], "name": "a.txt"}},
    }
    return write(tmp_path / "prompt.json", prompt)


def write(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value), "utf-8")
    return path


def run_file(home: Path, file: Path, *more: str) -> int:
    return run_command(["run", str(file), "--base-dir", str(home), *more])


def test_run_prints_the_saved_files_and_tells_progress(home, file, capsys):
    code = run_file(home, file)

    saved = home / "output" / "sub" / "a.txt"
    out, err = capsys.readouterr()
    assert (code, out) == (0, f"{saved}\n")
    assert saved.read_text() == "hello"
    assert "[1/2] CliText" in err
    assert "Done in" in err


def test_run_sets_inputs_first(home, file, capsys):
    code = run_file(home, file, "--set", "1.text=7", "--set", "CliWriteText.name=b.txt")

    assert code == 0
    assert (home / "output" / "sub" / "b.txt").read_text() == "7"


def test_run_saves_where_it_is_told(home, file, tmp_path, capsys):
    code = run_file(home, file, "--output-dir", str(tmp_path / "new" / "place"))

    saved = tmp_path / "new" / "place" / "sub" / "a.txt"
    assert (code, capsys.readouterr().out) == (0, f"{saved}\n")
    assert saved.exists()


def test_run_only_the_targets(home, file, tmp_path, capsys):
    prompt = json.loads(file.read_text())
    prompt["3"] = {"class_type": "CliWriteText", "inputs": {"text": "x", "name": "b.txt"}}

    code = run_file(home, write(tmp_path / "two.json", prompt), "--targets", "3")

    assert code == 0
    assert os.listdir(home / "output" / "sub") == ["b.txt"]


def test_run_writes_events_for_other_programs(home, file, tmp_path, capsys):
    code = run_file(home, file, "--events", str(tmp_path / "events.jsonl"))

    lines = (tmp_path / "events.jsonl").read_text("utf-8").splitlines()
    kinds = [json.loads(line)["type"] for line in lines]
    assert code == 0
    assert {"execution_start", "executing", "executed", "execution_success"} <= set(kinds)


def test_run_writes_nothing_but_events_to_the_output_when_asked(home, file, capsys):
    code = run_file(home, file, "--events", "-")

    out = capsys.readouterr().out
    assert code == 0
    assert all(isinstance(json.loads(line)["data"], dict) for line in out.splitlines())


def test_run_ends_with_1_when_a_node_fails_and_names_it(home, file, capsys):
    code = run_file(home, file, "--set", "1.text=fail")

    out, err = capsys.readouterr()
    assert (code, out) == (1, "")
    assert "Node 1 (CliText) failed: ValueError: no such words" in err
    assert "cli_pack.py" not in err


def test_run_shows_where_a_node_failed_when_asked(home, file, capsys):
    code = run_file(home, file, "--set", "1.text=fail", "--verbose")

    assert code == 1
    assert "cli_pack.py" in capsys.readouterr().err


def test_run_ends_with_2_when_the_prompt_is_not_valid(home, file, capsys):
    code = run_file(home, file, "--set", "2.name=c.txt")

    err = capsys.readouterr().err
    assert code == 2
    assert "Node 2 (CliWriteText): Value not in list: name: 'c.txt' not in" in err
    assert '"prompt.json" cannot run as it is.' in err


def test_run_ends_with_1_when_an_output_had_to_be_left_out(home, file, tmp_path, capsys):
    prompt = json.loads(file.read_text())
    prompt["3"] = {"class_type": "CliWriteText", "inputs": {"text": "x", "name": "c.txt"}}

    code = run_file(home, write(tmp_path / "two.json", prompt))

    out, err = capsys.readouterr()
    assert code == 1
    assert out.endswith("a.txt\n")
    assert "without the outputs" in err


def test_run_names_a_node_type_that_is_not_installed(home, tmp_path, capsys):
    code = run_file(home, write(tmp_path / "a.json", {"1": {"class_type": "Nope", "inputs": {}}}))

    assert code == 2
    assert "node Nope does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["gone.json"], 'Cannot open "gone.json": no such file'),
        (["{file}", "--set", "9.text=x"], 'no node "9"'),
        (["{file}", "--cache", "huge"], "huge"),
        (["{file}", "--events", "no/such/folder/x"], 'Cannot write "no/such/folder/x"'),
        (["{file}", "--pack", "/nope"], 'node pack "/nope": the folder does not exist. Name'),
        (["{file}", "--pack", "{file}"], "it is a file. Name the folder"),
    ],
)
def test_run_ends_with_2_when_it_cannot_begin(home, file, capsys, arguments, words):
    given = [each.replace("{file}", str(file)) for each in arguments]

    assert run_command(["run", *given, "--base-dir", str(home)]) == 2
    assert words in capsys.readouterr().err


def test_a_broken_pack_is_named_and_the_rest_runs(home, file, capsys):
    (home / "custom_nodes" / "broken.py").write_text("import no_such_module_anywhere")

    code = run_file(home, file)

    assert code == 0
    assert 'Node pack "broken' in capsys.readouterr().err


def test_a_workflow_runs_like_its_prompt(home, tmp_path, capsys):
    workflow = {
        "last_node_id": 2,
        "last_link_id": 1,
        "nodes": [
            {
                "id": 1,
                "type": "CliText",
                "pos": [0, 0],
                "outputs": [{"name": "STRING", "type": "STRING", "links": [1]}],
                "widgets_values": ["from a workflow"],
            },
            {
                "id": 2,
                "type": "CliWriteText",
                "pos": [300, 0],
                "inputs": [
                    {"name": "text", "type": "STRING", "link": 1, "widget": {"name": "text"}}
                ],
                "outputs": [],
                "widgets_values": ["", "b.txt"],
            },
        ],
        "links": [[1, 1, 0, 2, 0, "STRING"]],
        "version": 0.4,
    }
    path = write(tmp_path / "workflow.json", workflow)

    assert run_file(home, path) == 0
    assert (home / "output" / "sub" / "b.txt").read_text() == "from a workflow"

    capsys.readouterr()
    assert run_command(["convert", str(path), "--base-dir", str(home)]) == 0
    prompt = json.loads(capsys.readouterr().out)
    assert prompt["2"]["inputs"] == {"text": ["1", 0], "name": "b.txt"}


INFO = {
    "Say": {
        "input": {"required": {"text": ["STRING", {}]}},
        "output": [],
        "output_node": True,
        "name": "Say",
    }
}


def test_convert_uses_saved_definitions_and_takes_first_choices(tmp_path, capsys):
    info = write(tmp_path / "info.json", INFO)
    node = {"id": 5, "type": "Say", "widgets_values": ["{red|blue} sky"]}
    path = write(tmp_path / "w.json", {"nodes": [node], "links": [], "version": 0.4})
    entry = INFO["Say"]["input"]["required"]["text"]  # type: ignore[index]
    entry[1]["dynamicPrompts"] = True
    write(info, INFO)

    code = run_command(["convert", str(path), "--object-info", str(info), "--first-choice"])

    assert code == 0
    assert json.loads(capsys.readouterr().out)["5"]["inputs"] == {"text": "red sky"}


def test_convert_gives_one_line_for_each_of_several_files(tmp_path, capsys):
    info = write(tmp_path / "info.json", INFO)
    good = write(tmp_path / "a.json", {"1": {"class_type": "Say", "inputs": {"text": "é"}}})
    bad = write(tmp_path / "b.json", [])

    code = run_command(["convert", str(good), str(bad), "--object-info", str(info)])

    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert code == 2
    assert first == {"file": str(good), "prompt": json.loads(good.read_text())}
    assert second["file"] == str(bad)
    assert "holds no workflow" in second["error"]


def test_nodes_prints_object_info(home, capsys):
    assert run_command(["nodes", "CliText", "--base-dir", str(home)]) == 0

    info = json.loads(capsys.readouterr().out)
    assert info["CliText"]["input"]["required"]["text"] == ["STRING", {"default": "default"}]


def test_nodes_lists_names(home, capsys):
    assert run_command(["nodes", "--names", "--base-dir", str(home)]) == 0

    names = capsys.readouterr().out.split("\n")
    assert "CliText" in names
    assert "SaveImage" in names


def test_nodes_offers_the_nearest_name(home, capsys):
    assert run_command(["nodes", "CliTxt", "--base-dir", str(home)]) == 2

    assert 'Did you mean "CliText"?' in capsys.readouterr().err


def test_info_says_what_a_file_holds(tmp_path, capsys):
    nodes = [{"id": 1, "type": "Say"}, {"id": 2, "type": "Say", "mode": 4}, {"id": 3, "type": "X"}]
    path = write(tmp_path / "w.json", {"nodes": nodes, "links": [], "version": 0.4})
    info = write(tmp_path / "info.json", INFO)

    code = run_command(["info", str(path), "--object-info", str(info)])

    assert code == 0
    assert capsys.readouterr().out.splitlines() == [
        "Workflow, schema 0.4, with 3 nodes, 0 links",
        "  1 node bypassed",
        "     2 x Say",
        "     1 x X  (not installed)",
    ]


def test_info_says_where_things_are(tmp_path, capsys):
    assert run_command(["info", "--base-dir", str(tmp_path)]) == 0

    assert str(tmp_path / "models") in capsys.readouterr().out


def test_doctor_looks_at_everything_and_is_content_here(tmp_path, capsys):
    code = run_command(["doctor", "--base-dir", str(tmp_path / "new")])

    out = capsys.readouterr().out
    assert code == 0
    for word in ("Python", "Qt", "torch", "Device", "Memory", "Home", "Disk", "Models"):
        assert word in out
    assert not (tmp_path / "new").exists()


def test_doctor_says_what_to_do_about_a_missing_desktop(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)

    run_command(["doctor", "--base-dir", str(tmp_path)])

    assert "-> The window needs a desktop" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["paint"], ["run"], ["run", "a.json", "--wrong"]])
def test_a_request_that_makes_no_sense_ends_with_2(arguments, capsys):
    assert run_command(arguments) == 2
    assert "usage: easel" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name, capsys):
    assert run_command([name, "--help"]) == 0
    assert "--base-dir" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
@pytest.mark.parametrize("text", ["sleep", "spin"])
def test_the_keyboard_stops_a_node_whatever_it_does(home, file, text):
    arguments = ["run", str(file), "--base-dir", str(home), "--set", f"1.text={text}"]
    code = f"import sys; from app.headless import run_command; sys.exit(run_command({arguments!r}))"
    runner = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with runner:
        assert runner.stderr is not None
        while "CliText" not in runner.stderr.readline():
            pass
        time.sleep(0.3)
        runner.send_signal(signal.SIGINT)
        _, err = runner.communicate(timeout=20)
    assert runner.returncode == 130
    assert err.endswith("Stopped.\n")


def test_a_reader_that_goes_away_is_no_error(home):
    code = f"""
import sys
from app.headless import run_command
sys.exit(run_command(["nodes", "--base-dir", {str(home)!r}]))
"""
    writer = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with writer:
        assert writer.stdout is not None
        assert writer.stderr is not None
        writer.stdout.close()
        error = writer.stderr.read()
    assert (writer.returncode, error) == (0, b"")
