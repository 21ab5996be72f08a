"""Native controls of node packs: they reach their nodes, and a broken pack stays alone."""

import pytest
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QSlider

from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.edits import add_node, remove_nodes
from app.engine.workflow.reader import new_workflow
from app.ui.canvas.view import CanvasView
from app.ui.document import WorkflowDocument
from app.ui.pack_widgets import PackWidgets
from app.ui.run_state import RunState
from app.ui.theme import load_style
from app.ui.widget_modules import read_widget_modules

BLEND = NodeDefinition.from_object_info(
    "MyBlend",
    {
        "input": {"required": {"mix": ["FLOAT", {"default": 0.25, "min": 0, "max": 1}]}},
        "output": ["IMAGE"],
    },
)

GOOD = """
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSlider
from app.widgets.dom import DomOptions

def make(node):
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(0, 100)
    control = node.add_dom_widget("mix", "slider", slider, DomOptions(
        min_height=28, max_height=28, get_value=lambda: slider.value() / 100,
        set_value=lambda value: slider.setValue(round(float(value) * 100))))
    slider.valueChanged.connect(lambda _: control.notify_change())

NODE_WIDGETS = {"MyBlend": make}
"""


@pytest.fixture
def canvas(qtbot):
    document = WorkflowDocument(new_workflow(), {"MyBlend": BLEND})
    view = CanvasView(document, RunState(), load_style("dark"))
    qtbot.addWidget(view)
    view.resize(600, 400)
    view.show()
    yield document, view
    view.close_view()


def pack(tmp_path, text):
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "easel_widgets.py").write_text(text, "utf-8")
    return read_widget_modules([("blends", str(tmp_path))])


def add_blend(document):
    patch, key = add_node(document.workflow, document.bound, BLEND, (50.0, 50.0))
    document.apply(patch, "Add node")
    return key


def test_a_pack_puts_a_live_widget_into_each_of_its_nodes(canvas, tmp_path):
    document, view = canvas
    widgets = PackWidgets()
    widgets.watch(view)
    first = add_blend(document)

    widgets.take_modules(pack(tmp_path, GOOD))
    second = add_blend(document)

    sliders = view.viewport().findChildren(QSlider)
    assert len(sliders) == 2
    assert {slider.value() for slider in sliders} == {25}
    assert first != second


def test_moving_the_live_widget_is_an_edit_that_can_be_undone(canvas, tmp_path):
    document, view = canvas
    widgets = PackWidgets()
    widgets.watch(view)
    widgets.take_modules(pack(tmp_path, GOOD))
    key = add_blend(document)

    view.viewport().findChild(QSlider).setValue(80)

    assert document.node(key).widget("mix").value == pytest.approx(0.8)
    document.undo_stack.undo()
    assert document.node(key).widget("mix").value == pytest.approx(0.25)


def test_a_node_that_comes_back_by_undo_has_its_widget(canvas, tmp_path):
    document, view = canvas
    widgets = PackWidgets()
    widgets.watch(view)
    widgets.take_modules(pack(tmp_path, GOOD))
    key = add_blend(document)
    document.apply(remove_nodes(document.workflow, document.bound, [key]), "Delete")

    document.undo_stack.undo()

    assert len(view.viewport().findChildren(QSlider)) == 1


@pytest.mark.parametrize(
    "text",
    ["raise SystemExit(3)", "import no_such_module", "NODE_WIDGETS = 5", "x = 1"],
)
def test_a_pack_whose_file_fails_is_named(tmp_path, qtbot, text):
    widgets = PackWidgets()

    with qtbot.waitSignal(widgets.failed) as caught:
        widgets.take_modules(pack(tmp_path, text))

    assert caught.args[0] == "blends"


def test_a_pack_whose_maker_fails_is_named_and_the_node_stays(canvas, tmp_path, qtbot):
    document, view = canvas
    widgets = PackWidgets()
    widgets.watch(view)
    widgets.take_modules(
        pack(
            tmp_path, "def make(node):\n    raise KeyError('mix')\nNODE_WIDGETS = {'MyBlend': make}"
        )
    )

    with qtbot.waitSignal(widgets.failed):
        key = add_blend(document)

    assert key in view.canvas.nodes


def test_a_file_that_is_no_python_is_left_out(tmp_path, caplog):
    assert pack(tmp_path, "def :") == []
    assert "cannot be used" in caplog.text


def test_a_pack_without_such_a_file_brings_nothing(tmp_path):
    assert read_widget_modules([("plain", str(tmp_path))]) == []


def test_the_view_may_go_before_the_pack_widgets(qtbot, tmp_path):
    document = WorkflowDocument(new_workflow(), {"MyBlend": BLEND})
    view = CanvasView(document, RunState(), load_style("dark"))
    widgets = PackWidgets()
    widgets.watch(view)
    view.centerOn(QPointF(0, 0))
    view.close_view()
    view.deleteLater()
    del view

    widgets.take_modules(pack(tmp_path, GOOD))
