"""Conditions as a network takes them, and how those of several calls become one batch.

A model turns the plain values of a conditioning entry into these objects once a run. Before
each call they are cut to the entry's area and brought to the batch's size, and entries whose
conditions fit together are evaluated in one call (D-070). Method names are those that node
packs implement and call.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import torch

from app.engine.imaging.batches import repeat_to_batch_size

Area = Sequence[int]
"""Sizes of all latent axes, then offsets of all latent axes: ``(height, width, y, x)``."""


class Cond:
    """A tensor that belongs to each item of the batch, such as a vector.

    Args:
        cond: ``(items, ...)``; items are repeated or cut to the batch.
    """

    def __init__(self, cond: Any) -> None:
        self.cond = cond

    def _with(self, cond: Any) -> Self:
        return type(self)(cond)

    def process_cond(self, batch_size: int, area: Area | None = None, **_: Any) -> Self:
        """Return the condition for a batch; ``area`` matters to pictures only."""
        return self._with(repeat_to_batch_size(self.cond, batch_size))

    def can_concat(self, other: Any) -> bool:
        """Tell whether ``other`` fits into one batch with this."""
        return bool(self.cond.shape == other.cond.shape and self.cond.device == other.cond.device)

    def concat(self, others: Sequence[Any]) -> Any:
        """Return what the network takes for this followed by ``others``."""
        return torch.cat([self.cond, *(other.cond for other in others)])

    def size(self) -> list[int]:
        """Return the shape, for estimates of memory."""
        return list(self.cond.shape)

    def can_be_cut(self, batch_size: int) -> bool:
        """Tell whether a part of a batch of that size has a part of this as its condition."""
        return isinstance(self.cond, torch.Tensor) and self.cond.shape[0] == batch_size

    def cut(self, first: int, last: int) -> Self:
        """Return the condition of the items ``first`` to ``last`` of the batch."""
        return self._with(self.cond[first:last])


class CondNoiseShape(Cond):
    """A tensor with the axes of the latent, cut to the entry's area."""

    def process_cond(self, batch_size: int, area: Area | None = None, **_: Any) -> Self:
        """See :meth:`Cond.process_cond`."""
        data = self.cond
        if area is not None:
            axes = len(area) // 2
            for axis in range(axes):
                data = data.narrow(axis + 2, area[axes + axis], area[axis])
        return self._with(repeat_to_batch_size(data, batch_size))


class CondCrossAttention(Cond):
    """Tokens ``(items, tokens, channels)``; different lengths are brought together.

    Repeating all tokens changes nothing in attention, so shorter ones are repeated to the
    least common multiple when that is at most four times the shorter length.
    """

    LONGEST = 4

    def can_concat(self, other: Any) -> bool:
        """See :meth:`Cond.can_concat`."""
        mine, theirs = self.cond.shape, other.cond.shape
        if mine == theirs:
            return bool(self.cond.device == other.cond.device)
        if mine[0] != theirs[0] or mine[2:] != theirs[2:]:
            return False
        if math.lcm(mine[1], theirs[1]) // min(mine[1], theirs[1]) > self.LONGEST:
            return False
        return bool(self.cond.device == other.cond.device)

    def concat(self, others: Sequence[Any]) -> torch.Tensor:
        """See :meth:`Cond.concat`."""
        conds = [self.cond, *(other.cond for other in others)]
        length = math.lcm(*(cond.shape[1] for cond in conds))
        return torch.cat(
            [
                cond if cond.shape[1] == length else cond.repeat(1, length // cond.shape[1], 1)
                for cond in conds
            ]
        )


class CondConstant(Cond):
    """A value that must be equal for the whole batch."""

    def process_cond(self, batch_size: int, area: Area | None = None, **_: Any) -> Self:
        """Return the same value."""
        return self._with(self.cond)

    def can_concat(self, other: Any) -> bool:
        """See :meth:`Cond.can_concat`."""
        return bool(self.cond == other.cond)

    def concat(self, others: Sequence[Any]) -> Any:
        """Return the one value."""
        return self.cond

    def size(self) -> list[int]:
        """Return the shape of a single number."""
        return [1]

    def can_be_cut(self, batch_size: int) -> bool:
        """See :meth:`Cond.can_be_cut`; it holds for any part."""
        return True

    def cut(self, first: int, last: int) -> Self:
        """Return the same value."""
        return self._with(self.cond)


class CondList(Cond):
    """Several tensors, each repeated to the batch."""

    def process_cond(self, batch_size: int, area: Area | None = None, **_: Any) -> Self:
        """See :meth:`Cond.process_cond`."""
        return self._with([repeat_to_batch_size(tensor, batch_size) for tensor in self.cond])

    def can_concat(self, other: Any) -> bool:
        """See :meth:`Cond.can_concat`."""
        return [t.shape for t in self.cond] == [t.shape for t in other.cond]

    def concat(self, others: Sequence[Any]) -> list[torch.Tensor]:
        """See :meth:`Cond.concat`."""
        columns = zip(self.cond, *(other.cond for other in others), strict=True)
        return [torch.cat(column) for column in columns]

    def size(self) -> list[int]:
        """Return the shape of one tensor with as many values."""
        return [1, 1, sum(tensor.numel() for tensor in self.cond)]

    def can_be_cut(self, batch_size: int) -> bool:
        """See :meth:`Cond.can_be_cut`."""
        return all(tensor.shape[0] == batch_size for tensor in self.cond)

    def cut(self, first: int, last: int) -> Self:
        """See :meth:`Cond.cut`."""
        return self._with([tensor[first:last] for tensor in self.cond])
