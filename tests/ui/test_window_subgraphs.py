"""Subgraphs in the window: the way in and out, and what undo leaves of it."""

from __future__ import annotations

import itertools
import threading

from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window_hands import click, press_key, settle

from app.engine.workflow import blueprints, edits
from app.engine.workflow.edits import subgraphs
from app.engine.workflow.edits.packing import create_subgraph
from app.engine.workflow.model import ROOT
from app.ui.canvas.hover import Hit, Under
from app.ui.canvas.interactions.connect import LooseLink
from app.ui.canvas.selection import Selection
from app.ui.dialogs.question import QuestionCard, TextQuestion
from app.ui.dialogs.subgraph_card import DescriptionCard
from app.ui.document import WorkflowDocument
from app.ui.menu import Menu
from app.ui.subgraph_commands import SubgraphCommands


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


def select(window, *keys):
    window.view.canvas.select(Selection.of(keys))


def entries(menu):
    """The words of a menu, without lines and shortcuts."""
    return [action.text().split("\t")[0] for action in menu.actions() if action.text()]


def choose(menu, words):
    """Trigger an entry of a menu by its words."""
    action = next(action for action in menu.actions() if action.text().split("\t")[0] == words)
    assert action.isEnabled(), words
    action.trigger()


def menu_at(window, hit):
    menus = window.canvas_wiring._context_menus()
    return menus.make(window.view, hit, QPointF(0, 0))


def open_card(window, kind):
    """Return the card that is open."""
    cards = [card for card in window.findChildren(kind) if card.isVisible()]
    assert len(cards) == 1
    return cards[0]


def answer_text(window, text):
    card = open_card(window, TextQuestion)
    card.field.setText(text)
    press_key(card.field, Qt.Key.Key_Return)
    QApplication.processEvents()


def test_u_190_ctrl_shift_e_packs_the_selection(window, chain):
    select(window, "2", "3")
    window.view.setFocus()
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    press_key(window.view, Qt.Key.Key_E, both)
    document = chain.document
    (key,) = window.view.canvas.selection.nodes
    assert document.node(key).subgraph in document.workflow.subgraphs
    assert sorted(document.bound.nodes) == sorted(["1", key])
    document.undo_stack.undo()
    assert sorted(document.bound.nodes) == ["1", "2", "3"]


def test_u_194_unpack_brings_the_nodes_back_in_one_step(window, chain):
    first, second = pack(chain, ["2"]), pack(chain, ["3"])
    count = chain.document.undo_stack.count()
    select(window, first, second)
    assert window.commands.trigger("graph.unpack_subgraph")
    types = sorted(node.node.type for node in chain.document.bound.nodes.values())
    assert types == ["ImageBlur", "LoadImage", "SaveImage"]
    assert len(chain.document.bound.links) == 2
    assert len(window.view.canvas.selection.nodes) == 2
    assert chain.document.undo_stack.count() == count + 1
    chain.document.undo_stack.undo()
    assert sorted(chain.document.bound.nodes) == sorted(["1", first, second])


def test_u_198_make_unique_gives_a_definition_of_its_own(window, chain):
    document = chain.document
    first = pack(chain, ["2"])
    shared = document.node(first).subgraph
    patch, second = subgraphs.add_host(document.workflow, document.bound, shared, (0.0, 400.0))
    document.apply(patch, "Add")
    select(window, second)
    assert window.commands.trigger("graph.unique_subgraph")
    assert document.node(first).subgraph == shared
    assert document.node(second).subgraph != shared


def test_commands_on_subgraphs_rest_without_one(window, chain):
    select(window, "1")
    for name in ("unpack_subgraph", "unique_subgraph", "rename_subgraph", "publish_blueprint"):
        assert not window.commands.get(f"graph.{name}").enabled(), name
    assert window.commands.get("graph.convert_to_subgraph").enabled()
    window.view.actions.select_none()
    assert not window.commands.get("graph.convert_to_subgraph").enabled()


def test_u_193_a_level_of_the_breadcrumb_can_be_renamed(window, chain):
    host = pack(chain, ["2"])
    window.canvas_wiring.enter_subgraph(chain, host)
    menu = window.canvas_wiring._context_menus().open_level(
        1, window.mapToGlobal(window.rect().center())
    )
    choose(menu, "Rename subgraph…")
    menu.close()
    answer_text(window, "Softener")
    assert [c.text() for c in window.frame.canvas.breadcrumb.crumbs] == ["Chain", "Softener"]


def test_u_202_description_and_search_words(window, chain):
    host = pack(chain, ["2"])
    select(window, host)
    assert window.commands.trigger("graph.describe_subgraph")
    card = open_card(window, DescriptionCard)
    card.text.setPlainText("Makes it soft.")
    card.words.setText("soft, , blurry")
    click(card.accept_button)
    graph = chain.document.workflow.subgraphs[chain.document.node(host).subgraph]
    assert graph.raw["description"] == "Makes it soft."
    assert graph.extra["BlueprintSearchAliases"] == ["soft", "blurry"]


def test_u_196_a_widget_is_shown_and_hidden_on_the_host_from_its_menu(window, chain):
    host = pack(chain, ["2"])
    window.canvas_wiring.enter_subgraph(chain, host)
    hit = Hit(Under.WIDGET, "2", 0, "radius")
    choose(menu_at(window, hit), "Show radius on the subgraph node")
    window.canvas_wiring.leave_subgraph()
    assert chain.document.node(host).widget("radius") is not None
    window.canvas_wiring.enter_subgraph(chain, host)
    choose(menu_at(window, hit), "Hide radius on the subgraph node")
    window.canvas_wiring.leave_subgraph()
    assert chain.document.node(host).widget("radius") is None


def test_the_menu_of_a_widget_in_the_root_offers_no_subgraph(window, chain):
    words = entries(menu_at(window, Hit(Under.WIDGET, "2", 0, "radius")))
    assert not [word for word in words if "subgraph node" in word]
    assert "Convert to subgraph" in words
    assert "Unpack subgraph" not in words


def test_u_195_an_input_is_renamed_moved_and_removed_from_its_menu(window, chain):
    host = pack(chain, ["2"])
    window.canvas_wiring.enter_subgraph(chain, host)
    document = chain.document
    document.apply(
        subgraphs.promote(document.workflow, document.bound, [("2", "radius")]), "Promote"
    )
    slot = Hit(Under.OUTPUT, "-10", 1)
    choose(menu_at(window, slot), "Rename")
    QTest.keyClicks(window.view.viewport(), "Softness")
    press_key(window.view.viewport(), Qt.Key.Key_Return)
    QTest.qWait(10)
    assert document.node("-10").outputs[1].label == "Softness"
    choose(menu_at(window, slot), "Move up")
    assert document.node("-10").outputs[0].label == "Softness"
    choose(menu_at(window, Hit(Under.OUTPUT, "-10", 0)), "Remove links")
    assert not document.node("-10").outputs[0].links
    choose(menu_at(window, Hit(Under.OUTPUT, "-10", 0)), "Remove input")
    assert len(document.node("-10").outputs) == 1
    words = entries(menu_at(window, Hit(Under.INPUT, "-20", 0)))
    assert "Remove output" in words
    # The keys that the menu names act on the slot that it was opened for.
    assert window.view.slots.focused == ("-20", 0)
    window.view.setFocus()
    press_key(window.view, Qt.Key.Key_Delete)
    assert not document.node("-20").inputs
    assert "Duplicate" not in words


def test_u_210_u_211_a_blueprint_is_published_found_and_inserted(window, chain):
    host = pack(chain, ["2"], "Soft edge")
    select(window, host)
    assert window.commands.trigger("graph.publish_blueprint")
    answer_text(window, "Soft edge")
    settle(window)
    (path,) = (window.home / "user" / "blueprints").glob("*.json")
    assert path.stem == "Soft edge"
    assert "Blueprints" in window.wiring.catalog.categories()
    search = window.wiring.search
    window.canvas_wiring.open_search_at_pointer()
    search.field.setText("soft edge")
    assert search.list.rows[0].title == "Soft edge"
    before = set(chain.document.bound.nodes)
    press_key(search.field, Qt.Key.Key_Return)
    settle(window)
    (added,) = set(chain.document.bound.nodes) - before
    node = chain.document.node(added)
    assert node.subgraph != chain.document.node(host).subgraph
    assert list(window.view.canvas.selection.nodes) == [added]
    chain.document.undo_stack.undo()
    assert set(chain.document.bound.nodes) == before


def test_u_210_publishing_over_a_blueprint_asks(window, chain):
    host = pack(chain, ["2"], "Soft")
    path = window.home / "user" / "blueprints" / "Soft.json"
    for answer in ("first", "cancel", "replace"):
        select(window, host)
        assert window.commands.trigger("graph.publish_blueprint")
        if answer == "replace":
            document = chain.document
            document.apply(
                subgraphs.describe_subgraph(
                    document.workflow, document.node(host).subgraph, description="Newer"
                ),
                "Describe",
            )
        answer_text(window, "Soft")
        settle(window)
        if answer != "first":
            open_card(window, QuestionCard).answer(answer)
            settle(window)
        assert ("Newer" in path.read_text()) == (answer == "replace")


def test_u_211_a_blueprint_takes_the_loose_link(window, chain):
    host = pack(chain, ["2"], "Soft")
    select(window, host)
    window.commands.trigger("graph.publish_blueprint")
    answer_text(window, "Soft")
    settle(window)
    (name,) = window.wiring.blueprints.definitions
    before = set(chain.document.bound.nodes)
    loose = LooseLink("1", 0, True, "IMAGE")
    window.wiring.blueprints.insert(window.view, name, QPointF(0, 500), loose)
    settle(window)
    (added,) = set(chain.document.bound.nodes) - before
    link = chain.document.node(added).inputs[0].link
    assert chain.document.bound.links[link].origin == "1"
    chain.document.undo_stack.undo()
    assert set(chain.document.bound.nodes) == before


def test_a_blueprint_that_is_gone_is_told(window, chain):
    host = pack(chain, ["2"], "Soft")
    select(window, host)
    window.commands.trigger("graph.publish_blueprint")
    answer_text(window, "Soft")
    settle(window)
    (name,) = window.wiring.blueprints.definitions
    (window.home / "user" / "blueprints" / "Soft.json").unlink()
    count = len(chain.document.bound.nodes)
    window.canvas_wiring.add_from_library(name)
    settle(window)
    assert len(chain.document.bound.nodes) == count
    assert not window.wiring.blueprints.definitions
    assert "Blueprints" not in window.wiring.catalog.categories()


def test_a_blueprint_is_read_in_a_thread(window, chain, monkeypatch):
    name = published(window, chain)
    threads = []

    def read(path, definitions, take=blueprints.take_blueprint):
        threads.append(threading.current_thread())
        return take(path, definitions)

    monkeypatch.setattr(blueprints, "take_blueprint", read)
    count = len(chain.document.bound.nodes)
    window.wiring.blueprints.insert(window.view, name, QPointF(0, 500))
    assert len(chain.document.bound.nodes) == count
    settle(window)
    assert len(chain.document.bound.nodes) == count + 1
    assert threads
    assert threading.main_thread() not in threads


def test_a_blueprint_is_not_added_to_a_level_it_was_not_asked_for(window, chain, monkeypatch):
    said = []
    monkeypatch.setattr(window, "toast", lambda text, *_, **__: said.append(text))
    name = published(window, chain)
    said.clear()
    (host,) = (key for key, node in chain.document.bound.nodes.items() if node.subgraph)
    window.wiring.blueprints.insert(window.view, name, QPointF(0, 500))
    window.canvas_wiring.enter_subgraph(chain, host)
    count = chain.document.undo_stack.count()
    settle(window)
    assert chain.document.undo_stack.count() == count
    assert said == ["“Soft” was not added. Another level is shown now."]


def test_a_blueprint_comes_too_late_for_a_closed_document(window, chain):
    name = published(window, chain)
    window.wiring.blueprints.insert(window.view, name, QPointF(0, 500))
    window.documents.remove(chain)
    settle(window)
    assert window.documents.current is None


def test_what_cannot_be_packed_is_said_in_a_toast(window, chain, monkeypatch):
    said = []
    monkeypatch.setattr(window, "toast", lambda text, *_, **__: said.append(text))
    window.view.actions.select_none()
    SubgraphCommands(window).convert()
    assert said == ["Select the nodes that go into the subgraph first."]


def published(window, chain):
    """Publish the blur as a blueprint; its name among the node types."""
    select(window, pack(chain, ["2"], "Soft"))
    window.commands.trigger("graph.publish_blueprint")
    answer_text(window, "Soft")
    settle(window)
    (name,) = window.wiring.blueprints.definitions
    return name


def row_menu(window, name):
    """Open the menu of a blueprint's row in the library."""
    panel = window.wiring.open_panel("nodes")
    panel.search.setText("soft")
    row = next(row for row in panel.list.rows if row.key == name)
    panel._open_row_menu(row, QPointF(window.mapToGlobal(window.rect().center())))
    return next(menu for menu in panel.findChildren(Menu) if menu.isVisible())


def test_u_212_a_blueprint_opens_as_its_own_document(window, chain):
    name = published(window, chain)
    menu = row_menu(window, name)
    choose(menu, "Edit blueprint")
    menu.close()
    settle(window)
    item = window.documents.current
    assert item is not chain
    assert item.document.path == window.home / "user" / "blueprints" / "Soft.json"


def test_u_212_a_blueprint_is_deleted_after_a_question(window, chain):
    name = published(window, chain)
    path = window.home / "user" / "blueprints" / "Soft.json"
    for answer in ("cancel", "delete"):
        menu = row_menu(window, name)
        choose(menu, "Delete blueprint")
        menu.close()
        open_card(window, QuestionCard).answer(answer)
        settle(window)
        assert path.exists() == (answer == "cancel")
    assert name not in window.wiring.catalog.definitions


def test_a_refresh_finds_blueprints_that_were_put_into_the_folder(window, chain):
    name = published(window, chain)
    folder = window.home / "user" / "blueprints"
    (folder / "Copy.json").write_bytes((folder / "Soft.json").read_bytes())
    window.run_port.definitions_changed.emit(dict(window.definitions))
    settle(window)
    assert len(window.wiring.blueprints.definitions) == 2
    assert name in window.wiring.blueprints.definitions
