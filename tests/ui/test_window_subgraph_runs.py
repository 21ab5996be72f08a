"""What a subgraph's node shows of a run inside it (U-197, U-200, U-201), and the walk of rules."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from test_window_subgraphs import choose, entries, nested, pack, published, select
from window_hands import press_key, settle

from app.engine.events import ExecutingEvent, PreviewEvent, ProgressEvent
from app.engine.workflow import edits
from app.engine.workflow.edits import subgraphs
from app.engine.workflow.model import ROOT
from app.engine.workflow.reader import read_workflow
from app.ui import run_progress
from app.ui.canvas.detail import Detail
from app.ui.canvas.hover import Hit, Under
from app.ui.jobs import Job, running_words
from app.ui.output_images import LoadedOutput
from app.ui.run_port import Problem
from app.ui.run_state import NodePhase


@pytest.fixture
def deep(window, chain):
    """A blur two levels deep, and a job that runs it; the keys of both hosts."""
    outer, inner = nested(chain)
    node = f"{outer}:{inner}:2"
    prompt = {node: {"class_type": "ImageBlur", "inputs": {}, "_meta": {"title": "Blur Image"}}}
    job = Job("j", "Chain", chain.document, prompt=prompt)
    run_progress.mark_waiting(job, chain.run_state)
    return outer, inner, node, job


def executing(node):
    return ExecutingEvent(prompt_id="j", node=node, display_node=node)


def problem(chain, path):
    return Problem(
        "p", "Cannot run", heading="Blur Image failed", document=chain.document,
        node_key=path.split(":")[0], node_path=path,
    )  # fmt: skip


def test_u_200_the_outer_node_shows_progress_and_name_of_what_runs_inside(window, chain, deep):
    outer, inner, node, job = deep
    state = chain.run_state
    run_progress.mark_executing(executing(node), job, state)
    run_progress.mark_progress(ProgressEvent(prompt_id="j", node=node, value=3, max=8), job, state)
    for key in (outer, f"{outer}:{inner}"):
        run = state.node(key)
        assert (run.phase, run.value, run.maximum) == (NodePhase.RUNNING, 3, 8)
        assert run.inner == "Blur Image"
    assert state.node(node).inner == ""
    scene = window.view.canvas
    assert outer in scene.run.running
    assert scene._view_of(scene.nodes[outer], Detail.FULL, 1.0).inner == "Blur Image"
    # One level down the inner host shows it, and two levels down the node itself runs.
    window.canvas_wiring.enter_subgraph(chain, outer)
    assert list(window.view.canvas.run.running) == [inner]
    window.canvas_wiring.enter_subgraph(chain, inner)
    assert list(window.view.canvas.run.running) == ["2"]
    assert scene._view_of(scene.nodes["2"], Detail.FULL, 1.0).inner == ""


def test_u_200_the_name_of_what_runs_inside_goes_when_it_is_done(window, chain, deep):
    outer, _, node, job = deep
    run_progress.mark_executing(executing(node), job, chain.run_state)
    chain.run_state.node(outer).phase = NodePhase.DONE
    scene = window.view.canvas
    assert scene._view_of(scene.nodes[outer], Detail.FULL, 1.0).inner == ""


def picture(color):
    image = QImage(64, 48, QImage.Format.Format_RGB32)
    image.fill(QColor(color))
    return image


def test_u_197_previews_and_pictures_of_inner_nodes_show_on_every_level(window, chain, deep):
    outer, inner, node, job = deep
    state, image = chain.run_state, picture("steelblue")
    run_progress.mark_executing(executing(node), job, state)
    event = PreviewEvent("j", node, node, np.zeros((48, 64, 3), np.uint8), True)
    run_progress.show_preview(event, image, job, state)
    scene = window.view.canvas
    for key, level in ((outer, outer), (inner, inner), ("2", "")):
        view = scene._view_of(scene.nodes[key], Detail.FULL, 1.0)
        assert list(view.pictures) == [image]
        assert view.is_live
        if level:
            window.canvas_wiring.enter_subgraph(chain, level)
    window.canvas_wiring.show_level(0)
    final = picture("seagreen")
    loaded = LoadedOutput(job=job, key=node)
    loaded.images, loaded.sizes, loaded.files = [final], [(640, 480)], ["/tmp/a.png"]
    run_progress.show_output(loaded, state)
    run_progress.mark_over(state, None)
    view = scene._view_of(scene.nodes[outer], Detail.FULL, 1.0)
    assert list(view.pictures) == [final]
    assert not view.is_live


def test_u_201_the_outer_node_is_marked_and_go_to_node_enters_and_centres(window, chain, deep):
    outer, inner, node, _ = deep
    run_progress.mark_failed(chain.run_state, node, "Too wide", "radius", "Blur Image failed")
    assert window.view.canvas.run.failed == {outer: "Too wide"}
    found = problem(chain, node)
    window.problems.add(found)
    window.frame.bottom.problems.locate_requested.emit(found)
    assert chain.document.trail == (outer, inner)
    assert list(window.view.canvas.selection.nodes) == ["2"]
    assert window.view.canvas.run.failed == {"2": "Too wide"}


def test_u_201_the_right_one_of_two_instances_is_entered(window, chain):
    document = chain.document
    first = pack(chain, ["2"])
    own = document.node(first).subgraph
    patch, second = subgraphs.add_host(document.workflow, document.bound, own, (0.0, 400.0))
    document.apply(patch, "Add")
    for host in (second, first, second):
        found = problem(chain, f"{host}:2")
        window.problems.add(found)
        window.frame.bottom.problems.locate_requested.emit(found)
        assert document.trail == (host,)


def test_u_201_a_way_that_is_gone_ends_where_it_ends(window, chain):
    host = pack(chain, ["2"])
    found = problem(chain, f"{host}:99")
    window.problems.add(found)
    window.frame.bottom.problems.locate_requested.emit(found)
    assert chain.document.trail == (host,)
    chain.document.show_level(0)
    window.problems.add(problem(chain, "77:2"))
    window.canvas_wiring.go_to_path(chain, "77:2")
    assert chain.document.graph_id == ROOT


def test_u_201_the_remedy_below_an_outer_node_is_that_of_the_inner_problem(window, chain, deep):
    outer, inner, node, _ = deep
    window.problems.add(problem(chain, node))
    shown = []
    window.frame.bottom.problems.choose = shown.append
    for key, level in ((outer, outer), (inner, inner), ("2", "")):
        shown.clear()
        window.view.remedy_requested.emit(key)
        assert [row.heading for row in shown] == ["Blur Image failed"]
        if level:
            window.canvas_wiring.enter_subgraph(chain, level)


def test_u_191_the_sign_at_the_right_end_of_the_title_enters(window, chain):
    host = pack(chain, ["2"])
    window.view.actions.fit(animate=False)
    window.view.set_zoom(1.0)
    item = window.view.canvas.nodes[host]
    place = window.view.navigator.to_view(item.pos() + QPointF(item.size[0] - 12, -15)).toPoint()
    QTest.mouseClick(window.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert chain.document.trail == (host,)


def test_u_192_escape_ends_a_drag_and_clears_the_selection_before_it_leaves(window, chain):
    host = pack(chain, ["2"])
    window.canvas_wiring.enter_subgraph(chain, host)
    view = window.view
    view.actions.fit(animate=False)
    view.set_zoom(1.0)
    view.setFocus()
    item = view.canvas.nodes["2"]
    start = view.navigator.to_view(item.pos() + QPointF(60, -15)).toPoint()
    port = view.viewport()
    QTest.mousePress(port, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(port, start + QPointF(40, 40).toPoint())
    QTest.mouseMove(port, start + QPointF(60, 60).toPoint())
    before = chain.document.undo_stack.count()
    press_key(view, Qt.Key.Key_Escape)
    QTest.mouseRelease(port, Qt.MouseButton.LeftButton, pos=start)
    assert chain.document.trail == (host,)
    assert chain.document.undo_stack.count() == before
    assert view.actions.has_selection
    press_key(view, Qt.Key.Key_Escape)
    assert chain.document.trail == (host,)
    assert not view.actions.has_selection
    press_key(view, Qt.Key.Key_Escape)
    assert chain.document.graph_id == ROOT


def test_u_193_every_level_of_the_breadcrumb_has_a_menu(window, chain):
    outer, inner = nested(chain)
    window.canvas_wiring.enter_subgraph(chain, outer)
    window.canvas_wiring.enter_subgraph(chain, inner)
    screen = window.mapToGlobal(window.rect().center())
    menus = []
    for depth in (0, 1, 2):
        window.canvas_wiring.open_level_menu(depth, screen)
        menu = QApplication.activePopupWidget()
        menus.append(entries(menu))
        menu.close()
    assert menus[0] == ["Go to this level", "Save", "Save as…", "Duplicate tab"]
    level = ["Go to this level", "Rename subgraph…", "Edit description…", "Edit subgraph widgets…"]
    assert menus[1] == level
    assert menus[2] == level[1:]
    window.canvas_wiring.open_level_menu(1, screen)
    choose(QApplication.activePopupWidget(), "Edit subgraph widgets…")
    QApplication.activePopupWidget().close()
    assert chain.document.trail == (outer,)
    assert window.wiring.subgraphs.is_open


def test_u_198_copies_by_keyboard_share_the_definition_and_have_their_own_values(window, chain):
    document = chain.document
    host = pack(chain, ["2"])
    own = document.node(host).subgraph
    document.apply(
        subgraphs.promote(document.workflow, document.bound, [("2", "radius")], subgraph=own), ""
    )
    select(window, host)
    window.view.setFocus()
    for key in (Qt.Key.Key_C, Qt.Key.Key_V):
        press_key(window.view, key, Qt.KeyboardModifier.ControlModifier)
    (copied,) = window.view.canvas.selection.nodes
    assert copied != host
    assert document.node(copied).subgraph == own
    document.apply(edits.set_widget(document.workflow, document.bound, copied, "radius", 17), "")
    assert document.node(host).widget("radius").value == 4
    assert document.node(copied).widget("radius").value == 17


def test_u_212_ctrl_s_in_the_blueprints_document_changes_what_is_inserted_later(window, chain):
    name = published(window, chain)
    window.wiring.blueprints.open(name)
    settle(window)
    item = window.documents.current
    document = item.document
    (host,) = document.workflow.root.nodes
    document.apply(
        subgraphs.describe_subgraph(
            document.workflow, document.node(host).subgraph, description="Softer than before"
        ),
        "Describe",
    )
    window.view.setFocus()
    press_key(window.view, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    settle(window)
    assert not document.is_modified
    path = window.home / "user" / "blueprints" / "Soft.json"
    assert "Softer than before" in path.read_text()
    assert window.wiring.blueprints.definitions[name].description == "Softer than before"
    window.documents.show(chain)
    window.wiring.blueprints.insert(window.view, name, QPointF(0, 500))
    settle(window)
    (added,) = window.view.canvas.selection.nodes
    graph = chain.document.workflow.subgraphs[chain.document.node(added).subgraph]
    assert graph.raw["description"] == "Softer than before"


def test_u_182_a_file_with_group_nodes_offers_once_to_convert_them(window, monkeypatch):
    offered = []

    def toast(title, detail="", *, actions=(), **_):
        offered.append((title, actions))

    monkeypatch.setattr(window, "toast", toast)
    data = Path(__file__).parents[1] / "data" / "workflows" / "open" / "adv_group_node.json"
    item = window.files.add(read_workflow(data.read_bytes()), name="Old")
    QTest.qWait(5)
    ((title, ((words, convert),)),) = offered
    assert (title, words) == ("This workflow has group nodes", "Convert")
    convert()
    assert item.document.workflow.subgraphs
    assert item.document.undo_stack.count() == 1
    item.document.undo_stack.undo()
    QTest.qWait(5)
    assert len(offered) == 1


def test_u_190_the_menu_of_a_node_packs_it(window, chain):
    select(window, "2")
    menu = window.canvas_wiring._context_menus().make(window.view, Hit(Under.TITLE, "2"), QPointF())
    choose(menu, "Convert to subgraph")
    (key,) = window.view.canvas.selection.nodes
    assert chain.document.node(key).subgraph in chain.document.workflow.subgraphs


def test_u_200_the_words_of_a_job_name_the_node_inside():
    prompt = {
        "5:8": {"_meta": {"title": "KSampler"}},
        "6": {"_meta": {"title": "Save"}},
        "7:1": {},
    }
    job = Job("j", "t", None, prompt=prompt)
    assert running_words(job, "5:8", "Upscale") == "Upscale › KSampler"
    assert running_words(job, "6", "Save") == "Save"
    assert running_words(job, "7:1", "Old") == "Old"
    assert running_words(job, "9", "Gone") == "Gone"
