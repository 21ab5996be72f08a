"""What the reader refuses, and the sentences it says."""

from __future__ import annotations

import gzip
import json
import os

import pytest
from workflow_tools import content, flow, node

from app.engine.errors import WorkflowFileError
from app.engine.files import FileSaveError
from app.engine.workflow import reader
from app.engine.workflow.reader import MAX_DEPTH, new_workflow, open_workflow, read_workflow
from app.engine.workflow.writer import save_workflow, snapshot

_EMPTY = '{"version": 0.4, "nodes": []}'


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "it is empty"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe\x00", "neither text nor a picture"),
        (b"\x80\x81", "neither text nor a picture"),
        (b"[]", "holds no workflow"),
        (b"{}", "holds no workflow"),
        (b"3", "holds no workflow"),
        (b'{"nodes": {}}', "holds no workflow"),
        (b'{"nodes": null, "version": 1}', "holds no workflow"),
        (b'{"1": {"class_type": "A"}}', "holds no workflow"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"nodes": [' + b"[" * 300 + b"]" * 300 + b"]}", "nested too deeply"),
        (b'{"nodes": [], "n": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b"\x1f\x8b\x08junk", "damaged"),
        (gzip.compress(_EMPTY.encode())[:-9], "damaged"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_workflow_is_refused_with_a_sentence(data, words):
    with pytest.raises(WorkflowFileError, match=words) as caught:
        read_workflow(data, name="file.json")

    assert str(caught.value).startswith('Cannot open "file.json": ')
    assert str(caught.value).endswith((".", ")."))


def test_the_deepest_allowed_nesting_opens_and_saves():
    depth = MAX_DEPTH - 2
    text = '{"nodes": [], "x": ' + "[" * depth + "]" * depth + "}"

    assert json.loads(content(read_workflow(text))) == json.loads(text)


def test_a_file_beyond_the_limit_is_refused_unread(monkeypatch, tmp_path):
    monkeypatch.setattr(reader, "MAX_FILE_BYTES", 1 << 20)
    path = tmp_path / "big.json"
    with path.open("wb") as stream:
        stream.truncate((1 << 20) + 1)

    with pytest.raises(WorkflowFileError, match="larger than 1 MB"):
        open_workflow(path)


def test_a_compressed_file_that_grows_beyond_the_limit_is_refused(monkeypatch):
    monkeypatch.setattr(reader, "MAX_FILE_BYTES", 1 << 20)

    with pytest.raises(WorkflowFileError, match="larger than 1 MB"):
        read_workflow(gzip.compress(b" " * (2 << 20)))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WorkflowFileError, match=r'Cannot open "none\.json": no such file'):
        open_workflow(tmp_path / "none.json")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_every_encoding_of_json_is_read(encoding):
    raw = json.dumps({"nodes": [], "text": "é漢"}, ensure_ascii=False)

    assert read_workflow(raw.encode(encoding)).raw["text"] == "é漢"


def test_bare_numbers_that_are_none_read_as_null_and_texts_stay():
    workflow = read_workflow('{"nodes": [], "a": [NaN, Infinity, -Infinity, "NaN"]}')

    assert workflow.raw["a"] == [None, None, None, "NaN"]


@pytest.mark.parametrize("key", ["workflow", "prompt"])
def test_a_workflow_inside_a_request_is_found(key):
    assert read_workflow(json.dumps({key: json.loads(_EMPTY)})).root.nodes == {}


def test_odd_records_stay_in_the_file_unseen():
    workflow = flow(
        [None, 5, "x", [], node(1, "A"), {"type": "B"}], [None, 3, {}], groups=[None, {}, 3],
        definitions={"subgraphs": [None, {"id": "a"}, {"nodes": []}, 7]},
    )  # fmt: skip

    assert [item.type for item in workflow.root.nodes.values()] == ["A", "B"]
    assert list(workflow.root.groups) == ["1"]
    assert workflow.subgraphs == {}
    assert json.loads(content(workflow)) == workflow.raw


def test_a_new_workflow_is_a_file_of_schema_0_4():
    raw = json.loads(content(new_workflow()))

    assert raw["version"] == 0.4
    assert list(raw) == ["id", "revision", "last_node_id", "last_link_id", "nodes", "links",
                         "groups", "config", "extra", "version"]  # fmt: skip


def test_a_save_that_fails_leaves_the_old_file(monkeypatch, tmp_path):
    path = tmp_path / "work.json"
    save_workflow(path, snapshot(new_workflow()))
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileSaveError, match="the disk is full"):
        save_workflow(path, snapshot(flow([node(1, "A")])))

    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["work.json"]


def test_a_snapshot_does_not_follow_later_edits():
    from app.engine.workflow.model import RecordKind
    from app.engine.workflow.patch import InsertRecord, SetKey, apply_patch

    workflow = flow([node(1, "A")], definitions={"subgraphs": [
        {"id": "s", "nodes": [node(1, "B")], "groups": []}]})  # fmt: skip
    taken = snapshot(workflow)
    before = json.loads(json.dumps(taken.data))

    apply_patch(workflow, [
        SetKey("", RecordKind.NODE, "1", "title", "T"),
        SetKey("s", RecordKind.NODE, "1", "title", "T"),
        SetKey("", None, "", "extra", {"a": 1}),
        InsertRecord("s", RecordKind.GROUP, "0", {"title": "g"}),
    ])  # fmt: skip

    assert taken.data == before


@pytest.mark.parametrize("data", [b"", b" \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_called_empty(tmp_path, data):
    path = tmp_path / "empty.json"
    path.write_bytes(data)

    with pytest.raises(WorkflowFileError, match=r'^Cannot open "empty\.json": it is empty\. Look'):
        open_workflow(path)


def test_a_folder_is_called_a_folder(tmp_path):
    with pytest.raises(WorkflowFileError, match=r"it is a folder\. Choose"):
        open_workflow(tmp_path)
