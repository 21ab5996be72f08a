"""Fixtures: canvases that are shown on the offscreen platform."""

from __future__ import annotations

import pytest
from canvas_hands import CHAIN, Canvas

from app.ui import theme


@pytest.fixture(scope="session")
def fonts(qapp):
    theme.load_fonts()


@pytest.fixture
def make_canvas(qtbot, fonts):
    return lambda raw, **more: Canvas(qtbot, raw, **more)


@pytest.fixture
def canvas(make_canvas):
    """A loader, a filter and a viewer in a row, linked."""
    return make_canvas(CHAIN)
