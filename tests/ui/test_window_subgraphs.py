"""Subgraphs in the window: the way in and out, and what undo leaves of it."""

from __future__ import annotations

import itertools

from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window_hands import click, press_key

from app.engine.workflow import edits
from app.engine.workflow.edits import subgraphs
from app.engine.workflow.edits.packing import create_subgraph
from app.engine.workflow.model import ROOT
from app.ui.document import WorkflowDocument


def pack(item, keys, name="Inner"):
    """Pack nodes of the shown graph and return the key of the host."""
    document = item.document
    patch, key = create_subgraph(document.workflow, document.bound, keys, name=name)
    document.apply(patch, "Convert")
    return key


def nested(item):
    """Pack the blur twice, so that it lies two levels down; the keys of both hosts."""
    outer = pack(item, ["2"], "Outer")
    item.document.enter(outer)
    inner = pack(item, ["2"], "Inner")
    item.document.show_level(0)
    return outer, inner


def double_click(view, place):
    """Double-click a point of the canvas with real mouse events."""
    pixel = view.navigator.to_view(QPointF(place)).toPoint()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=pixel)
    QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=pixel)
    QApplication.processEvents()


def test_u_191_a_double_click_enters_and_escape_leaves_one_level_each(window, chain):
    outer, inner = nested(chain)
    view = window.view
    for host in (outer, inner):
        view.actions.fit(animate=False)
        item = view.canvas.nodes[host]
        # Below the widgets lies nothing but the body.
        double_click(view, item.pos() + QPointF(item.layout.width / 2, item.layout.height - 4))
    assert chain.document.trail == (outer, inner)
    assert view.canvas.run.prefix == f"{outer}:{inner}:"
    view.setFocus()
    press_key(view, Qt.Key.Key_Escape)
    assert chain.document.trail == (outer,)
    assert view.canvas.run.prefix == f"{outer}:"
    press_key(view, Qt.Key.Key_Escape)
    assert chain.document.graph_id == ROOT
    assert view.canvas.run.prefix == ""


def test_u_193_the_breadcrumb_shows_the_way_and_a_click_jumps(window, chain):
    outer, inner = nested(chain)
    bar = window.frame.canvas.breadcrumb
    assert not bar.isVisible()
    window.canvas_wiring.enter_subgraph(chain, outer)
    window.canvas_wiring.enter_subgraph(chain, inner)
    assert bar.isVisible()
    assert [crumb.text() for crumb in bar.crumbs] == ["Chain", "Outer", "Inner"]
    click(bar.crumbs[1])
    assert chain.document.trail == (outer,)
    assert [crumb.text() for crumb in bar.crumbs] == ["Chain", "Outer"]
    click(bar.crumbs[0])
    assert chain.document.graph_id == ROOT
    assert not bar.isVisible()


def test_u_193_a_long_way_fits_the_canvas(window, chain):
    outer, inner = nested(chain)
    bar = window.frame.canvas.breadcrumb
    window.canvas_wiring.enter_subgraph(chain, outer)
    document = chain.document
    document.apply(
        subgraphs.rename_subgraph(document.workflow, document.graph_id, "Long " * 60), "Rename"
    )
    window.canvas_wiring.enter_subgraph(chain, inner)
    bar.set_room(260)
    assert bar.inner().width() <= 260
    edges = [(crumb.x(), crumb.geometry().right()) for crumb in bar.crumbs]
    assert all(right < left for (_, right), (left, _) in itertools.pairwise(edges))


def test_u_193_another_name_shows_at_once(window, chain):
    outer = pack(chain, ["2"])
    window.canvas_wiring.enter_subgraph(chain, outer)
    document = chain.document
    document.apply(
        subgraphs.rename_subgraph(document.workflow, document.graph_id, "Soft"), "Rename"
    )
    assert [crumb.text() for crumb in window.frame.canvas.breadcrumb.crumbs] == ["Chain", "Soft"]


def test_u_199_each_level_keeps_its_view(window, chain):
    outer, _ = nested(chain)
    view = window.view
    window.canvas_wiring.enter_subgraph(chain, outer)
    view.navigator.set_state(1.5, QPointF(-30, 12))
    window.canvas_wiring.leave_subgraph()
    view.navigator.set_state(0.75, QPointF(8, 8))
    window.canvas_wiring.enter_subgraph(chain, outer)
    assert (view.zoom, view.navigator.offset) == (1.5, QPointF(-30, 12))
    window.canvas_wiring.leave_subgraph()
    assert (view.zoom, view.navigator.offset) == (0.75, QPointF(8, 8))


def test_undo_of_the_shown_subgraph_falls_back_along_the_way(window, chain):
    document = chain.document
    outer = pack(chain, ["2"], "Outer")
    document.enter(outer)
    inner = pack(chain, ["2"], "Inner")
    document.enter(inner)
    assert document.trail == (outer, inner)
    document.undo_stack.undo()
    assert document.trail == (outer,)
    assert list(window.view.canvas.nodes) == list(document.bound.nodes)
    assert window.view.canvas.run.prefix == f"{outer}:"
    document.undo_stack.undo()
    assert (document.graph_id, document.trail) == (ROOT, ())
    assert sorted(window.view.canvas.nodes) == ["1", "2", "3"]
    document.undo_stack.redo()
    document.undo_stack.redo()
    assert document.graph_id == ROOT


def test_undo_of_the_host_alone_leaves_its_subgraph(window, chain):
    document = chain.document
    first = pack(chain, ["2"])
    subgraph = document.node(first).subgraph
    patch, second = subgraphs.add_host(document.workflow, document.bound, subgraph, (0.0, 400.0))
    document.apply(patch, "Add")
    document.enter(second)
    document.undo_stack.undo()
    assert (document.graph_id, document.trail) == (ROOT, ())
    assert second not in window.view.canvas.nodes


def test_u_196_deleting_a_node_inside_keeps_the_links_of_the_host(chain):
    document = chain.document
    host = pack(chain, ["2"])
    sources = len(document.node(host).inputs)
    document.enter(host)
    document.apply(
        subgraphs.promote(document.workflow, document.bound, [("2", "radius")]), "Promote"
    )
    document.apply(edits.add_special_node(document.workflow, document.bound, "Note", (0, 0))[0], "")
    document.apply(subgraphs.remove_input(document.workflow, document.bound, 0), "Remove")
    document.show_level(0)
    node = document.node(host)
    assert len(node.inputs) == sources
    assert node.widget("radius") is not None
    document.undo_stack.undo()
    assert document.node(host).inputs[0].link is not None


def test_an_edit_inside_takes_the_hosts_along_and_one_undo_brings_all_back(chain):
    document = chain.document
    host = pack(chain, ["2"])
    document.enter(host)
    document.apply(
        subgraphs.promote(document.workflow, document.bound, [("2", "radius")]), "Promote"
    )
    document.show_level(0)
    document.apply(edits.set_widget(document.workflow, document.bound, host, "radius", 9), "Set")
    document.enter(host)
    count = document.undo_stack.count()
    # A plain removal, which knows nothing of hosts.
    document.apply(edits.remove_nodes(document.workflow, document.bound, ["2"]), "Delete")
    assert document.undo_stack.count() == count + 1
    document.show_level(0)
    assert document.node(host).widget("radius") is None
    document.undo_stack.undo()
    assert document.node(host).widget("radius").value == 9


def test_a_definition_is_shown_by_the_way_that_leads_to_it(chain):
    document = chain.document
    host = pack(chain, ["2"])
    subgraph = document.node(host).subgraph
    again = WorkflowDocument(document.workflow, document.definitions)
    again.show_graph(subgraph)
    assert again.trail == (host,)
    again.show_level(0)
    assert again.graph_id == ROOT
