"""Blueprints: published, listed, inserted, replaced and deleted (U-210 to U-212)."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from subgraph_tools import DEFINITIONS, KINDS, kind_flow, nest, prompt_of
from workflow_tools import Desk, content, flow, node, subgraph

from app.engine.errors import SubgraphError, UnsafePathError, WorkflowFileError
from app.engine.files import FileSaveError, resolve_inside
from app.engine.workflow import edits
from app.engine.workflow.blueprints import (
    delete_blueprint,
    file_name,
    insert_blueprint,
    list_blueprints,
    publish,
    read_blueprint,
)
from app.engine.workflow.reader import new_workflow, open_workflow


def _nested(kind: str = "text", levels: int = 2) -> tuple[Desk, str]:
    desk = Desk(kind_flow(kind), DEFINITIONS)
    host = nest(desk, "2", levels)
    desk.do(edits.set_widget(*desk.both, host, "value", KINDS[kind][3]))
    return desk, host


def _insert(desk: Desk, path) -> str:
    patch, key = insert_blueprint(*desk.both, DEFINITIONS, path, (50, 60))
    desk.do(patch)
    return key


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_u211_a_published_subgraph_runs_in_another_document_with_its_values(tmp_path, kind, levels):
    desk, host = _nested(kind, levels)
    published = publish(*desk.both, host, tmp_path, name="Mine")
    other = Desk(new_workflow(), DEFINITIONS)

    key = _insert(other, published.path)

    assert published.reason == ""
    assert other.bound.nodes[key].title == "Mine"
    assert other.bound.nodes[key].node.pos == (50, 60)
    assert other.bound.nodes[key].widget("value").value == KINDS[kind][3]
    (inputs,) = [inputs for _, inputs in prompt_of(other).values()]
    assert inputs["value"] == KINDS[kind][3]
    assert other.differences() == []
    other.undo()
    assert other.workflow.subgraphs == {}


def test_u210_publishing_leaves_the_document_alone(tmp_path):
    desk, host = _nested()
    before = content(desk.workflow)

    publish(*desk.both, host, tmp_path, name="Mine", description="d", aliases=["x"])

    assert content(desk.workflow) == before


def test_u211_each_insertion_is_independent(tmp_path):
    desk, host = _nested()
    path = publish(*desk.both, host, tmp_path).path

    keys = [_insert(desk, path) for _ in range(2)]

    kinds = {desk.bound.nodes[key].subgraph for key in (host, *keys)}
    assert len(kinds) == 3
    assert len(desk.workflow.subgraphs) == 6


def test_u210_a_taken_name_is_asked_about_and_kept_until_the_answer(tmp_path):
    desk, host = _nested()
    first = publish(*desk.both, host, tmp_path, name="Mine").path
    old = first.read_bytes()
    desk.do(edits.set_widget(*desk.both, host, "value", "newer"))

    asked = publish(*desk.both, host, tmp_path, name="mine")

    assert 'There is a blueprint "Mine" already' in asked.reason
    assert first.read_bytes() == old
    assert publish(*desk.both, host, tmp_path, name="mine", overwrite=True).path == first
    assert b"newer" in first.read_bytes()
    assert len(list(tmp_path.iterdir())) == 1


def test_u202_the_list_shows_names_descriptions_words_and_slots(tmp_path):
    desk, host = _nested()
    publish(
        *desk.both, host, tmp_path, name="zebra", description="Stripes", aliases=["a", "a ", ""]
    )
    publish(*desk.both, host, tmp_path, name="Ant")

    ant, zebra = list_blueprints(tmp_path)

    assert (ant.name, zebra.name) == ("Ant", "zebra")
    assert (zebra.description, zebra.aliases) == ("Stripes", ("a",))
    assert zebra.inputs == (("source", "IMAGE"), ("value", "STRING"))
    assert zebra.outputs == (("IMAGE", "IMAGE"),)
    assert zebra.problem == ""


def test_files_that_are_no_blueprints_are_listed_with_a_reason(tmp_path):
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "plain.json").write_bytes(content(new_workflow()))
    (tmp_path / "words.txt").write_text("not looked at")

    found = list_blueprints(tmp_path)

    assert [item.name for item in found] == ["broken", "plain"]
    assert all(item.problem for item in found)
    assert "does not hold one subgraph" in found[1].problem
    desk = Desk(new_workflow(), DEFINITIONS)
    with pytest.raises(WorkflowFileError):
        insert_blueprint(*desk.both, DEFINITIONS, tmp_path / "broken.json", (0, 0))


def test_a_folder_that_is_not_there_is_empty_and_is_made(tmp_path):
    folder = tmp_path / "deep" / "folder"
    desk, host = _nested()

    assert list_blueprints(folder) == []
    assert publish(*desk.both, host, folder).path.parent == folder


def test_u212_a_blueprint_opens_as_a_document_and_saves_its_changes(tmp_path):
    desk, host = _nested()
    path = publish(*desk.both, host, tmp_path, name="Mine").path
    opened = Desk(open_workflow(path), DEFINITIONS)
    (key,) = opened.bound.nodes

    opened.do(edits.set_widget(*opened.both, key, "value", "edited"))
    path.write_bytes(content(opened.workflow))

    other = Desk(new_workflow(), DEFINITIONS)
    inserted = _insert(other, path)
    assert other.bound.nodes[inserted].widget("value").value == "edited"


def test_aliases_as_one_text_are_read_too(tmp_path):
    raw = {**subgraph("s", [node(5, "Load")], []), "extra": {"BlueprintSearchAliases": "a, b"}}
    path = tmp_path / "x.json"
    path.write_bytes(content(flow([node(1, "s")], definitions={"subgraphs": [raw]})))

    assert read_blueprint(path).aliases == ("a", "b")


def test_ordinary_nodes_cannot_be_published(tmp_path):
    desk, _ = _nested()

    with pytest.raises(SubgraphError, match="is not a subgraph"):
        publish(*desk.both, "1", tmp_path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_made_gives_a_sentence(tmp_path):
    desk, host = _nested()
    tmp_path.chmod(0o500)

    with pytest.raises(FileSaveError, match="may not be written"):
        publish(*desk.both, host, tmp_path / "new")


def test_a_folder_that_is_a_file_gives_a_sentence(tmp_path):
    desk, host = _nested()
    (tmp_path / "file").write_text("")

    with pytest.raises(FileSaveError, match="Cannot publish"):
        publish(*desk.both, host, tmp_path / "file")


def test_u212_only_files_of_the_folder_are_deleted(tmp_path):
    desk, host = _nested()
    folder = tmp_path / "blueprints"
    path = publish(*desk.both, host, folder).path
    other = tmp_path / "other.json"
    other.write_text("{}")

    delete_blueprint(folder, path)

    assert not path.exists()
    with pytest.raises(UnsafePathError):
        delete_blueprint(folder, other)
    assert other.exists()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Sharpen", "Sharpen.json"),
        ("a/b\\c:d", "a_b_c_d.json"),
        ("../../etc/passwd", "_.._etc_passwd.json"),
        ("con", "_con.json"),
        ("LPT1.txt", "_LPT1.txt.json"),
        ("  . ", "_.json"),
        ("x" * 300, "x" * 100 + ".json"),
        ("Größe 写真", "Größe 写真.json"),
    ],
)
def test_file_names_are_safe_on_every_system(name, expected):
    assert file_name(name) == expected


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_no_name_leaves_the_folder(tmp_path_factory, name):
    folder = tmp_path_factory.getbasetemp()

    assert resolve_inside(folder, file_name(name)).parent == folder.resolve()


def test_u211_a_blueprint_goes_into_the_very_subgraph_that_it_was_published_from(tmp_path):
    desk, host = _nested("int", 2)
    published = publish(*desk.both, host, tmp_path, name="Mine")
    own = desk.bound.nodes[host].subgraph
    level = Desk(desk.workflow, DEFINITIONS, graph_id=own)
    before = content(desk.workflow)

    key = _insert(level, published.path)

    inserted = level.bound.nodes[key]
    assert inserted.subgraph not in ("", own)
    assert inserted.problem == ""
    assert inserted.widget("value").value == KINDS["int"][3]
    # Nothing feeds its source, so it adds its two nodes twice: the inner one and the new one.
    assert len([name for name, _ in prompt_of(desk).values() if name == "Use int"]) == 2
    level.undo()
    assert content(desk.workflow) == before


def test_u211_a_blueprint_that_names_the_shown_subgraph_without_holding_it_is_refused(tmp_path):
    inner = subgraph("inner", [], [])
    outer = subgraph("outer", [node(1, "inner")], [])
    desk = Desk(flow([node(9, "outer")], definitions={"subgraphs": [inner, outer]}), DEFINITIONS)
    path = publish(*desk.both, "9", tmp_path).path
    stored = json.loads(path.read_text())
    kept = [raw for raw in stored["definitions"]["subgraphs"] if raw["id"] == "outer"]
    stored["definitions"]["subgraphs"] = kept
    path.write_text(json.dumps(stored))
    level = Desk(desk.workflow, DEFINITIONS, graph_id="inner")

    with pytest.raises(SubgraphError, match="contains the subgraph that is shown"):
        insert_blueprint(*level.both, DEFINITIONS, path, (0, 0))
