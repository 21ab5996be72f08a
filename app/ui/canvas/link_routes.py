"""The course of a link: pure geometry, no painting.

A route is a list of cubic curves. The ends lean out by a quarter of the distance between them,
to the right of the output and to the left of the input; at a reroute the curve turns half way
between where it comes from and where it goes.
"""

from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Collection, Sequence

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainterPath

from app.ui.canvas.box_index import Box

Point = tuple[float, float]
Curve = tuple[float, float, float, float, float, float, float, float]
"""Start, two control points and end of a cubic curve, as ``x, y`` pairs in a row."""

END_LEAN = 0.25
REROUTE_LEAN = 20.0
STRAIGHT_STUB = 10.0
LINEAR_STUB = 15.0
_SAMPLES = 20
_LEAST_PIECES, _MOST_PIECES = 6, 64
_PIECE_LENGTH = 150.0


class LinkStyle(enum.Enum):
    """How links run (U-072)."""

    SPLINE = "spline"
    STRAIGHT = "straight"
    LINEAR = "linear"
    HIDDEN = "hidden"


def route(
    start: Point,
    end: Point,
    reroutes: Sequence[Point] = (),
    style: LinkStyle = LinkStyle.SPLINE,
    forks: Collection[int] = (),
) -> list[Curve]:
    """Return the curves from an output to an input.

    Args:
        start: Where the link leaves the source node.
        end: Where it meets the target node.
        reroutes: Points it runs through, from the source on.
        style: How it runs; hidden links run as splines.
        forks: Positions of reroutes after which other links run elsewhere: up to there all of them
            take one course, wherever they go.
    """
    points = [start, *reroutes, end]
    if style is LinkStyle.LINEAR:
        return _lines(_with_stubs(points, LINEAR_STUB))
    if style is LinkStyle.STRAIGHT:
        return _lines(_right_angles(points))
    if not reroutes:
        (x0, y0), (x1, y1) = start, end
        lean = END_LEAN * math.hypot(x1 - x0, y1 - y0)
        return [(x0, y0, x0 + lean, y0, x1 - lean, y1, x1, y1)]
    leans = _leans(points, forks)
    return [
        (
            before[0], before[1], before[0] + out[0], before[1] + out[1],
            after[0] - into[0], after[1] - into[1], after[0], after[1],
        )
        for before, after, out, into in zip(
            points, points[1:], leans, leans[1:], strict=False
        )
    ]  # fmt: skip


def _leans(points: Sequence[Point], forks: Collection[int]) -> list[Point]:
    """Return for each point the way from it to the control point of the curve that leaves it."""
    last = len(points) - 1
    leans: list[Point] = []
    for index, (x, y) in enumerate(points):
        if index in (0, last):
            near = points[1] if index == 0 else points[last - 1]
            leans.append((END_LEAN * math.hypot(near[0] - x, near[1] - y), 0.0))
            continue
        before, after = points[index - 1], points[index + 1]
        length = min(REROUTE_LEAN, END_LEAN * math.hypot(x - before[0], y - before[1]))
        into = math.atan2(y - before[1], x - before[0])
        turn = math.remainder(math.atan2(after[1] - y, after[0] - x) - into, math.tau)
        angle = into if index - 1 in forks else into + turn / 2
        leans.append((length * math.cos(angle), length * math.sin(angle)))
    return leans


def _with_stubs(points: Sequence[Point], stub: float) -> list[Point]:
    (x0, y0), (x1, y1) = points[0], points[-1]
    return [(x0, y0), (x0 + stub, y0), *points[1:-1], (x1 - stub, y1), (x1, y1)]


def _right_angles(points: Sequence[Point]) -> list[Point]:
    points = _with_stubs(points, STRAIGHT_STUB)
    corners = [points[0]]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if y0 != y1:
            middle = (x0 + x1) / 2
            corners += [(middle, y0), (middle, y1)]
        corners.append((x1, y1))
    return corners


def _lines(points: Sequence[Point]) -> list[Curve]:
    return [
        (x0, y0, x0 + (x1 - x0) / 3, y0 + (y1 - y0) / 3,
         x1 - (x1 - x0) / 3, y1 - (y1 - y0) / 3, x1, y1)
        for (x0, y0), (x1, y1) in itertools.pairwise(points)
    ]  # fmt: skip


def bounds(curves: Sequence[Curve], margin: float = 0.0) -> Box:
    """Return a box around the control points, and so around the curves."""
    if len(curves) == 1:
        x0, y0, x1, y1, x2, y2, x3, y3 = curves[0]
        return (
            min(x0, x1, x2, x3) - margin, min(y0, y1, y2, y3) - margin,
            max(x0, x1, x2, x3) + margin, max(y0, y1, y2, y3) + margin,
        )  # fmt: skip
    xs = [value for curve in curves for value in curve[0::2]]
    ys = [value for curve in curves for value in curve[1::2]]
    return (min(xs) - margin, min(ys) - margin, max(xs) + margin, max(ys) + margin)


def path_of(curves: Sequence[Curve]) -> QPainterPath:
    """Return the curves as a path."""
    path = QPainterPath()
    path.moveTo(curves[0][0], curves[0][1])
    for _, _, x1, y1, x2, y2, x3, y3 in curves:
        path.cubicTo(x1, y1, x2, y2, x3, y3)
    return path


def point_at(curve: Curve, t: float) -> Point:
    """Return the point of one curve at ``t`` from 0 to 1."""
    x0, y0, x1, y1, x2, y2, x3, y3 = curve
    s = 1.0 - t
    a, b, c, d = s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t
    return a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3


def extent(curve: Curve) -> float:
    """Return the distance between the ends of a curve."""
    return math.hypot(curve[6] - curve[0], curve[7] - curve[1])


def piece_boxes(curve: Curve, margin: float) -> list[Box]:
    """Return boxes around pieces of a curve: together far smaller than one box around all.

    The pieces are equal parts of the curve's range from 0 to 1; longer curves have more.
    """
    length = extent(curve)
    count = min(_MOST_PIECES, max(_LEAST_PIECES, round(length / _PIECE_LENGTH)))
    # Between two of the points the curve leaves the chord by less than this.
    margin += length / count**2
    x0, y0 = curve[0], curve[1]
    boxes = []
    for piece in range(1, count + 1):
        x1, y1 = point_at(curve, piece / count)
        boxes.append(
            (
                min(x0, x1) - margin,
                min(y0, y1) - margin,
                max(x0, x1) + margin,
                max(y0, y1) + margin,
            )
        )
        x0, y0 = x1, y1
    return boxes


def cut(curve: Curve, start: float, end: float) -> Curve:
    """Return the piece of a curve between two places from 0 to 1."""
    if end < 1.0:
        curve = _split(curve, end)[0]
    return _split(curve, start / end)[1] if start > 0.0 else curve


def _split(curve: Curve, t: float) -> tuple[Curve, Curve]:
    """Divide a curve in two by de Casteljau's construction."""
    x0, y0, x1, y1, x2, y2, x3, y3 = curve
    ax, ay = x0 + (x1 - x0) * t, y0 + (y1 - y0) * t
    bx, by = x1 + (x2 - x1) * t, y1 + (y2 - y1) * t
    cx, cy = x2 + (x3 - x2) * t, y2 + (y3 - y2) * t
    dx, dy = ax + (bx - ax) * t, ay + (by - ay) * t
    ex, ey = bx + (cx - bx) * t, by + (cy - by) * t
    fx, fy = dx + (ex - dx) * t, dy + (ey - dy) * t
    return (x0, y0, ax, ay, dx, dy, fx, fy), (fx, fy, ex, ey, cx, cy, x3, y3)


def middle(curves: Sequence[Curve]) -> QPointF:
    """Return the point half way along the middle curve."""
    count = len(curves)
    if count % 2:
        return QPointF(*point_at(curves[count // 2], 0.5))
    x, y = curves[count // 2][:2]
    return QPointF(x, y)


def distance(curves: Sequence[Curve], x: float, y: float) -> float:
    """Return how far a point is from the curves, in units."""
    best = math.inf
    for curve in curves:
        ax, ay = curve[0], curve[1]
        for step in range(1, _SAMPLES + 1):
            bx, by = point_at(curve, step / _SAMPLES)
            best = min(best, _distance_to_line(ax, ay, bx, by, x, y))
            ax, ay = bx, by
    return best


def crosses(curves: Sequence[Curve], start: Point, end: Point) -> bool:
    """Tell whether the line from ``start`` to ``end`` crosses the curves."""
    for curve in curves:
        before = (curve[0], curve[1])
        for step in range(1, _SAMPLES + 1):
            after = point_at(curve, step / _SAMPLES)
            if _side(before, after, start) != _side(before, after, end) and _side(
                start, end, before
            ) != _side(start, end, after):
                return True
            before = after
    return False


def _side(start: Point, end: Point, point: Point) -> bool:
    """Tell on which side of a line a point lies."""
    along = (end[0] - start[0]) * (point[1] - start[1])
    return along - (end[1] - start[1]) * (point[0] - start[0]) > 0.0


def _distance_to_line(ax: float, ay: float, bx: float, by: float, x: float, y: float) -> float:
    dx, dy = bx - ax, by - ay
    square = dx * dx + dy * dy
    along = 0.0 if square == 0.0 else max(0.0, min(1.0, ((x - ax) * dx + (y - ay) * dy) / square))
    return math.hypot(x - ax - along * dx, y - ay - along * dy)
