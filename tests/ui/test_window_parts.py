"""Tabs, panels, menus of the canvas, start page, messages, the keyboard."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window_hands import CHAIN, click, picture, press_key, run_task, settle, wait_until, write_chain

from app.engine.workflow.reader import read_workflow
from app.ui.canvas.hover import Hit, Under
from app.ui.context_menus import ContextMenus
from app.ui.node_preview import definition_picture
from app.ui.paragraph import Paragraph
from app.ui.templates import read_templates
from app.ui.words import count_words


def open_three(window):
    items = [
        window.files.add(read_workflow(json.dumps(CHAIN)), name=name, show=False)
        for name in ("One", "Two", "Three")
    ]
    window.documents.show(items[0])
    QApplication.processEvents()
    return items


def titles(window):
    return [tab.title for tab in window.frame.tab_strip.tabs]


def test_u_388_a_click_on_a_tab_shows_its_document(window):
    items = open_three(window)
    strip = window.frame.tab_strip

    click(strip, strip.tab_box(2).center().toTuple())

    assert window.documents.current is items[2]
    assert window.view.document is items[2].document


def test_u_388_the_middle_button_closes_a_tab(window):
    open_three(window)
    strip = window.frame.tab_strip

    click(strip, strip.tab_box(1).center().toTuple(), Qt.MouseButton.MiddleButton)

    assert titles(window) == ["One", "Three"]


def test_u_388_the_cross_shows_on_hover_and_closes(window):
    open_three(window)
    strip = window.frame.tab_strip
    place = strip.close_box(2).center().toPoint()
    QTest.mouseMove(strip, place)

    click(strip, place.toTuple())

    assert titles(window) == ["One", "Two"]


def test_u_388_tabs_are_dragged_to_another_place(window):
    open_three(window)
    strip = window.frame.tab_strip
    start = strip.tab_box(0).center().toPoint()
    end = strip.tab_box(2).center().toPoint() + QPoint(20, 0)

    QTest.mousePress(strip, Qt.MouseButton.LeftButton, pos=start)
    for step in range(1, 11):
        QTest.mouseMove(strip, start + (end - start) * step / 10)
    QTest.mouseRelease(strip, Qt.MouseButton.LeftButton, pos=end)

    assert titles(window) == ["Two", "Three", "One"]


def test_u_388_ctrl_tab_goes_round(window):
    items = open_three(window)

    window.commands.trigger("window.previous_tab")
    assert window.documents.current is items[2]
    window.commands.trigger("window.next_tab")

    assert window.documents.current is items[0]


def test_the_plus_makes_a_document(window, chain):
    strip = window.frame.tab_strip

    click(strip, strip.plus_box().center().toTuple())

    assert titles(window) == ["Chain", "Untitled"]


def test_every_document_keeps_its_own_view(window):
    items = open_three(window)
    window.view.set_zoom(0.5)
    window.documents.show(items[1])
    window.view.set_zoom(2.0)

    window.documents.show(items[0])

    assert window.view.zoom == pytest.approx(0.5)
    assert window.frame.canvas.zoom_tools.label.text() == "50%"


def test_u_021_the_view_is_saved_and_comes_back(window, tmp_path):
    path = write_chain(tmp_path / "a.json")
    window.open_paths([path])
    settle(window)
    window.view.navigator.set_state(0.75, QPointF(-120, 40))

    run_task(window.files.save(window.documents.current))
    window.commands.trigger("file.close")
    window.open_paths([path])
    settle(window)

    assert window.view.zoom == pytest.approx(0.75)
    assert window.view.navigator.offset.x() == pytest.approx(-120, abs=1)


def test_u_017_hand_mode_shows_in_the_tools_and_escape_leaves_it(window, chain):
    tools = window.frame.canvas.pointer_tools.buttons

    click(tools["hand"])
    assert window.view.is_hand_mode
    assert tools["hand"].isChecked()
    assert not window.commands.get("edit.delete").enabled()
    window.view.setFocus()
    press_key(window.view, Qt.Key.Key_Escape)

    assert not window.view.is_hand_mode
    assert tools["select"].isChecked()


def test_the_zoom_tools_zoom_and_fit(window, chain):
    tools = window.frame.canvas.zoom_tools
    window.view.set_zoom(1.0)

    click(tools.buttons["view.zoom_in"])
    assert window.view.zoom > 1
    menu = tools.open_menu()
    next(action for action in menu.actions() if action.text() == "50%").trigger()
    menu.close()

    assert window.view.zoom == pytest.approx(0.5)


def test_panels_open_and_shut_by_rail_and_key(window, chain):
    rail, deck = window.frame.rail.buttons, window.frame.deck

    click(rail["workflows"])
    assert deck.current == "workflows"
    assert rail["workflows"].isChecked()
    assert not rail["nodes"].isChecked()
    click(rail["workflows"])
    assert not window.frame.is_shown("left")
    window.view.setFocus()
    press_key(window.view, Qt.Key.Key_N)

    assert deck.current == "nodes"
    assert QApplication.focusWidget() is deck.panel("nodes").search


def test_the_log_opens_from_the_rail(window, chain):
    click(window.frame.rail.buttons["log"])

    assert window.frame.bottom.log.isVisible()
    assert window.frame.rail.buttons["log"].isChecked()


def test_u_462_focus_mode_hides_all_panels_and_escape_brings_them_back(window, chain):
    window.commands.trigger("view.focus_mode")
    assert not window.frame.deck.isVisible()
    assert not window.frame.right.isVisible()

    press_key(window, Qt.Key.Key_Escape)

    assert window.frame.deck.isVisible()
    assert window.frame.right.isVisible()


def test_a_narrow_window_shuts_the_right_panel_then_the_left(window, chain):
    window.resize(1100, 800)
    QApplication.processEvents()
    assert not window.frame.is_shown("right")
    assert window.frame.is_shown("left")

    window.resize(900, 800)
    QApplication.processEvents()

    assert not window.frame.is_shown("left")


@pytest.mark.parametrize("name", ["nodes", "workflows", "models", "assets", "templates"])
def test_every_panel_opens_and_says_when_it_is_empty(window, chain, name):
    panel = window.wiring.open_panel(name)
    settle(window)

    assert panel.isVisible()


def test_the_models_panel_lists_files_by_kind(window, chain):
    folder = window.home / "models" / "checkpoints" / "sd"
    folder.mkdir(parents=True)
    (folder / "dream_8.safetensors").write_bytes(b"x")
    (folder / "readme.txt").write_text("no model")

    panel = window.wiring.open_panel("models")
    settle(window)
    panel.search.setText("dream")

    texts = [row.text for row in panel.list.rows]
    assert texts == ["All models", "checkpoints", "sd", "dream_8"]


def test_the_workflows_panel_opens_files(window, chain):
    write_chain(window.home / "user" / "workflows" / "set" / "portrait.json")
    panel = window.wiring.open_panel("workflows")
    settle(window)
    panel.search.setText("portrait")

    panel.list.item_activated.emit(panel.list.rows[-1])
    settle(window)

    assert window.document.title == "portrait"


def test_the_pictures_panel_shows_the_output_folder(window, chain):
    (window.home / "output").mkdir(parents=True)
    picture("red", 600, 400).save(str(window.home / "output" / "red.png"))

    panel = window.wiring.open_panel("assets")
    settle(window)

    assert [item.size for item in panel.grid.results] == [(600, 400)]


def test_the_start_page_shows_recent_files_and_opens_them(make_window, tmp_path):
    home = tmp_path / "home"
    first = make_window(home=home)
    first.open_paths([write_chain(tmp_path / "harbour.json")])
    settle(first)
    first.commands.trigger("file.close")
    settle(first)
    first.close()

    second = make_window(home=home)
    page = second.frame.start_page
    wait_until(lambda: page.recent_grid.cards and page.recent_grid.cards[0].picture is not None)
    card = page.recent_grid.cards[0]
    assert (card.title, card.right) == ("harbour", "3 nodes")
    assert card.note.startswith("Today, ")
    click(page.recent_grid, page.recent_grid.card_box(0).center().toTuple())
    settle(second)

    assert second.document.title == "harbour"
    assert not page.isVisible()


def test_the_start_page_opens_a_template_as_a_new_document(window):
    page = window.frame.start_page
    wait_until(lambda: bool(page.template_grid.cards))

    click(page.template_grid, page.template_grid.card_box(0).center().toTuple())
    settle(window)

    assert window.document.path is None
    assert window.document.bound.nodes


def test_templates_say_what_they_need(tmp_path):
    write_chain(tmp_path / "a.json")
    rows = [
        {"file": "a.json", "title": "Ready"},
        {"file": "a.json", "title": "Brings", "needs": ["a picture"]},
        {"file": "a.json", "title": "Heavy", "models": [
            {"folder": "checkpoints", "name": "big.safetensors", "size_bytes": 2 << 30}]},
        {"file": "missing.json", "title": "Gone"},
        "nonsense",
    ]  # fmt: skip
    (tmp_path / "index.json").write_text(json.dumps({"templates": rows}))

    found = read_templates([tmp_path], tmp_path)

    assert [(item.title, item.note) for item in found] == [
        ("Ready", "Runs with what you have"),
        ("Brings", "Needs a picture"),
        ("Heavy", "Needs a 2.0 GB model"),
    ]


def test_a_model_that_is_there_is_not_missing(tmp_path):
    write_chain(tmp_path / "a.json")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "big.safetensors").write_bytes(b"x")
    models = [{"folder": "checkpoints", "name": "big.safetensors", "size_bytes": 5}]
    (tmp_path / "index.json").write_text(
        json.dumps({"templates": [{"file": "a.json", "models": models}]})
    )

    assert read_templates([tmp_path], tmp_path)[0].runs_here


def menu_words(menu):
    return [action.text().partition("\t")[0] for action in menu.actions() if action.text()]


def test_u_162_the_menu_of_a_node_has_its_order(window, chain):
    menu = ContextMenus(window).make(window.view, Hit(Under.TITLE, "2"), QPointF())
    words = menu_words(menu)
    menu.deleteLater()

    order = [
        "Run branch", "Rename", "Copy", "Duplicate", "Collapse", "Pin", "Colour", "Mute",
        "Bypass", "Delete",
    ]  # fmt: skip
    assert [word for word in words if word in order] == order


def test_the_menu_of_a_widget_resets_it(window, chain):
    from app.engine.workflow import edits

    document = chain.document
    document.apply(
        edits.set_widget(document.workflow, document.bound, "2", "radius", 9), "Set radius"
    )
    hit = Hit(Under.WIDGET, "2", 0, "radius")
    menu = ContextMenus(window).make(window.view, hit, QPointF())
    next(action for action in menu.actions() if action.text() == "Reset radius").trigger()
    menu.deleteLater()

    assert document.node("2").widget("radius").value == 4


def test_the_menu_of_the_canvas_adds_by_category(window, chain):
    menu = ContextMenus(window).make(window.view, Hit(Under.EMPTY), QPointF(100, 500))
    categories = next(a for a in menu.actions() if a.text() == "Add by category").menu()
    sampling = next(a for a in categories.actions() if a.text() == "Sampling").menu()
    sampling.aboutToShow.emit()
    sampling.actions()[0].trigger()
    menu.deleteLater()

    assert "KSampler" in [node.node.type for node in chain.document.bound.nodes.values()]


def test_the_menu_of_a_link_removes_it_and_one_undo_brings_it_back(window, chain):
    key = next(iter(chain.document.bound.links))
    menu = ContextMenus(window).make(window.view, Hit(Under.LINK, key), QPointF())
    next(action for action in menu.actions() if action.text() == "Remove link").trigger()
    menu.deleteLater()
    assert key not in chain.document.bound.links

    window.commands.trigger("edit.undo")

    assert key in chain.document.bound.links


def test_the_menu_of_a_socket_names_its_type(window, chain):
    menu = ContextMenus(window).make(window.view, Hit(Under.OUTPUT, "1", 0), QPointF())
    words = menu_words(menu)
    menu.deleteLater()

    assert words[:2] == ["IMAGE  ·  IMAGE", "Remove links"]


def test_a_danger_is_marked_in_the_menu(window, chain):
    window.view.actions.select_all()
    menu = ContextMenus(window).make(window.view, Hit(Under.TITLE, "2"), QPointF())
    delete = next(a for a in menu.actions() if a.text().startswith("Delete"))
    is_danger = delete.property("danger")
    menu.deleteLater()

    assert is_danger


def test_u_371_at_most_three_messages_are_shown(window, chain):
    for number in range(5):
        window.toast(f"Message {number}")

    assert len(window._toasts.toasts) == 3
    assert window._toasts.toasts[-1].title == "Message 4"


def test_the_hint_on_an_empty_canvas_goes_with_the_first_node(window):
    window.commands.trigger("file.new")
    hint = window.frame.canvas.hint
    assert hint.isVisible()

    window.canvas_wiring.add_from_library("SaveImage")

    assert not hint.isVisible()


def test_u_041_a_dropped_picture_becomes_a_node_with_that_file(window, chain, tmp_path):
    path = tmp_path / "cat.png"
    picture().save(str(path))

    window.view.files_dropped.emit([str(path)], QPointF(40, 400), None)
    settle(window)

    node = list(chain.document.bound.nodes.values())[-1]
    assert node.node.type == "LoadImage"
    assert node.widget("image").value == "cat.png"
    assert (window.home / "input" / "cat.png").is_file()


def test_u_041_a_picture_dropped_on_a_loader_sets_its_file(window, chain, tmp_path):
    path = tmp_path / "dog.png"
    picture().save(str(path))

    window.view.files_dropped.emit([str(path)], QPointF(60, 100), "1")
    settle(window)

    assert chain.document.node("1").widget("image").value == "dog.png"
    assert len(chain.document.bound.nodes) == 3


def test_a_file_of_the_same_name_does_not_replace_the_first(window, chain, tmp_path):
    for number, color in enumerate(("red", "blue")):
        path = tmp_path / str(number) / "same.png"
        path.parent.mkdir()
        picture(color).save(str(path))
        window.view.files_dropped.emit([str(path)], QPointF(60, 100), "1")
        settle(window)

    names = sorted(path.name for path in (window.home / "input").iterdir())
    assert names == ["same (1).png", "same.png"]


def test_u_151_the_page_about_a_node_lists_inputs_and_outputs(window, chain):
    from app.ui.dialogs.node_info import NodeInfoCard, SlotList

    window.view.actions.show_node("2")
    window.commands.trigger("graph.info")

    card = next(card for card in window.findChildren(NodeInfoCard) if card.isVisible())
    rows = [row[0] for part in card.findChildren(SlotList) for row in part._rows]
    assert rows == ["image", "radius", "IMAGE"]


def test_the_preview_is_a_picture_of_the_node(window, chain):
    pixmap = definition_picture(window.definitions["ImageBlur"], 280, window.look, 1.0)

    assert pixmap.width() >= 280
    colors = {pixmap.toImage().pixelColor(x, 20).name() for x in range(20, 260, 4)}
    assert len(colors) > 2


def test_every_control_of_the_window_is_reached_by_tab_in_the_order_of_the_parts(window, chain):
    frame = window.frame
    frame.top_bar.count.setFocus()
    order = []
    for _ in range(60):
        widget = QApplication.focusWidget()
        order.append(widget)
        press_key(widget, Qt.Key.Key_Tab)

    wanted = [
        frame.top_bar.run_button, frame.rail.buttons["nodes"], frame.rail.buttons["settings"],
        frame.deck.panel("nodes").search, frame.tab_strip, window.view,
        frame.right.pause_button, frame.right.results, frame.status.queue,
    ]  # fmt: skip
    assert [part for part in wanted if part not in order] == []
    places = [order.index(part) for part in wanted]
    assert places == sorted(places)


def test_the_ring_shows_only_after_the_keyboard(window, chain):
    button = window.frame.top_bar.run_button
    click(button, (20, 16))
    assert not button.has_ring

    button.setFocus(Qt.FocusReason.TabFocusReason)

    assert button.has_ring


def test_paragraphs_wrap_and_keep_the_line_height(style, qtbot):
    part = Paragraph("one two three four five six seven eight nine ten", style)
    qtbot.addWidget(part)

    assert part.heightForWidth(10_000) == 20
    assert part.heightForWidth(100) >= 60


def test_numbers_and_their_words_agree():
    assert count_words(1, "node", "nodes") == "1 node"
    assert count_words(0, "node", "nodes") == "0 nodes"


def test_building_the_window_imports_nothing_heavy():
    code = (
        "import sys\n"
        "import app.ui.main_window, app.ui.canvas.view, app.ui.node_search\n"
        "bad = {'numpy', 'torch', 'PIL', 'yaml', 'aiohttp', 'scipy'} & set(sys.modules)\n"
        "assert not bad, bad\n"
    )

    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
