"""What a title bar shows: the whole title first, then signs, then the time."""

import json

import pytest
from canvas_hands import TYPES, raw_node, raw_workflow
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage, QPainter

from app.engine.workflow.bind import bind_graph
from app.engine.workflow.reader import read_workflow
from app.ui import theme
from app.ui.canvas.node_colors import node_colors
from app.ui.canvas.node_fonts import node_fonts
from app.ui.canvas.node_layout import arrange_node
from app.ui.canvas.node_view import NodeView
from app.ui.canvas.title_painter import SIGNS_END, TitlePainter
from app.ui.run_state import NodePhase


class Words:
    """A painter that keeps the words it is given."""

    def __init__(self, painter):
        self._painter = painter
        self.drawn = []
        self.paths = 0

    def drawText(self, place, words):
        self.drawn.append((place.x(), words))

    def drawPath(self, path):
        self.paths += 1

    def __getattr__(self, name):
        return getattr(self._painter, name)


@pytest.fixture
def title_of(fonts):
    style = theme.load_style("dark")
    ink = node_fonts(style)

    def draw(title, width=140.0, **more):
        raw = raw_workflow([raw_node(1, "Viewer", (0, 0), (width, 60), title=title)])
        workflow = read_workflow(json.dumps(raw))
        bound = bind_graph(workflow, workflow.root, TYPES)
        node = bound.nodes["1"]
        layout = arrange_node(node, (width, 60.0), [], [])
        colors = node_colors(style, None, None, 0, is_missing=False, is_note=False)
        view = NodeView(node, layout, colors, [], [], **more)
        image = QImage(400, 100, QImage.Format.Format_ARGB32_Premultiplied)
        with QPainter(image) as painter:
            words = Words(painter)
            painter.translate(QPointF(0.0, 40.0))
            TitlePainter(style, ink).paint(words, view)
        return words

    return draw


@pytest.mark.parametrize("title", ["Preview Image", "VAE Decode", "VAE Encode", "Save Image"])
def test_u161_a_new_node_of_the_least_width_shows_its_whole_title(title_of, title):
    assert [words for _, words in title_of(title).drawn] == [title]


def test_u161_a_title_is_cut_before_the_edge(title_of):
    ((x, words),) = title_of("Preview Image of the harbour").drawn

    assert words.endswith("…")
    width = node_fonts(theme.load_style("dark")).title.width(words)
    assert x + width <= 140.0 - 6.0


def test_u161_the_time_is_shown_where_there_is_room_for_it(title_of):
    drawn = title_of("VAE Decode", 210.0, phase=NodePhase.DONE, seconds=0.4).drawn

    assert [words for _, words in drawn] == ["0.4 s", "VAE Decode"]


def test_u161_the_time_makes_way_for_the_title(title_of):
    done = title_of("VAE Decode", phase=NodePhase.DONE, seconds=0.4)

    assert [words for _, words in done.drawn] == ["VAE Decode"]
    assert done.paths == title_of("VAE Decode").paths + 1, "the tick stays"


def test_u161_a_tick_above_a_picture_makes_way_for_the_title(title_of):
    picture = QImage(8, 8, QImage.Format.Format_RGB32)
    done = title_of("Preview Image", phase=NodePhase.DONE, seconds=0.4, pictures=[picture])

    assert [words for _, words in done.drawn] == ["Preview Image"]
    assert done.paths == title_of("Preview Image").paths


def test_u161_steps_take_only_the_room_of_their_words(title_of):
    assert title_of("Preview Image", phase=NodePhase.RUNNING).drawn[-1][1] == "Preview Image"
    (_, words) = title_of("Preview Image", phase=NodePhase.RUNNING, maximum=20).drawn[-1]
    width = node_fonts(theme.load_style("dark"))
    assert words.endswith("…")
    end = 140.0 - SIGNS_END - width.steps.width("20/20")
    assert 30.0 + width.title.width(words) <= end
