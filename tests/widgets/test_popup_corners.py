"""Panels over the window: see-through around the body, or cut out where nothing blends windows."""

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QWidget

from app.ui import theme
from app.widgets import compositor
from app.widgets.completion import CompletionList
from app.widgets.popup import SHADOW, Popup

ANCHOR = QRect(100, 100, 80, 20)


@pytest.fixture(params=[True, False])
def is_blended(request, monkeypatch):
    monkeypatch.setattr(compositor, "has_compositor", lambda: request.param)
    return request.param


@pytest.fixture
def parent(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


def open_popup(qtbot, parent):
    popup = Popup(theme.load_style("dark"), parent)
    popup.open_under(ANCHOR, 200, 100)
    qtbot.waitExposed(popup)
    return popup


def test_a_panel_has_its_shadow_or_is_cut_to_its_body(qtbot, parent, is_blended):
    popup = open_popup(qtbot, parent)

    mask = popup.mask()
    assert popup.testAttribute(Qt.WidgetAttribute.WA_TranslucentBackground) == is_blended
    assert mask.isEmpty() == is_blended
    if not is_blended:
        body = popup.body_rect
        assert mask.boundingRect() == body
        assert not mask.contains(body.topLeft())
        assert mask.contains(body.topLeft() + QPoint(9, 9))
        assert mask.contains(body.center())


def test_a_cut_panel_is_whole_again_in_another_size(qtbot, parent, monkeypatch):
    monkeypatch.setattr(compositor, "has_compositor", lambda: False)
    popup = open_popup(qtbot, parent)

    popup.open_under(ANCHOR, 320, 180)

    assert popup.mask().boundingRect() == QRect(SHADOW, SHADOW, 320, 180)


def test_nothing_black_is_painted_inside_a_cut_panel(qtbot, parent, monkeypatch):
    monkeypatch.setattr(compositor, "has_compositor", lambda: False)
    popup = open_popup(qtbot, parent)
    picture, body = popup.grab().toImage(), popup.body_rect
    ground = popup.color("surface.popup")

    for corner in (body.topLeft() + QPoint(3, 3), body.center()):
        assert picture.pixelColor(corner) == ground


def test_the_list_of_suggestions_is_cut_too(qtbot, is_blended):
    suggestions = CompletionList(theme.load_style("dark"))
    qtbot.addWidget(suggestions)
    suggestions.resize(240, 120)
    suggestions.show()

    assert suggestions.mask().isEmpty() == is_blended


def test_platforms_that_always_blend_are_not_asked(qapp):
    assert compositor.has_compositor()
