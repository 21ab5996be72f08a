"""Make self-attention cheaper: in tiles, or with like cells merged.

Both are pairs of hooks around the self-attention of a UNet: one for what goes in, one for what
comes out. Random choices draw from torch's global generator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch

Options = dict[str, Any]
Qkv = tuple[torch.Tensor, torch.Tensor, torch.Tensor]

_PX_PER_CELL: Final = 8
_SMALLEST_TILE_PX: Final = 32
_CELL_GROUP: Final = 2
"""One cell of each square of so many cells a side is never merged away."""


def _random_tiles(length: int, smallest: int, choices: int) -> int:
    """Return into how many equal tiles of at least ``smallest`` cells a side is cut."""
    smallest = min(smallest, length)
    sizes = [size for size in range(smallest, length + 1) if length % size == 0]
    counts = [length // size for size in sizes[:choices]]
    last = len(counts) - 1
    return counts[int(torch.randint(0, last, (1,))) if last > 0 else 0]


class TiledAttention:
    """Self-attention inside tiles of random size.

    Args:
        tile_px: Smallest side of a tile in px of the picture.
        choices: Number of sizes to choose from.
        max_depth: Levels of the network below the first that are tiled.
        scale_depth: Whether tiles of deeper levels have more cells.
    """

    def __init__(self, tile_px: int, choices: int, max_depth: int, scale_depth: bool) -> None:
        self.smallest = max(_SMALLEST_TILE_PX, tile_px) // _PX_PER_CELL
        self.choices = choices
        self.max_depth = max_depth
        self.scale_depth = scale_depth
        self._cut: tuple[int, int, int, int] | None = None

    def cut(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, options: Options) -> Qkv:
        """Turn the tiles of ``(batch, cells, channels)`` into batch items."""
        self._cut = None
        rows, columns = options["activations_shape"][-2:]
        full_rows, full_columns = options["original_shape"][-2:]
        depth = next(
            (
                level
                for level in range(self.max_depth + 1)
                if full_rows * full_columns == rows * columns * 4**level
            ),
            None,
        )
        if depth is None or q.shape[1] != rows * columns:
            return q, k, v
        smallest = self.smallest * (2**depth if self.scale_depth else 1)
        down = _random_tiles(rows, smallest, self.choices)
        across = _random_tiles(columns, smallest, self.choices)
        if down * across == 1:
            return q, k, v
        self._cut = (down, across, rows // down, columns // across)
        same = k is q and v is q
        tiles = self._tiles(q)
        return (tiles, tiles, tiles) if same else (tiles, self._tiles(k), self._tiles(v))

    def _tiles(self, tokens: torch.Tensor) -> torch.Tensor:
        assert self._cut is not None
        down, across, rows, columns = self._cut
        split = tokens.reshape(tokens.shape[0], down, rows, across, columns, -1)
        return split.transpose(2, 3).reshape(-1, rows * columns, tokens.shape[-1])

    def join(self, out: torch.Tensor, options: Options) -> torch.Tensor:
        """Put the tiles together again."""
        if self._cut is None:
            return out
        down, across, rows, columns = self._cut
        self._cut = None
        split = out.reshape(-1, down, across, rows, columns, out.shape[-1])
        return split.transpose(2, 3).reshape(split.shape[0], -1, out.shape[-1])


Spread = Callable[[torch.Tensor], torch.Tensor]


class MergedAttention:
    """Self-attention with queries that are alike computed once.

    Source: Bolya and Hoffman 2023, "Token Merging for Fast Stable Diffusion"
    (arXiv:2303.17604).

    Args:
        ratio: Share of the cells that are merged into others.
    """

    def __init__(self, ratio: float) -> None:
        self.ratio = ratio
        self._spread: Spread | None = None

    def merge(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, options: Options) -> Qkv:
        """Return fewer queries; keys and values stay."""
        self._spread = None
        rows, columns = options["activations_shape"][-2:]
        # Deeper levels are cheap already, and merging there costs detail.
        if tuple(options["original_shape"][-2:]) != (rows, columns) or q.shape[1] != rows * columns:
            return q, k, v
        count = int(q.shape[1] * self.ratio)
        if count <= 0:
            return q, k, v
        merged, self._spread = merge_alike(q, rows, columns, count)
        return merged, k, v

    def spread(self, out: torch.Tensor, options: Options) -> torch.Tensor:
        """Give every cell the result of the one it was merged into."""
        if self._spread is None:
            return out
        spread, self._spread = self._spread, None
        return spread(out)


def merge_alike(
    tokens: torch.Tensor, rows: int, columns: int, count: int
) -> tuple[torch.Tensor, Spread]:
    """Merge the cells that are most like one of the kept ones.

    Args:
        tokens: ``(batch, rows * columns, channels)``.
        rows: Rows of cells.
        columns: Columns of cells.
        count: Cells to merge away, at most those that are not kept in any case.

    Returns:
        ``(batch, rows * columns - merged, channels)``, and what brings a result of that length
        back to all cells.
    """
    batch, cells, channels = tokens.shape
    kept = _kept_cells(rows, columns).to(tokens.device)
    others = torch.ones(cells, dtype=torch.bool, device=tokens.device)
    others[kept] = False
    loose = others.nonzero().flatten()
    count = min(count, len(loose))
    unit = tokens / tokens.norm(dim=-1, keepdim=True)
    best, target = (unit[:, loose] @ unit[:, kept].transpose(1, 2)).max(dim=-1)
    order = best.argsort(dim=-1, descending=True)
    gone, stays = order[:, :count], order[:, count:]
    into = target.gather(1, gone)

    def rows_of(values: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        return values.gather(1, index[..., None].expand(-1, -1, values.shape[-1]))

    source = tokens[:, loose]
    goal = tokens[:, kept].scatter_reduce(
        1, into[..., None].expand(-1, -1, channels), rows_of(source, gone), reduce="mean"
    )
    merged = torch.cat([rows_of(source, stays), goal], dim=1)

    def spread(out: torch.Tensor) -> torch.Tensor:
        left = stays.shape[1]
        goals = out[:, left:]
        whole = out.new_empty(batch, cells, out.shape[-1])
        whole[:, kept] = goals
        loose_out = out.new_empty(batch, len(loose), out.shape[-1])
        wide = (-1, -1, out.shape[-1])
        loose_out.scatter_(1, stays[..., None].expand(wide), out[:, :left])
        loose_out.scatter_(1, gone[..., None].expand(wide), rows_of(goals, into))
        whole[:, loose] = loose_out
        return whole

    return merged, spread


def _kept_cells(rows: int, columns: int) -> torch.Tensor:
    """Return one random cell of each square of cells, in rising order."""
    down, across = rows // _CELL_GROUP, columns // _CELL_GROUP
    chosen = torch.randint(_CELL_GROUP * _CELL_GROUP, size=(down, across, 1))[..., 0]
    y = torch.arange(down)[:, None] * _CELL_GROUP + chosen // _CELL_GROUP
    x = torch.arange(across)[None] * _CELL_GROUP + chosen % _CELL_GROUP
    return (y * columns + x).flatten().sort().values
