"""Which of many boxes touch a rectangle.

Boxes are filed under the cells of a coarse grid that they touch, so a question costs what its
answer is long, and moving a box within its cells costs next to nothing. This needs no numpy,
which is not loaded before the window is on screen (decision 16), and is as fast as one pass of
numpy over 10,000 boxes.
"""

from __future__ import annotations

Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""

CELL = 1024.0
MOST_CELLS = 48
"""A box over more cells than this is looked at in every question instead."""

_Cells = tuple[int, int, int, int]


class BoxIndex:
    """Boxes by number."""

    def __init__(self) -> None:
        self._boxes: list[Box | None] = []
        self._cells_of: list[_Cells | None] = []
        self._cells: dict[tuple[int, int], dict[int, None]] = {}
        self._wide: dict[int, None] = {}

    def __len__(self) -> int:
        return len(self._boxes)

    def append(self, box: Box) -> int:
        """Add a box and return its number."""
        number = len(self._boxes)
        self._boxes.append(None)
        self._cells_of.append(None)
        self.set(number, box)
        return number

    def set(self, number: int, box: Box) -> None:
        """Replace a box."""
        self._boxes[number] = box
        cells = _cells(box)
        if cells != self._cells_of[number]:
            self._unfile(number)
            self._file(number, cells)

    def get(self, number: int) -> Box:
        """Return a box.

        Raises:
            KeyError: There is no such box (any more).
        """
        box = self._boxes[number]
        if box is None:
            raise KeyError(number)
        return box

    def clear_box(self, number: int) -> None:
        """Remove a box; its number may be set again."""
        self._unfile(number)
        self._boxes[number] = None

    def clear(self) -> None:
        """Remove all boxes."""
        self._boxes.clear()
        self._cells_of.clear()
        self._cells.clear()
        self._wide.clear()

    def touching(self, box: Box) -> list[int]:
        """Return the numbers of all boxes that touch ``box``, in rising order."""
        left, top, right, bottom = box
        x0, y0, x1, y1 = _cells(box)
        found = dict.fromkeys(self._wide)
        cells = self._cells
        if (x1 - x0 + 1) * (y1 - y0 + 1) > len(cells):
            for (x, y), members in cells.items():
                if x0 <= x <= x1 and y0 <= y <= y1:
                    found.update(members)
        else:
            for x in range(x0, x1 + 1):
                for y in range(y0, y1 + 1):
                    members_here = cells.get((x, y))
                    if members_here is not None:
                        found.update(members_here)
        boxes = self._boxes
        numbers = [
            number
            for number in found
            if (other := boxes[number]) is not None
            and other[0] <= right
            and other[2] >= left
            and other[1] <= bottom
            and other[3] >= top
        ]
        numbers.sort()
        return numbers

    def _file(self, number: int, cells: _Cells) -> None:
        self._cells_of[number] = cells
        x0, y0, x1, y1 = cells
        if (x1 - x0 + 1) * (y1 - y0 + 1) > MOST_CELLS:
            self._wide[number] = None
            return
        for x in range(x0, x1 + 1):
            for y in range(y0, y1 + 1):
                self._cells.setdefault((x, y), {})[number] = None

    def _unfile(self, number: int) -> None:
        cells = self._cells_of[number]
        if cells is None:
            return
        self._cells_of[number] = None
        if self._wide.pop(number, self) is None:
            return
        x0, y0, x1, y1 = cells
        for x in range(x0, x1 + 1):
            for y in range(y0, y1 + 1):
                members = self._cells[(x, y)]
                del members[number]
                if not members:
                    del self._cells[(x, y)]


def _cells(box: Box) -> _Cells:
    return (
        int(box[0] // CELL),
        int(box[1] // CELL),
        int(box[2] // CELL),
        int(box[3] // CELL),
    )
