"""What a file needs and this install lacks, told after it has opened."""

from __future__ import annotations

import json

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QApplication
from window_hands import (
    CHAIN,
    DEFINITIONS,
    click,
    press_key,
    run_task,
    settle,
    wait_until,
    write_chain,
)

from app.engine.node_types.definition import NodeDefinition
from app.ui.dialogs.missing_card import MissingCard
from app.ui.session import Recovery
from app.ui.start_page import open_template
from app.ui.templates import Template
from app.widgets.toast import Toast

MODEL = {
    "name": "soft_v2.safetensors",
    "url": "https://example.com/soft_v2.safetensors",
    "directory": "loras",
    "hash": "abc123",
    "hash_type": "SHA256",
}


def needy(path):
    """Write a file with two nodes of a missing type and a missing model."""
    raw = json.loads(json.dumps(CHAIN))
    lost = {
        "type": "TiledThing", "size": [200, 80], "flags": {}, "order": 3, "mode": 0,
        "inputs": [], "outputs": [], "widgets_values": ["soft_v2.safetensors"],
        "properties": {"cnr_id": "tiled-pack", "ver": "1.2.0", "models": [MODEL]},
    }  # fmt: skip
    raw["nodes"] += [{"id": 8, "pos": [0, 300], **lost}, {"id": 9, "pos": [300, 300], **lost}]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(raw))
    return path


def toasts(window):
    return [toast for toast in window.findChildren(Toast) if not toast.isHidden()]


def open_file(window, path):
    item = run_task(window.files.open_file(path))
    settle(window)
    return item


def card_of(window):
    wait_until(lambda: window.findChildren(MissingCard))
    return window.findChildren(MissingCard)[0]


@pytest.fixture
def ready(window):
    """A window that knows all node types."""
    window.run_port.definitions_changed.emit(DEFINITIONS)
    settle(window)
    return window


def test_a_file_with_missing_things_opens_and_one_toast_shows_them(ready, tmp_path):
    item = open_file(ready, needy(tmp_path / "Needy.json"))
    assert ready.documents.current is item
    (toast,) = toasts(ready)
    assert toast.detail == "1 node type and 1 model"
    click(toast._buttons[0])
    text = card_of(ready).text
    for words in (
        "tiled-pack  1.2.0", "TiledThing  × 2", "loras/soft_v2.safetensors", MODEL["url"],
        "SHA256: abc123",
    ):  # fmt: skip
        assert words in text, words


def test_the_list_can_be_copied(ready, tmp_path):
    open_file(ready, needy(tmp_path / "Needy.json"))
    assert ready.commands.trigger("file.requirements")
    card = card_of(ready)
    click(card.copy_button)
    assert QApplication.clipboard().text() == card.text
    click(card.close_button)


def test_a_model_that_is_there_is_not_missing(ready, tmp_path):
    folder = ready.home / "models" / "loras" / "mine"
    folder.mkdir(parents=True)
    (folder / MODEL["name"]).write_bytes(b"x")
    open_file(ready, needy(tmp_path / "Needy.json"))
    (toast,) = toasts(ready)
    assert toast.detail == "1 node type"


def test_a_file_that_lacks_nothing_says_nothing(ready, tmp_path):
    open_file(ready, write_chain(tmp_path / "Chain.json"))
    assert toasts(ready) == []
    assert ready.commands.trigger("file.requirements")
    settle(ready)
    assert [toast.title for toast in toasts(ready)] == ["No node type and no model is missing"]


def test_nothing_is_called_missing_before_all_packs_have_loaded(window, tmp_path):
    item = open_file(window, needy(tmp_path / "Needy.json"))
    assert item is not None
    assert toasts(window) == []
    window.run_port.definitions_changed.emit(DEFINITIONS)
    settle(window)
    assert len(toasts(window)) == 1


def test_a_document_that_was_closed_meanwhile_is_not_told_of(window, tmp_path):
    item = open_file(window, needy(tmp_path / "Needy.json"))
    window.documents.remove(item)
    window.run_port.definitions_changed.emit(DEFINITIONS)
    settle(window)
    assert toasts(window) == []


LORA_INFO = {
    "input": {
        "required": {
            "lora_name": [["base.safetensors", "mine/soft_v1.safetensors"]],
            "strength": ["FLOAT", {"default": 1.0}],
        }
    },
    "output": ["MODEL"],
    "output_name": ["MODEL"],
    "display_name": "Load LoRA",
}
WITH_LORA = {**DEFINITIONS, "LoraLoader": NodeDefinition.from_object_info("LoraLoader", LORA_INFO)}


def with_loras(window):
    """Let the window know a loader of models, and two files for it."""
    folder = window.home / "models" / "loras"
    (folder / "mine").mkdir(parents=True)
    (folder / "mine" / "soft_v1.safetensors").write_bytes(b"x")
    (folder / "base.safetensors").write_bytes(b"x")
    window.set_definitions(WITH_LORA)
    window.run_port.definitions_changed.emit(WITH_LORA)
    settle(window)


def loaders(path):
    """Write a file in which two nodes name one missing model, in different folders."""
    raw = json.loads(json.dumps(CHAIN))
    for number, name in ((8, "soft_v2.safetensors"), (9, "old\\soft_v2.safetensors")):
        raw["nodes"].append(
            {
                "id": number, "type": "LoraLoader", "pos": [0, 300 * number], "size": [210, 82],
                "flags": {}, "order": 3, "mode": 0, "inputs": [],
                "outputs": [{"name": "MODEL", "type": "MODEL", "links": None}],
                "widgets_values": [name, 1.0],
                "properties": {"models": [{**MODEL, "size": 1536 << 20}]},
            }
        )  # fmt: skip
    path.write_text(json.dumps(raw))
    return path


def values(item):
    return [item.document.node(key).widget("lora_name").value for key in ("8", "9")]


@pytest.fixture
def lacking(window, tmp_path):
    """A document with two loaders of a missing model, and the open card."""
    with_loras(window)
    item = open_file(window, loaders(tmp_path / "Loaders.json"))
    assert window.commands.trigger("file.requirements")
    return item, card_of(window)


def test_u_365_the_nearest_name_comes_first_and_is_taken_for_all_nodes_in_one_step(window, lacking):
    item, card = lacking
    (part,) = card.model_rows
    assert part.row.choices == ("mine/soft_v1.safetensors", "base.safetensors")
    assert [place.key for place in part.row.places] == ["8", "9"]
    assert [place.title for place in part.row.places] == ["Load LoRA", "Load LoRA"]
    assert card.focusWidget() is part.suggestion

    press_key(part.suggestion, Qt.Key.Key_Return)
    settle(window)

    assert values(item) == ["mine/soft_v1.safetensors"] * 2
    assert card.model_rows == []
    assert card.intro.text() == "Nothing is missing any more."
    assert item.document.undo_stack.count() == 1
    item.document.undo_stack.undo()
    assert values(item) == ["soft_v2.safetensors", "old\\soft_v2.safetensors"]


def test_u_365_any_file_of_the_folder_can_be_chosen_by_keys(window, lacking):
    item, card = lacking
    popup = card.model_rows[0].open_list()
    press_key(popup, Qt.Key.Key_Down)
    press_key(popup, Qt.Key.Key_Return)
    settle(window)

    assert values(item) == ["base.safetensors"] * 2


def test_u_365_the_link_is_copied_and_size_hash_and_folder_are_told(window, lacking):
    _, card = lacking
    (part,) = card.model_rows
    click(part.link_button)

    assert QApplication.clipboard().text() == MODEL["url"]
    assert part.row.path == str(window.home / "models" / "loras")
    for words in ("1.5 GB", "SHA256: abc123", "similar files: mine/soft_v1.safetensors"):
        assert words in card.text


def test_u_365_look_again_finds_a_file_that_was_put_there(window, lacking):
    item, card = lacking
    click(card.look_button)
    settle(window)
    assert len(card.model_rows) == 1
    assert toasts(window)[-1].title == "Nothing new was found"

    (window.home / "models" / "loras" / MODEL["name"]).write_bytes(b"x")
    click(card.look_button)
    settle(window)

    # The other node names it in a folder where it is not, and would be refused.
    (part,) = card.model_rows
    assert [place.key for place in part.row.places] == ["9"]
    click(part.suggestion)
    settle(window)
    assert card.model_rows == []
    assert values(item) == [MODEL["name"]] * 2
    assert window.run_port.calls.count(("refresh",)) == 2


def test_u_365_the_card_leads_to_a_node_that_needs_the_model(window, lacking):
    _, card = lacking
    card.go_to(card.model_rows[0].row.places[1])
    QApplication.processEvents()

    assert not card.isVisible()
    assert list(window.view.canvas.selection.nodes) == ["9"]


def test_u_365_a_model_of_nodes_that_are_not_installed_stays_as_it_is(ready, tmp_path):
    item = open_file(ready, needy(tmp_path / "Needy.json"))
    (ready.home / "models" / "loras").mkdir(parents=True)
    (ready.home / "models" / "loras" / "soft_v1.safetensors").write_bytes(b"x")
    assert ready.commands.trigger("file.requirements")
    card = card_of(ready)
    click(card.model_rows[0].suggestion)
    settle(ready)

    assert not item.document.is_modified
    assert toasts(ready)[-1].detail == "The nodes that name the model are not installed."


def test_every_way_into_a_tab_is_checked(ready, tmp_path):
    text = needy(tmp_path / "Needy.json").read_text()
    run_task(ready.canvas_wiring._open_text(text))
    settle(ready)
    assert [toast.title for toast in toasts(ready)] == [
        "“Pasted workflow” needs what is not installed"
    ]
    recovered = Recovery(tmp_path / "r1.json", "Lost work", None, 0.0, text.encode())
    run_task(ready.session._restore(recovered))
    settle(ready)
    assert "“Lost work” needs what is not installed" in [each.title for each in toasts(ready)]


def test_restored_tabs_are_checked_when_they_are_shown(make_window, tmp_path):
    home = tmp_path / "home"
    first = make_window(home=home)
    for name in ("One.json", "Two.json"):
        open_file(first, needy(tmp_path / name))
    first.session.remember()
    second = make_window(home=home)
    settle(second)
    second.run_port.definitions_changed.emit(DEFINITIONS)
    settle(second)
    assert [toast.title for toast in toasts(second)] == ["“Two” needs what is not installed"]

    second.documents.show(second.documents.items[0])
    settle(second)
    assert "“One” needs what is not installed" in [toast.title for toast in toasts(second)]
    count = len(toasts(second))
    second.documents.show(second.documents.items[1])
    settle(second)
    assert len(toasts(second)) == count


def test_the_check_can_be_switched_off(ready, tmp_path):
    ready.settings.set("packs.tell_missing", False)
    open_file(ready, needy(tmp_path / "Needy.json"))
    assert toasts(ready) == []


def test_u_365_the_same_file_in_another_folder_is_offered_by_its_path(window, tmp_path):
    with_loras(window)
    folder = window.home / "models" / "loras"
    (folder / "mine" / MODEL["name"]).write_bytes(b"x")
    item = open_file(window, loaders(tmp_path / "Loaders.json"))
    assert window.commands.trigger("file.requirements")
    (part,) = card_of(window).model_rows
    assert part.suggestion.text() == f"Use “mine/{MODEL['name']}”"

    click(part.suggestion)
    settle(window)

    assert values(item) == [f"mine/{MODEL['name']}"] * 2
    assert card_of(window).model_rows == []


def test_templates_and_drops_are_checked(ready, tmp_path):
    template = Template("t", "Soft portrait", needy(tmp_path / "Template.json"))
    run_task(open_template(ready, template))
    settle(ready)
    assert "“Soft portrait” needs what is not installed" in [each.title for each in toasts(ready)]

    dropped = str(needy(tmp_path / "Dropped.json"))
    ready.view.files_dropped.emit([dropped], QPointF(0, 0), None)
    settle(ready)
    assert "“Dropped” needs what is not installed" in [each.title for each in toasts(ready)]
