"""Which of many boxes touch a rectangle: four flat arrays and one pass over them.

With numpy the pass takes some 30 us for 10,000 boxes. numpy is not imported here, because the
window must be on screen before it is (decision 16); until another thread has loaded it, a plain
loop gives the same answer.
"""

from __future__ import annotations

import sys
from array import array
from types import ModuleType
from typing import Any

Box = tuple[float, float, float, float]

_EMPTY: Box = (1e18, 1e18, -1e18, -1e18)


def loaded_numpy() -> ModuleType | None:
    """Return numpy when something has imported it completely, else None."""
    module = sys.modules.get("numpy")
    # While another thread imports it, the half-made module is in the table already.
    if module is None or getattr(module.__spec__, "_initializing", False):
        return None
    return module


class BoxIndex:
    """Boxes ``(left, top, right, bottom)`` by number."""

    def __init__(self) -> None:
        self._sides = tuple(array("d") for _ in range(4))

    def __len__(self) -> int:
        return len(self._sides[0])

    def append(self, box: Box) -> int:
        """Add a box and return its number."""
        for side, value in zip(self._sides, box, strict=True):
            side.append(value)
        return len(self) - 1

    def set(self, number: int, box: Box) -> None:
        """Replace a box."""
        for side, value in zip(self._sides, box, strict=True):
            side[number] = value

    def get(self, number: int) -> Box:
        """Return a box."""
        left, top, right, bottom = self._sides
        return left[number], top[number], right[number], bottom[number]

    def clear_box(self, number: int) -> None:
        """Make a number touch nothing."""
        self.set(number, _EMPTY)

    def clear(self) -> None:
        """Remove all boxes."""
        self._sides = tuple(array("d") for _ in range(4))

    def touching(self, box: Box) -> list[int]:
        """Return the numbers of all boxes that touch ``box``, in rising order."""
        numpy = loaded_numpy()
        if numpy is not None and len(self) > 64:
            return self._touching_fast(numpy, box)
        left, top, right, bottom = box
        return [
            number
            for number, (x0, y0, x1, y1) in enumerate(zip(*self._sides, strict=True))
            if x0 <= right and x1 >= left and y0 <= bottom and y1 >= top
        ]

    def _touching_fast(self, numpy: Any, box: Box) -> list[int]:
        left, top, right, bottom = box
        # Views, not copies. They must not outlive this call: an array that is viewed cannot grow.
        x0, y0, x1, y1 = (numpy.frombuffer(side) for side in self._sides)
        mask = (x0 <= right) & (x1 >= left) & (y0 <= bottom) & (y1 >= top)
        numbers: list[int] = mask.nonzero()[0].tolist()
        return numbers
