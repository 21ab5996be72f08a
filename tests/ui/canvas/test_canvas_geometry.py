import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QRectF, QSizeF

from app.ui import theme
from app.ui.canvas import link_routes, pictures
from app.ui.canvas.box_index import BoxIndex
from app.ui.canvas.detail import Detail, detail_at, ladder_zoom
from app.ui.canvas.link_routes import LinkStyle
from app.ui.canvas.node_colors import NAMED_COLORS, node_colors
from app.ui.canvas.selection import Selection
from app.ui.canvas.title_painter import time_words

SIDES = st.floats(-8000, 8000, allow_nan=False)
BOXES = st.tuples(SIDES, SIDES, st.floats(0, 9000), st.floats(0, 9000)).map(
    lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3])
)


def naive(boxes, asked):
    left, top, right, bottom = asked
    return [
        number
        for number, (x0, y0, x1, y1) in enumerate(boxes)
        if x0 <= right and x1 >= left and y0 <= bottom and y1 >= top
    ]


@given(st.lists(BOXES, max_size=40), BOXES)
def test_the_index_finds_what_a_plain_loop_finds(boxes, asked):
    index = BoxIndex()
    for box in boxes:
        index.append(box)

    assert index.touching(asked) == naive(boxes, asked)


def test_the_index_follows_boxes_that_move_and_go():
    rng = random.Random(3)
    boxes = [(0.0, 0.0, 100.0, 100.0)] * 30
    index = BoxIndex()
    for box in boxes:
        index.append(box)
    for _ in range(500):
        number = rng.randrange(30)
        x, y = rng.uniform(-9000, 9000), rng.uniform(-9000, 9000)
        boxes[number] = (x, y, x + rng.uniform(0, 60_000), y + 50)
        index.set(number, boxes[number])
    gone = 7
    index.clear_box(gone)

    everything = (-1e6, -1e6, 1e6, 1e6)
    assert index.touching(everything) == [n for n in range(30) if n != gone]
    near = (-500.0, -500.0, 500.0, 500.0)
    assert index.touching(near) == [n for n in naive(boxes, near) if n != gone]


def test_a_link_leans_out_by_a_quarter_of_the_distance():
    (curve,) = link_routes.route((0.0, 0.0), (300.0, 400.0))

    assert curve == (0, 0, 125, 0, 175, 400, 300, 400)


def test_a_link_through_reroutes_visits_each():
    curves = link_routes.route((0, 0), (300, 0), [(100, 80), (200, 80)])

    ends = [(curve[6], curve[7]) for curve in curves]
    assert ends == [(100, 80), (200, 80), (300, 0)]
    lean = math.hypot(curves[0][6] - curves[0][4], curves[0][7] - curves[0][5])
    assert lean == pytest.approx(20.0)


@pytest.mark.parametrize("style", [LinkStyle.STRAIGHT, LinkStyle.LINEAR])
def test_other_styles_begin_and_end_in_the_same_places(style):
    curves = link_routes.route((10, 20), (300, 220), (), style)

    assert curves[0][:2] == (10, 20)
    assert curves[-1][6:] == (300, 220)


@given(st.floats(0.0, 0.9), st.floats(0.05, 1.0))
def test_a_cut_piece_runs_along_the_whole_curve(start, length):
    end = min(1.0, start + length)
    (curve,) = link_routes.route((0.0, 0.0), (700.0, -300.0))

    piece = link_routes.cut(curve, start, end)

    for part in (0.0, 0.3, 1.0):
        expected = link_routes.point_at(curve, start + (end - start) * part)
        assert link_routes.point_at(piece, part) == pytest.approx(expected, abs=1e-6)


def test_boxes_around_the_pieces_hold_the_curve():
    (curve,) = link_routes.route((0.0, 0.0), (-2000.0, 1500.0))
    boxes = link_routes.piece_boxes(curve, 0.0)

    for step in range(301):
        x, y = link_routes.point_at(curve, step / 300)
        assert any(x0 <= x <= x1 and y0 <= y <= y1 for x0, y0, x1, y1 in boxes)


def test_distance_to_a_link():
    curves = link_routes.route((0.0, 0.0), (400.0, 0.0))

    assert link_routes.distance(curves, 200.0, 12.0) == pytest.approx(12.0)


@pytest.mark.parametrize(
    ("zoom", "ratio", "level"),
    [
        (1.0, 1.0, Detail.FULL),
        (0.58, 1.0, Detail.FULL),
        (0.56, 1.0, Detail.TITLES),
        (0.45, 2.0, Detail.FULL),
        (0.34, 1.0, Detail.BOXES),
        (0.14, 1.0, Detail.FLAT),
    ],
)
def test_u022_levels_of_detail(zoom, ratio, level):
    assert detail_at(zoom, ratio) is level


def test_zooming_uses_four_steps_an_octave():
    steps = {ladder_zoom(1.0 * 1.01**count) for count in range(70)}

    # 1.01 ** 69 is just under two: one octave.
    assert len(steps) == 5


@pytest.mark.parametrize(
    ("count", "room", "columns"),
    [(1, (200, 200), 1), (4, (200, 200), 2), (3, (600, 200), 3), (3, (200, 600), 1)],
)
def test_u276_a_batch_takes_the_grid_with_the_largest_pictures(count, room, columns):
    cells = pictures.grid_cells(count, QSizeF(64, 64), QRectF(0, 0, *room))

    assert len(cells) == count
    assert len({round(cell.left()) for cell in cells}) == columns


def test_u275_pictures_are_never_enlarged():
    rect = pictures.fitted(QSizeF(64, 32), QRectF(0, 0, 300, 300), enlarge=False)

    assert (rect.width(), rect.height()) == (64, 32)
    assert rect.center() == QRectF(0, 0, 300, 300).center()


def test_live_previews_fill_their_room():
    rect = pictures.fitted(QSizeF(64, 32), QRectF(0, 0, 300, 300), enlarge=True)

    assert (rect.width(), rect.height()) == (300, 150)


@pytest.mark.parametrize("name", ["dark", "light"])
@pytest.mark.parametrize("color", NAMED_COLORS)
def test_u145_the_nine_colours_tint_a_node_in_both_themes(fonts, name, color):
    style = theme.load_style(name)
    title, body, _ = NAMED_COLORS[color]

    plain = node_colors(style, None, None)
    tinted = node_colors(style, title, body)

    assert tinted.body != plain.body
    assert tinted.title != plain.title


def test_a_colour_that_cannot_be_read_leaves_the_node_plain(fonts):
    style = theme.load_style("dark")

    assert node_colors(style, "no such colour", "#12") == node_colors(style, None, None)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.42, "0.4 s"), (14.2, "14 s"), (67, "1:07"), (600, "10:00")]
)
def test_times_in_few_letters(seconds, words):
    assert time_words(seconds) == words


def test_selections_add_and_take_away():
    first = Selection.of(["1", "2"], ["0"])
    second = Selection.of(["2", "3"])

    assert list(first.united(second).nodes) == ["1", "2", "3"]
    assert list(first.without(second).nodes) == ["1"]
    assert set(first.toggled(second).nodes) == {"1", "3"}
    assert list(first.without(second).groups) == ["0"]
