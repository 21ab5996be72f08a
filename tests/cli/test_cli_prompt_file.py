"""Files that can be run: prompts, workflows, pictures."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from app.cli.prompt_file import read_object_info, read_prompt_file
from app.engine.errors import WorkflowFileError

PROMPT = {"1": {"class_type": "SaveImage", "inputs": {"images": ["2", 0]}}}
WORKFLOW: dict[str, Any] = {"nodes": [{"id": 1, "type": "Note"}], "links": [], "version": 0.4}


def write_json(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value), "utf-8")
    return path


def write_png(path: Path, **texts: Any) -> Path:
    info = PngInfo()
    for key, value in texts.items():
        info.add_text(key, json.dumps(value))
    Image.new("RGB", (4, 4)).save(path, pnginfo=info)
    return path


def test_an_api_prompt_is_taken_as_it_is(tmp_path):
    found = read_prompt_file(write_json(tmp_path / "a.json", PROMPT))

    assert (found.prompt, found.workflow, found.extra_data) == (PROMPT, None, {})


def test_a_faulty_prompt_is_still_a_prompt(tmp_path):
    prompt = {"1": {"class_type": "SaveImage"}, "2": {"inputs": {}}}

    assert read_prompt_file(write_json(tmp_path / "a.json", prompt)).prompt == prompt


def test_e013_the_body_that_editors_send_is_a_prompt_with_extra_data(tmp_path):
    extra = {"extra_pnginfo": {"workflow": WORKFLOW}}
    path = write_json(tmp_path / "a.json", {"prompt": PROMPT, "extra_data": extra})

    found = read_prompt_file(path)

    assert (found.prompt, found.extra_data) == (PROMPT, extra)


def test_a_workflow_is_a_workflow(tmp_path):
    found = read_prompt_file(write_json(tmp_path / "a.json", WORKFLOW))

    assert found.prompt is None
    assert found.workflow is not None
    assert found.workflow.raw == WORKFLOW


def test_a_compressed_workflow_is_a_workflow(tmp_path):
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(json.dumps(WORKFLOW).encode()))

    assert read_prompt_file(path).workflow is not None


def test_a_picture_gives_the_prompt_that_made_it_and_its_workflow_along(tmp_path):
    found = read_prompt_file(write_png(tmp_path / "a.png", prompt=PROMPT, workflow=WORKFLOW))

    assert found.prompt == PROMPT
    assert found.extra_data == {"extra_pnginfo": {"workflow": WORKFLOW}}


def test_a_picture_gives_its_workflow_when_that_is_wanted_or_all_there_is(tmp_path):
    both = write_png(tmp_path / "a.png", prompt=PROMPT, workflow=WORKFLOW)
    one = write_png(tmp_path / "b.png", workflow=WORKFLOW)

    assert read_prompt_file(both, prefer_workflow=True).workflow is not None
    assert read_prompt_file(one).workflow is not None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "not valid JSON"),
        (b"[1]", "holds no workflow"),
        (b"{}", "holds no workflow"),
        (b"\x1f\x8b broken", "damaged"),
    ],
)
def test_a_file_that_holds_neither_says_so(tmp_path, content, message):
    path = tmp_path / "a.json"
    path.write_bytes(content)

    with pytest.raises(WorkflowFileError, match=message):
        read_prompt_file(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(WorkflowFileError, match="no such file"):
        read_prompt_file(tmp_path / "gone.json")
    with pytest.raises(WorkflowFileError, match="Cannot open"):
        read_prompt_file(tmp_path)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_node_definitions_are_read_plain_or_compressed(tmp_path, pack):
    path = tmp_path / "info.json"
    path.write_bytes(pack(json.dumps({"A": {"input": {}}}).encode()))

    assert read_object_info(path) == {"A": {"input": {}}}


@pytest.mark.parametrize("value", [[], {"A": 5}, {"A": {}}, PROMPT])
def test_other_json_is_no_node_definitions(tmp_path, value):
    with pytest.raises(WorkflowFileError, match="holds no node definitions"):
        read_object_info(write_json(tmp_path / "info.json", value))


def test_damaged_node_definitions_say_so(tmp_path):
    path = tmp_path / "info.json.gz"
    path.write_bytes(gzip.compress(b'{"A": {"input": {}}}')[:-12])

    with pytest.raises(WorkflowFileError, match="damaged"):
        read_object_info(path)
